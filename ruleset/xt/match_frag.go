package xt

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
