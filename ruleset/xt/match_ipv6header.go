package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchIPv6Header looks at which extension headers a packet has
// (include/uapi/linux/netfilter_ipv6/ip6t_ipv6header.h: MASK_*).
type MatchIPv6Header struct {
	Headers []string // in iptables' words
	Mask    uint8    // the same as bits: MASK_*
	Not     bool
	Soft    bool // others may be there too
}

func decodeIPv6Header(b info, e Env) Match {
	m := MatchIPv6Header{Mask: b.u8(0), Not: b.is(1), Soft: b.is(2)}
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

// when mirrors net/ipv6/netfilter/ip6t_ipv6header.c: ipv6header_mt6. Where others
// may be there, none of the headers is when it is negated, and otherwise all are.
func (m MatchIPv6Header) when(asked) []ruleset.Condition {
	var all []ruleset.Condition
	for i, is := range extensionHeaders() {
		has := m.Mask>>i&1 != 0
		if m.Soft && !has {
			continue
		}
		if has == m.Not {
			is.Not = !is.Not
		}
		all = append(all, is)
	}
	if m.Not && !m.Soft {
		return []ruleset.Condition{either(false, all...)}
	}
	return all
}

// extensionHeaders are the headers of [MatchIPv6Header.Mask], from the lowest bit
// on. What ends them is the payload's protocol, ESP, or nothing.
func extensionHeaders() []ruleset.Condition {
	esp, none := ruleset.Span(50, 50), ruleset.Span(59, 59)
	return []ruleset.Condition{
		within(ruleset.L4Proto, true, esp, none), single(ruleset.L4Proto, false, none), single(ruleset.L4Proto, false, esp),
		number8(authHeader, 1, false), number8(fragHeader, 1, false), number8(routeHeader, 1, false),
		number8(destHeader, 1, false), number8(hopHeader, 1, false),
	}
}
