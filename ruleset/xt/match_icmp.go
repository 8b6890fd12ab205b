package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchICMP looks at type and code of ICMP or ICMPv6 (struct ipt_icmp of
// include/uapi/linux/netfilter_ipv4/ip_tables.h, struct ip6t_icmp of ip6_tables.h).
type MatchICMP struct {
	IPv6              bool
	Type              uint8 // 255 is any for ICMP
	CodeLow, CodeHigh uint8
	Not               bool
}

func decodeICMP(b info, e Env) Match {
	return MatchICMP{e.Family == ruleset.IP6, b.u8(0), b.u8(1), b.u8(2), b.u8(3)&1 != 0}
}

// Name is "icmp" or "icmp6".
func (m MatchICMP) Name() string {
	if m.IPv6 {
		return "icmp6"
	}
	return "icmp"
}

// AppendSave implements [Match].
func (m MatchICMP) AppendSave(dst []byte) []byte {
	name := "icmp-type"
	if m.IPv6 {
		name = "icmpv6-type"
	}
	dst = option(dst, m.Not, name)
	if !m.IPv6 && m.Type == 255 {
		return bare(dst, "any")
	}
	dst = number(dst, m.Type)
	if m.CodeLow != 0 || m.CodeHigh != 255 {
		dst = append(dst, '/')
		dst = appendDecimal(dst, uint64(m.CodeLow))
	}
	return dst
}
