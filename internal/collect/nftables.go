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
func (h *Host) NFTables() (*nft.Native, error) {
	return h.wholeNative(func(sockets *socketPool) (*nft.Native, error) { return readNative(sockets, false) })
}

// unsettled is NFTables for rules that never rest: it reads them once, so that
// parts may be of different moments, missing or there twice.
func (h *Host) unsettled() (*nft.Native, error) {
	return h.wholeNative(func(sockets *socketPool) (*nft.Native, error) {
		r := &nativeReader{sockets: sockets, loose: true, to: &nft.Native{}}
		return r.to, r.all()
	})
}

func (h *Host) wholeNative(read func(*socketPool) (*nft.Native, error)) (native *nft.Native, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	err = h.NS.Do(func() error {
		native, err = h.nativeBy(read)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read nf_tables of namespace %s: %w", h.NS.Name, err)
	}
	return native, nil
}

// native runs inside the namespace. With rulesOnly it leaves the elements of
// named sets out.
func (h *Host) native(rulesOnly bool) (*nft.Native, error) {
	return h.nativeBy(func(sockets *socketPool) (*nft.Native, error) { return readNative(sockets, rulesOnly) })
}

func (h *Host) nativeBy(read func(*socketPool) (*nft.Native, error)) (native *nft.Native, err error) {
	if !h.hasNFTables() {
		return &nft.Native{}, nil
	}
	sockets, err := dialPool()
	if err != nil {
		return nil, err
	}
	defer sockets.close()
	err = offThread(func() error {
		native, err = read(sockets)
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
	rulesOnly bool // without the elements of named sets
	loose     bool // changes meanwhile are no error
	many      int  // rules from which on a table is asked for by chain; manyRules when 0

	mu  sync.Mutex
	tap func(wire.Message) // also gets each message, if set

	asks questions
	seen []*seenTable
	to   *nft.Native
}

// manyRules is from where on a table is asked for chain by chain: at each
// continuation of a dump the kernel walks the table's rules from the first one
// again (net/netfilter/nf_tables_api.c: __nf_tables_dump_rules), so that asking
// for all at once takes a time that grows with the square.
const manyRules = 30000

// all lists what there is, and asks for the rules and elements of what was listed
// while the lists still come.
func (r *nativeReader) all() error {
	if r.many == 0 {
		r.many = manyRules
	}
	return r.sockets.work(&r.asks, r.list, r.ask)
}

func (r *nativeReader) list(s *nfnetlink.Socket) error {
	for _, d := range []struct {
		op   string
		msg  uint16
		each func() // after each message
		end  func()
	}{
		{"list tables", unix.NFT_MSG_GETTABLE, r.sawTable, nil},
		{"list chains", unix.NFT_MSG_GETCHAIN, r.sawChain, r.sawChains},
		{"list sets", unix.NFT_MSG_GETSET, r.sawSet, r.sawSets},
		{"list objects", unix.NFT_MSG_GETOBJ, nil, nil},
		{"list flowtables", unix.NFT_MSG_GETFLOWTABLE, nil, nil},
	} {
		err := r.dump(s, d.op, d.msg, 0, nil, func(m wire.Message) {
			if r.to.Take(m) && d.each != nil {
				d.each()
			}
		})
		if err != nil {
			return err
		}
		if d.end != nil {
			d.end()
		}
	}
	return nil
}

// ask asks one question and takes the answer.
func (r *nativeReader) ask(s *nfnetlink.Socket, q question) error {
	fam := uint8(q.table.Family)
	switch {
	case q.guess:
		return r.guess(s, q.table, q.sets)
	case q.sets != nil:
		set := q.sets[0]
		return r.dump(s, "list elements of set "+set.Name, unix.NFT_MSG_GETSETELEM, fam, named(q.table.Name, set.Name),
			func(m wire.Message) { set.Take(m) })
	case q.chain != nil:
		return r.dump(s, "list rules of chain "+q.chain.Name, unix.NFT_MSG_GETRULE, fam, named(q.table.Name, q.chain.Name),
			func(m wire.Message) { q.chain.Take(m) })
	}
	return r.dump(s, "list rules of table "+q.table.Name, unix.NFT_MSG_GETRULE, fam, named(q.table.Name),
		func(m wire.Message) { r.to.Take(m) })
}

// named is the attributes 1, 2, … that say which table, and which chain or set of it.
func named(names ...string) []byte {
	var b []byte
	for i, n := range names {
		b = wire.AppendAttr(b, uint16(i+1), name(n))
	}
	return b
}

func (r *nativeReader) dump(s *nfnetlink.Socket, op string, msg uint16, family uint8, attrs []byte, take func(wire.Message)) error {
	fill := func(seq uint32) []byte {
		return wire.AppendMessage(nil, unix.NFNL_SUBSYS_NFTABLES<<8|msg, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq, family, 0, attrs)
	}
	interrupted, err := s.Dump(op, fill, func(m wire.Message) error {
		take(m)
		r.listen(m)
		return nil
	})
	gone := errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) // what was listed
	switch {
	case r.loose && gone:
		return nil
	case interrupted && !r.loose || gone:
		return errChanged
	}
	return err
}

func (r *nativeReader) listen(m wire.Message) {
	if r.tap != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tap(m)
	}
}
