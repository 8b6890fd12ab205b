package xt

import (
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchAddrtype looks at what the routing tables say of the packet's addresses
// (include/uapi/linux/netfilter/xt_addrtype.h). Types are bits 1<<RTN_*.
type MatchAddrtype struct {
	Source, Destination       uint16
	NotSource, NotDestination bool
	LimitIn, LimitOut         bool // only with the interface of arrival, of departure
}

func decodeAddrtype0(b info, _ Env) Match {
	return MatchAddrtype{Source: b.u16(0), Destination: b.u16(2), NotSource: b.u32(4) != 0, NotDestination: b.u32(8) != 0}
}

func decodeAddrtype1(b info, _ Env) Match {
	return MatchAddrtype{
		Source: b.u16(0), Destination: b.u16(2),
		NotSource: b.flag(4, 1), NotDestination: b.flag(4, 2), LimitIn: b.flag(4, 4), LimitOut: b.flag(4, 8),
	}
}

// Name is "addrtype".
func (MatchAddrtype) Name() string { return "addrtype" }

// AppendSave implements [Match].
func (m MatchAddrtype) AppendSave(dst []byte) []byte {
	if m.Source != 0 {
		dst = addrTypes(option(dst, m.NotSource, "src-type"), m.Source)
	}
	if m.Destination != 0 {
		dst = addrTypes(option(dst, m.NotDestination, "dst-type"), m.Destination)
	}
	if m.LimitIn {
		dst = option(dst, false, "limit-iface-in")
	}
	if m.LimitOut {
		dst = option(dst, false, "limit-iface-out")
	}
	return dst
}

// routeTypes are the RTN_* words of include/uapi/linux/rtnetlink.h in their order.
const routeTypes = "UNSPEC,UNICAST,LOCAL,BROADCAST,ANYCAST,MULTICAST,BLACKHOLE,UNREACHABLE,PROHIBIT,THROW,NAT,XRESOLVE"

func addrTypes(dst []byte, types uint16) []byte {
	return bitWords(append(dst, ' '), uint32(types), routeTypes)
}

// bitWords appends the words whose bits are set, the first word for the lowest bit.
func bitWords(dst []byte, bits uint32, words string) []byte {
	var l list
	for word := range strings.SplitSeq(words, ",") {
		if bits&1 != 0 {
			dst = append(l.next(dst), word...)
		}
		bits >>= 1
	}
	return dst
}

func parseAddrtype(a *arguments, _ Env) Match {
	var m MatchAddrtype
	a.each(func(g given) bool {
		switch g.name {
		case "src-type":
			m.Source, m.NotSource = uint16(a.wordBits(g, routeTypes)), g.not
		case "dst-type":
			m.Destination, m.NotDestination = uint16(a.wordBits(g, routeTypes)), g.not
		case "limit-iface-in":
			m.LimitIn = a.flag(g)
		case "limit-iface-out":
			m.LimitOut = a.flag(g)
		default:
			return false
		}
		return true
	})
	return m
}

// when mirrors net/netfilter/xt_addrtype.c: addrtype_mt_v1.
func (m MatchAddrtype) when(a asked) []ruleset.Condition {
	var all []ruleset.Condition
	if m.Source != 0 {
		all = append(all, m.side(a, sourceOf(a.fam), "saddr", m.Source, m.NotSource))
	}
	if m.Destination != 0 {
		all = append(all, m.side(a, destOf(a.fam), "daddr", m.Destination, m.NotDestination))
	}
	return all
}

func (m MatchAddrtype) side(a asked, address ruleset.Field, word string, types uint16, not bool) ruleset.Condition {
	route := ruleset.Field("fib " + word + " type")
	switch {
	case m.LimitIn:
		route = ruleset.Field("fib " + word + " . iif type")
	case m.LimitOut:
		route = ruleset.Field("fib " + word + " . oif type")
	}
	if a.fam == ip6 {
		return addrType6(address, route, types, not)
	}
	var ranges []ruleset.Range
	for n := range uint64(16) {
		if types>>n&1 != 0 {
			ranges = append(ranges, ruleset.Span(n, n))
		}
	}
	return within(route, not, ranges...)
}

// addrType6 mirrors match_type6, which wants all of UNSPEC, UNICAST and MULTICAST
// that are named, and asks for routes of the others alone.
func addrType6(address, route ruleset.Field, types uint16, not bool) ruleset.Condition {
	prefix := func(s string) ruleset.Range { return ruleset.Prefix(netip.MustParsePrefix(s)) }
	switch types {
	case 1 << 0:
		return within(address, not, prefix("::/128"))
	case 1 << 1: // net/ipv6/addrconf_core.c: __ipv6_addr_type
		return within(address, !not, prefix("::/128"), prefix("::ffff:0:0/96"), prefix("ff00::/8"))
	case 1 << 2:
		return within(route, not, ruleset.Span(2, 2))
	case 1 << 5:
		return within(address, not, prefix("ff00::/8"))
	}
	return ruleset.Condition{Why: "depends on the routes of IPv6 addresses"}
}

func (m MatchAddrtype) parts() []Match {
	if m.Source == 0 || m.Destination == 0 {
		return nil
	}
	source, dest := m, m
	source.Destination, dest.Source = 0, 0
	return []Match{source, dest}
}
