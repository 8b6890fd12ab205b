package xt

import "strings"

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
