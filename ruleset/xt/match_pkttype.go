package xt

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchPktType looks at whom the link says the packet is for
// (include/uapi/linux/netfilter/xt_pkttype.h, PACKET_* of linux/if_packet.h).
type MatchPktType struct {
	Type uint32
	Not  bool
}

func decodePktType(b info, _ Env) Match { return MatchPktType{b.u32(0), b.u32(4) != 0} }

// Name is "pkttype".
func (MatchPktType) Name() string { return "pkttype" }

// AppendSave implements [Match].
func (m MatchPktType) AppendSave(dst []byte) []byte {
	dst = option(dst, m.Not, "pkt-type")
	words := [...]string{"unicast", "broadcast", "multicast", "otherhost"}
	if int(m.Type) < len(words) {
		return bare(dst, words[m.Type])
	}
	return number(dst, m.Type)
}

func parsePktType(a *arguments, _ Env) Match {
	var m MatchPktType
	a.each(func(g given) bool {
		m = MatchPktType{uint32(a.word(g, a.text(g), "unicast,broadcast,multicast,otherhost")), g.not}
		return g.name == "pkt-type"
	})
	return m
}

// when mirrors net/netfilter/xt_pkttype.c: pkttype_mt. What a host sends to itself
// by broadcast or multicast counts as that, told by its destination.
func (m MatchPktType) when(a asked) []ruleset.Condition {
	const broadcast, multicast, loopback = 1, 2, 5
	kind := number32(ruleset.PktType, Span{m.Type, m.Type}, false)
	if m.Type != broadcast && m.Type != multicast {
		kind.Not = m.Not
		return []ruleset.Condition{kind}
	}
	group := ruleset.Prefix(netip.MustParsePrefix("224.0.0.0/4"))
	if a.fam == ip6 {
		group = ruleset.Prefix(netip.MustParsePrefix("ff00::/8"))
	}
	looped := ruleset.Condition{Fields: []ruleset.Field{ruleset.PktType, destOf(a.fam)}}
	for _, r := range destinations(m.Type == multicast, group) {
		looped.Rows = append(looped.Rows, ruleset.Row{Ranges: []ruleset.Range{ruleset.Span(loopback, loopback), r}})
	}
	return []ruleset.Condition{either(m.Not, kind, looped)}
}

// destinations are the addresses of the groups, or all others: of IPv4 those
// below and above, of IPv6 those below.
func destinations(in bool, group ruleset.Range) []ruleset.Range {
	if in {
		return []ruleset.Range{group}
	}
	if group.To.High != 0 {
		return []ruleset.Range{{To: ruleset.Value{High: group.From.High - 1, Low: ^uint64(0)}}}
	}
	return []ruleset.Range{ruleset.Span(0, group.From.Low-1), ruleset.Span(group.To.Low+1, 1<<32-1)}
}
