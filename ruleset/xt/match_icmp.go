package xt

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

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

func parseICMP4(a *arguments, _ Env) Match {
	return parseICMP(a, MatchICMP{Type: 255, CodeHigh: 255}, "icmp-type")
}
func parseICMP6(a *arguments, _ Env) Match {
	return parseICMP(a, MatchICMP{IPv6: true, Type: 255, CodeHigh: 255}, "icmpv6-type")
}

// parseICMP reads numbers, as iptables-save prints them; the many names are
// kept as they stand.
func parseICMP(a *arguments, m MatchICMP, name string) Match {
	a.each(func(g given) bool {
		s := a.text(g)
		if m.Not = g.not; s == "any" && !m.IPv6 {
			return g.name == name
		}
		kind, code, one := strings.Cut(s, "/")
		m.Type = uint8(a.number(g, kind, 8))
		if one {
			m.CodeLow = uint8(a.number(g, code, 8))
			m.CodeHigh = m.CodeLow
		}
		return g.name == name
	})
	return m
}

// when mirrors net/netfilter/xt_tcpudp.c: icmp_type_code_match, where type 255 is
// any, and icmp6_type_code_match, where it is not.
func (m MatchICMP) when(asked) []ruleset.Condition {
	kind, code := ruleset.ICMPType, ruleset.ICMPCode
	if m.IPv6 {
		kind, code = ruleset.ICMP6Type, ruleset.ICMP6Code
	}
	codes := ruleset.Span(uint64(m.CodeLow), uint64(m.CodeHigh))
	switch {
	case !m.IPv6 && m.Type == 255 && m.Not:
		return []ruleset.Condition{never(kind)}
	case !m.IPv6 && m.Type == 255:
		return []ruleset.Condition{there(kind, 8)}
	case codes.Has(whole(8)):
		return []ruleset.Condition{number8(kind, m.Type, m.Not)}
	case m.CodeLow > m.CodeHigh:
		return []ruleset.Condition{masked(kind, ruleset.Number(1), ruleset.Value{}, 8, m.Not)}
	}
	row := ruleset.Row{Ranges: []ruleset.Range{ruleset.Span(uint64(m.Type), uint64(m.Type)), codes}}
	return []ruleset.Condition{{Fields: []ruleset.Field{kind, code}, Rows: []ruleset.Row{row}, Not: m.Not}}
}
