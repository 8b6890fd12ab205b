package collect

import (
	"encoding/binary"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// Sets whose keys can be guessed are asked for by these: the kernel finds a set
// by walking the table's list of them, once for a question and at least three
// times for a dump (net/netfilter/nf_tables_api.c: nf_tables_getsetelem,
// nf_tables_dump_set), and kube-proxy makes a set for each service.
const (
	maxGuessed = 64 // elements of one set
	maxAnswers = 64 // to one datagram of questions, so that all fit into the receive buffer
)

// Attributes of questions about elements (include/uapi/linux/netfilter/nf_tables.h).
const (
	nftaSetElemListElements = 3 // NFTA_SET_ELEM_LIST_ELEMENTS
	nftaSetElemKey          = 1 // NFTA_SET_ELEM_KEY
	nftaSetElemFlags        = 3 // NFTA_SET_ELEM_FLAGS
	nftaDataValue           = 1 // NFTA_DATA_VALUE
	catchAll                = 2 // NFT_SET_ELEM_CATCHALL
)

// guess asks for all elements of some sets and takes those of sets that have
// exactly these; the other sets are asked for as usual.
func (r *nativeReader) guess(s *nfnetlink.Socket, t *nft.Table, sets []*nft.Set) error {
	answers := make([]guessed, len(sets))
	var first uint32
	fill := func(seq uint32) (out []byte) {
		first = seq
		for i, set := range sets {
			flags := uint16(unix.NLM_F_REQUEST)
			if i == len(sets)-1 {
				flags |= unix.NLM_F_ACK
			}
			out = wire.AppendMessage(out, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETSETELEM, flags, seq+uint32(i), uint8(t.Family), 0, guessing(t.Name, set))
		}
		return out
	}
	take := func(m wire.Message) error {
		answers[m.Seq-first].add(m)
		return nil
	}
	err := s.Ask("ask for elements of table "+t.Name, fill, take, func(i int, err error) { answers[i].refusal = err })
	if err != nil {
		return err
	}
	for i, set := range sets {
		if !answers[i].complete(set.Numbered()) {
			r.asks.add(question{table: t, sets: []*nft.Set{set}})
			continue
		}
		answers[i].each(func(m wire.Message) {
			set.Take(m)
			r.listen(m)
		})
	}
	return nil
}

// guessing is the attributes that ask for the elements 0, 1, … of a set, and last
// for the one that stands for all other keys.
func guessing(table string, set *nft.Set) []byte {
	elem := func(typ uint16, data []byte) []byte {
		return wire.AppendAttr(nil, nftaListElem|unix.NLA_F_NESTED, wire.AppendAttr(nil, typ, data))
	}
	var list []byte
	for n := range set.Numbered() {
		value := wire.AppendAttr(nil, nftaDataValue, binary.NativeEndian.AppendUint32(nil, uint32(n)))
		list = append(list, elem(nftaSetElemKey|unix.NLA_F_NESTED, value)...)
	}
	list = append(list, elem(nftaSetElemFlags, binary.BigEndian.AppendUint32(nil, catchAll))...)
	return wire.AppendAttr(named(table, set.Name), nftaSetElemListElements|unix.NLA_F_NESTED, list)
}

// guessed is what was answered to a question about one set.
type guessed struct {
	messages []byte
	count    int
	refusal  error
}

func (g *guessed) add(m wire.Message) {
	g.messages = append(g.messages, m.Raw...)
	g.messages = slices.Grow(g.messages, 3)[:wire.Align(len(g.messages))]
	g.count++
}

// complete reports whether all n elements came and then, that there is none for
// all other keys, which kernels before 5.13 do not know. A set has at most as
// many elements as its size says, that one not counted (nft_add_set_elem).
func (g *guessed) complete(n int) bool {
	return g.count == n && (errors.Is(g.refusal, unix.ENOENT) || errors.Is(g.refusal, unix.EINVAL))
}

func (g *guessed) each(take func(wire.Message)) {
	for off := 0; ; {
		m, next, ok, err := wire.Next(g.messages, off)
		if err != nil || !ok {
			return
		}
		take(m)
		off = next
	}
}
