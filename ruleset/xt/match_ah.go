package xt

// MatchAH looks at the authentication header (include/uapi/linux/netfilter_ipv4/ipt_ah.h,
// netfilter_ipv6/ip6t_ah.h). Length and Reserved are for IPv6 only.
type MatchAH struct {
	SPI       Span
	NotSPI    bool
	Length    uint32 // 0 for any
	NotLength bool
	Reserved  bool // the reserved field must be zero
}

func decodeAH4(b info, _ Env) Match { return MatchAH{SPI: b.span(0), NotSPI: b.u8(8)&1 != 0} }

func decodeAH6(b info, _ Env) Match {
	return MatchAH{b.span(0), b.u8(13)&1 != 0, b.u32(8), b.u8(13)&2 != 0, b.is(12)}
}

// Name is "ah".
func (MatchAH) Name() string { return "ah" }

// AppendSave implements [Match].
func (m MatchAH) AppendSave(dst []byte) []byte {
	dst = spis(dst, "ahspi", m.SPI, m.NotSPI)
	if m.Length != 0 || m.NotLength {
		dst = number(option(dst, m.NotLength, "ahlen"), m.Length)
	}
	if m.Reserved {
		dst = option(dst, false, "ahres")
	}
	return dst
}
