package xt

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchRT looks at the routing header of IPv6
// (include/uapi/linux/netfilter_ipv6/ip6t_rt.h: IP6T_RT_*).
type MatchRT struct {
	Type       uint32
	SegsLeft   Span
	Length     uint32
	Flags, Not uint8
	Addrs      []netip.Addr
}

func decodeRT(b info, _ Env) Match {
	m := MatchRT{Type: b.u32(0), SegsLeft: b.span(4), Length: b.u32(12), Flags: b.u8(16), Not: b.u8(17)}
	for i := range min(int(b.u8(276)), 16) {
		m.Addrs = append(m.Addrs, netip.AddrFrom16([16]byte(b[20+16*i:])))
	}
	return m
}

// Name is "rt".
func (MatchRT) Name() string { return "rt" }

// AppendSave implements [Match].
func (m MatchRT) AppendSave(dst []byte) []byte {
	if m.Flags&1 != 0 {
		dst = number(option(dst, m.Not&1 != 0, "rt-type"), m.Type)
	}
	dst = spis(dst, "rt-segsleft", m.SegsLeft, m.Not&2 != 0)
	if m.Flags&4 != 0 {
		dst = number(option(dst, m.Not&4 != 0, "rt-len"), m.Length)
	}
	if m.Flags&8 != 0 {
		dst = option(dst, false, "rt-0-res")
	}
	if m.Flags&0x10 != 0 {
		dst = option(dst, false, "rt-0-addrs")
	}
	sep := byte(' ')
	for _, a := range m.Addrs {
		dst = address(append(dst, sep), a)
		sep = ','
	}
	if m.Flags&0x20 != 0 {
		dst = option(dst, false, "rt-0-not-strict")
	}
	return dst
}

// when mirrors net/ipv6/netfilter/ip6t_rt.c: rt_mt6.
func (m MatchRT) when(asked) []ruleset.Condition {
	all := []ruleset.Condition{number8(routeHeader, 1, false), number32(rtSegsLeft, m.SegsLeft, m.Not&2 != 0)}
	if m.Flags&1 != 0 {
		all = append(all, number32(rtType, Span{m.Type, m.Type}, m.Not&1 != 0))
	}
	if m.Flags&4 != 0 {
		all = append(all, headerLength(rtLength, m.Length, 8, 1, m.Not&4 != 0))
	}
	if m.Flags&0x38 != 0 {
		all = append(all, untold("looks at the reserved field or the addresses of the routing header")...)
	}
	return all
}
