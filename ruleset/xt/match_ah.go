package xt

import "github.com/pktrail/pktrail/ruleset"

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

// when mirrors net/ipv4/netfilter/ipt_ah.c: ah_mt, and net/ipv6/netfilter/ip6t_ah.c:
// ah_mt6, where a length of 0 is any, negated or not.
func (m MatchAH) when(asked) []ruleset.Condition {
	all := []ruleset.Condition{number32(ahSPI, m.SPI, m.NotSPI)}
	if m.Length != 0 {
		all = append(all, headerLength(ahLength, m.Length, 4, 2, m.NotLength))
	}
	if m.Reserved {
		all = append(all, number16(ahReserved, Ports{}, false))
	}
	return all
}

// headerLength compares a length in bytes with a field that counts in units, and
// some of them less.
func headerLength(f ruleset.Field, bytes, unit, less uint32, not bool) ruleset.Condition {
	units := bytes / unit
	if bytes%unit != 0 || units < less || units-less > 255 {
		return masked(f, ruleset.Number(1), ruleset.Value{}, 8, not) // no such header
	}
	return number8(f, uint8(units-less), not)
}
