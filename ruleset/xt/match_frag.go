package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchFrag looks at the fragment header of IPv6
// (include/uapi/linux/netfilter_ipv6/ip6t_frag.h: IP6T_FRAG_*).
type MatchFrag struct {
	IDs        Span
	Length     uint32
	Flags, Not uint8
}

func decodeFrag(b info, _ Env) Match { return MatchFrag{b.span(0), b.u32(8), b.u8(12), b.u8(13)} }

// Name is "frag".
func (MatchFrag) Name() string { return "frag" }

// AppendSave implements [Match].
func (m MatchFrag) AppendSave(dst []byte) []byte {
	dst = spis(dst, "fragid", m.IDs, m.Not&1 != 0)
	if m.Flags&2 != 0 {
		dst = number(option(dst, m.Not&2 != 0, "fraglen"), m.Length)
	}
	for i, name := range [...]string{"fragres", "fragfirst", "fragmore", "fraglast"} {
		if m.Flags>>(i+2)&1 != 0 {
			dst = option(dst, false, name)
		}
	}
	return dst
}

// when mirrors net/ipv6/netfilter/ip6t_frag.c: frag_mt6, which does not look at
// the length.
func (m MatchFrag) when(asked) []ruleset.Condition {
	all := []ruleset.Condition{number8(fragHeader, 1, false), number32(fragID, m.IDs, m.Not&1 != 0)}
	for i, zero := range [...][]ruleset.Condition{
		2: {number8(fragReserved, 0, false), number8(fragRes2, 0, false)},
		3: {number16(fragOffset, Ports{}, false)},
		4: {number8(fragMore, 0, true)},
		5: {number8(fragMore, 0, false)},
	} {
		if m.Flags>>i&1 != 0 {
			all = append(all, zero...)
		}
	}
	return all
}
