package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// XTables reads all legacy tables of a family, IP, IP6 or ARP, from the kernel, in
// the order of /proc/net/ip_tables_names and its like. It asks for no table that is not
// named there, so that none appears and no module is loaded by looking. The
// error joins that of each table that could not be read; the others are there.
func (h *Host) XTables(fam ruleset.Family) (tables []*xt.Table, err error) {
	err = h.NS.Do(func() (err error) {
		tables, err = xtables(fam)
		return err
	})
	if err != nil {
		return tables, fmt.Errorf("read the legacy tables of namespace %s: %w", h.NS.Name, err)
	}
	return tables, nil
}

// xtables runs on a thread inside the namespace.
func xtables(fam ruleset.Family) ([]*xt.Table, error) {
	names, err := legacyNames(fam)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	x, err := dialXt(fam)
	if err != nil {
		return nil, err
	}
	defer x.close()
	words := hostNames()
	sets, err := newSetNames()
	if err != nil {
		return nil, err
	}
	defer sets.x.close()
	words.Set = sets.name
	env := xt.Env{Family: fam, Names: words}
	var tables []*xt.Table
	var failed []error
	for _, name := range names {
		t, err := x.table(name, env)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		tables = append(tables, t)
	}
	return tables, errors.Join(failed...)
}

// table reads one table; hooks and entries are two questions, so the first is
// asked again behind the second.
func (x *xtSocket) table(name string, env xt.Env) (*xt.Table, error) {
	for range tries {
		before, err := x.hooks(name)
		if err != nil {
			return nil, err
		}
		entries, err := x.blob(name)
		if err != nil {
			return nil, err
		}
		after, err := x.hooks(name)
		if err != nil {
			return nil, err
		}
		if before == after {
			return xt.ParseTable(name, before, entries, env)
		}
	}
	return nil, fmt.Errorf("read legacy table %s: %w", name, errChanged)
}

func (x *xtSocket) hooks(table string) (xt.Hooks, error) {
	h, _, _, err := x.ask(table)
	return h, err
}

// names are the host's names for numbers, and those of ipsets.
func (x *xtSocket) names() *xt.Names {
	words := hostNames()
	words.Set = (&setNames{x: x, known: map[uint16]string{}}).name
	return words
}

// setNames asks what ipsets are called that rules hold by their index. A set in
// a rule means that the kernel has ipsets, so asking loads nothing. Only sockets
// of IPv4 may ask, for sets of either family (net/netfilter/ipset/ip_set_core.c: so_set).
type setNames struct {
	x       *xtSocket
	version uint32

	mu    sync.Mutex
	known map[uint16]string
}

// The socket option of ipsets (include/uapi/linux/netfilter/ipset/ip_set.h).
const (
	soIPSet        = 83    // SO_IP_SET
	ipsetByIndex   = 7     // IP_SET_OP_GET_BYINDEX
	ipsetVersion   = 0x100 // IP_SET_OP_VERSION
	ipsetNameLen   = 32    // IPSET_MAXNAMELEN
	sizeofIPSetReq = 8 + ipsetNameLen
)

// newSetNames runs on a thread inside the namespace; its socket is to be closed.
func newSetNames() (*setNames, error) {
	x, err := dialXt(ruleset.IP)
	if err != nil {
		return nil, err
	}
	return &setNames{x: x, known: map[uint16]string{}}, nil
}

// name returns "" for a set without a name, or one that may not be asked for. It
// may be called from several goroutines.
func (s *setNames) name(index uint16) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, known := s.known[index]
	if !known {
		name, _ = s.ask(index)
		s.known[index] = name
	}
	return name
}

func (s *setNames) ask(index uint16) (string, error) {
	if s.version == 0 {
		req := make([]byte, 8)
		binary.NativeEndian.PutUint32(req, ipsetVersion)
		if err := s.x.getAt(unix.SOL_IP, soIPSet, req); err != nil {
			return "", err
		}
		s.version = binary.NativeEndian.Uint32(req[4:])
	}
	req := make([]byte, sizeofIPSetReq)
	binary.NativeEndian.PutUint32(req, ipsetByIndex)
	binary.NativeEndian.PutUint32(req[4:], s.version)
	binary.NativeEndian.PutUint16(req[8:], index)
	if err := s.x.getAt(unix.SOL_IP, soIPSet, req); err != nil {
		return "", err
	}
	name := unix.ByteSliceToString(req[8:])
	if name == "" {
		return "", errors.New("no such set")
	}
	return name, nil
}
