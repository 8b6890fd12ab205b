package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchIPv6Header looks at which extension headers a packet has
// (include/uapi/linux/netfilter_ipv6/ip6t_ipv6header.h: MASK_*).
type MatchIPv6Header struct {
	Headers []string // in iptables' words
	Not     bool
	Soft    bool // others may be there too
}

func decodeIPv6Header(b info, e Env) Match {
	m := MatchIPv6Header{Not: b.is(1), Soft: b.is(2)}
	for _, h := range [...]struct {
		bit, protocol uint8
		word          string
	}{
		{128, 0, "hop-by-hop"}, {64, 60, "dst"}, {32, 43, "route"}, {16, 44, "frag"},
		{8, 51, "auth"}, {4, 50, "esp"}, {2, 59, "none"}, {1, 255, "protocol"},
	} {
		if b.u8(0)&h.bit == 0 {
			continue
		}
		if name := e.names().Protocol[h.protocol]; name != "" && h.protocol != 0 {
			h.word = name
		}
		m.Headers = append(m.Headers, h.word)
	}
	return m
}

// Name is "ipv6header".
func (MatchIPv6Header) Name() string { return "ipv6header" }

// AppendSave implements [Match].
func (m MatchIPv6Header) AppendSave(dst []byte) []byte {
	dst = append(option(dst, m.Not, "header"), ' ')
	var l list
	for _, h := range m.Headers {
		dst = append(l.next(dst), h...)
	}
	if len(m.Headers) == 0 {
		dst = append(dst, "NONE"...)
	}
	if m.Soft {
		dst = option(dst, false, "soft")
	}
	return dst
}

// when: net/ipv6/netfilter/ip6t_ipv6header.c walks through the headers.
func (MatchIPv6Header) when(asked) []ruleset.Condition {
	return untold("depends on which extension headers the packet has")
}
