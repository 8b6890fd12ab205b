package collect

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// NFTables reads all that nf_tables holds, as it was at one generation: tables,
// chains, rules, sets and maps with their elements, objects and flowtables. It
// needs no tool and loads no module; where nf_tables is not in use the result is
// empty. The error is errChanged's where the rules never rest.
func (h *Host) NFTables() (native *nft.Native, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	err = h.NS.Do(func() error {
		native, err = h.native(false)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read nf_tables of namespace %s: %w", h.NS.Name, err)
	}
	return native, nil
}

// native runs inside the namespace. With rulesOnly it leaves the elements of
// named sets out.
func (h *Host) native(rulesOnly bool) (native *nft.Native, err error) {
	if !h.hasNFTables() {
		return &nft.Native{}, nil
	}
	sockets, err := dialPool()
	if err != nil {
		return nil, err
	}
	defer sockets.close()
	err = offThread(func() error {
		native, err = readNative(sockets, rulesOnly)
		return err
	})
	return native, err
}

// readNative reads until nothing changed meanwhile.
func readNative(sockets *socketPool, rulesOnly bool) (*nft.Native, error) {
	s := sockets.all[0]
	for range tries {
		before, err := generation(s)
		if err != nil {
			return nil, err
		}
		r := &nativeReader{sockets: sockets, rulesOnly: rulesOnly, to: &nft.Native{Generation: before}}
		if err := r.all(); err != nil {
			if errors.Is(err, errChanged) {
				continue
			}
			return nil, err
		}
		after, err := generation(s)
		if err != nil {
			return nil, err
		}
		if before == after {
			return r.to, nil
		}
	}
	return nil, errChanged
}

// nativeReader reads all of nf_tables once.
type nativeReader struct {
	sockets   *socketPool
	rulesOnly bool               // without the elements of named sets
	many      int                // rules from which on a table is asked for by chain; manyRules when 0
	tap       func(wire.Message) // also gets each message, if set

	mu sync.Mutex
	to *nft.Native
}

func (r *nativeReader) all() error {
	for _, d := range []struct {
		op  string
		msg uint16
	}{
		{"list tables", unix.NFT_MSG_GETTABLE}, {"list chains", unix.NFT_MSG_GETCHAIN}, {"list sets", unix.NFT_MSG_GETSET},
		{"list objects", unix.NFT_MSG_GETOBJ}, {"list flowtables", unix.NFT_MSG_GETFLOWTABLE},
	} {
		if err := r.dump(d.op, d.msg, 0, nil); err != nil {
			return err
		}
	}
	for _, t := range r.to.Tables {
		if err := r.table(t); err != nil {
			return err
		}
	}
	return nil
}

// manyRules is from where on a table is asked for chain by chain: at each
// continuation of a dump the kernel walks the table's rules from the first one
// again (net/netfilter/nf_tables_api.c: __nf_tables_dump_rules), so that asking
// for all at once takes a time that grows with the square.
const manyRules = 30000

func (r *nativeReader) table(t *nft.Table) error {
	sets, err := r.numbered(t)
	if err != nil {
		return err
	}
	err = r.sockets.each(len(sets), func(s *nfnetlink.Socket, i int) error {
		op := "list elements of set " + sets[i].Name
		return r.dumpBy(s, op, unix.NFT_MSG_GETSETELEM, uint8(t.Family), named(t.Name, sets[i].Name))
	})
	if err != nil {
		return err
	}
	if r.many == 0 {
		r.many = manyRules
	}
	if t.Uses() < r.many {
		return r.dump("list rules of table "+t.Name, unix.NFT_MSG_GETRULE, uint8(t.Family), named(t.Name))
	}
	return r.sockets.each(len(t.Chains), func(s *nfnetlink.Socket, i int) error {
		op := "list rules of chain " + t.Chains[i].Name
		return r.dumpBy(s, op, unix.NFT_MSG_GETRULE, uint8(t.Family), named(t.Name, t.Chains[i].Name))
	})
}

// named is the attributes 1, 2, … that say which table, and which chain or set of it.
func named(names ...string) []byte {
	var b []byte
	for i, n := range names {
		b = wire.AppendAttr(b, uint16(i+1), name(n))
	}
	return b
}

func (r *nativeReader) dump(op string, msg uint16, family uint8, attrs []byte) error {
	return r.dumpBy(r.sockets.all[0], op, msg, family, attrs)
}

func (r *nativeReader) dumpBy(s *nfnetlink.Socket, op string, msg uint16, family uint8, attrs []byte) error {
	fill := func(seq uint32) []byte {
		return wire.AppendMessage(nil, unix.NFNL_SUBSYS_NFTABLES<<8|msg, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq, family, 0, attrs)
	}
	interrupted, err := s.Dump(op, fill, func(m wire.Message) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.take(m)
		return nil
	})
	if interrupted || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) {
		return errChanged // what was listed is gone
	}
	return err
}

// take is called by one at a time.
func (r *nativeReader) take(m wire.Message) {
	r.to.Take(m)
	if r.tap != nil {
		r.tap(m)
	}
}
