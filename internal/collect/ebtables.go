package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// The socket options of ebtables, and where the parts of struct ebt_replace are on
// 64-bit machines (include/uapi/linux/netfilter_bridge/ebtables.h).
const (
	ebtSoGetInfo    = 128 // EBT_SO_GET_INFO
	ebtSoGetEntries = 129 // EBT_SO_GET_ENTRIES

	ebtHooks       = 32
	ebtEntryCount  = 36
	ebtEntriesSize = 40
	ebtNumCounters = 96
	ebtCounters    = 104
	ebtEntries     = 112
	sizeofEbtTable = 120

	sizeofEbtCounter = 16
)

// ebtTablesThere are the legacy tables of ebtables whose part of the kernel is there:
// asking for one of these loads no module.
func ebtTablesThere() (names []string) {
	for _, t := range []struct{ name, function string }{
		{"filter", "frame_filter_table_init"}, {"nat", "frame_nat_table_init"}, {"broute", "broute_table_init"},
	} {
		if lookUp("ebtable_"+t.name, t.function) == present {
			names = append(names, t.name)
		}
	}
	return names
}

// ebtables reads the legacy tables of ebtables whose part of the kernel is there. The
// error joins that of each table that could not be read.
func (h *Host) ebtables() (tables []*xt.Table, err error) {
	var failed []error
	err = h.NS.Do(func() error {
		x, err := dialXt(ruleset.IP) // whose level ebtables shares
		if err != nil {
			return err
		}
		defer x.close()
		env := xt.Env{Family: ruleset.Bridge, Names: hostNames()}
		for _, name := range ebtTablesThere() {
			t, err := x.ebtTable(name, env)
			switch {
			case errors.Is(err, unix.ENOPROTOOPT), errors.Is(err, unix.ENOENT):
				continue // a kernel without modules, which cannot be looked into, has none
			case err != nil:
				failed = append(failed, err)
				continue
			}
			tables = append(tables, t)
		}
		return nil
	})
	if err = errors.Join(append(failed, err)...); err != nil {
		return tables, fmt.Errorf("read the legacy tables of ebtables of namespace %s: %w", h.NS.Name, err)
	}
	return tables, nil
}

// ebtTable reads one table; the kernel refuses to hand it out where its size has
// changed since it was asked for.
func (x *xtSocket) ebtTable(name string, env xt.Env) (*xt.Table, error) {
	for range tries {
		head := make([]byte, sizeofEbtTable)
		copy(head[:tableNameLen-1], name)
		if err := x.get(ebtSoGetInfo, head); err != nil {
			return nil, fmt.Errorf("ask for legacy table %s of ebtables: %w", name, err)
		}
		entries, counters, err := x.ebtEntries(head)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read legacy table %s of ebtables: %w", name, err)
		}
		return xt.ParseEbtTable(name, binary.NativeEndian.Uint32(head[ebtHooks:]), entries, counters, env)
	}
	return nil, fmt.Errorf("read legacy table %s of ebtables: %w", name, errChanged)
}

// ebtEntries asks for the entries of a table and their counters, of as many and as
// large ones as head says.
func (x *xtSocket) ebtEntries(head []byte) (entries, counters []byte, err error) {
	count, size := binary.NativeEndian.Uint32(head[ebtEntryCount:]), binary.NativeEndian.Uint32(head[ebtEntriesSize:])
	entries, counters = make([]byte, size), make([]byte, int(count)*sizeofEbtCounter)
	var pins runtime.Pinner
	defer pins.Unpin()
	point := func(at int, b []byte) {
		first := unsafe.SliceData(b)
		pins.Pin(first)
		binary.NativeEndian.PutUint64(head[at:], uint64(uintptr(unsafe.Pointer(first))))
	}
	binary.NativeEndian.PutUint32(head[ebtNumCounters:], count)
	point(ebtEntries, entries)
	if count > 0 {
		point(ebtCounters, counters)
	}
	whole := uint32(len(head) + len(entries) + len(counters))
	_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(x.fd), uintptr(x.level), ebtSoGetEntries,
		uintptr(unsafe.Pointer(unsafe.SliceData(head))), uintptr(unsafe.Pointer(&whole)), 0)
	if e != 0 {
		return nil, nil, e
	}
	return entries, counters, nil
}
