package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchTTL looks at the time to live, for IPv6 the hop limit
// (include/uapi/linux/netfilter_ipv4/ipt_ttl.h, netfilter_ipv6/ip6t_hl.h).
type MatchTTL struct {
	IPv6 bool
	Mode uint8 // 0 equal, 1 not equal, 2 less, 3 greater
	TTL  uint8
}

func decodeTTLMatch(b info, _ Env) Match { return MatchTTL{false, b.u8(0), b.u8(1)} }
func decodeHLMatch(b info, _ Env) Match  { return MatchTTL{true, b.u8(0), b.u8(1)} }

// Name is "ttl" or "hl".
func (m MatchTTL) Name() string {
	if m.IPv6 {
		return "hl"
	}
	return "ttl"
}

// AppendSave implements [Match].
func (m MatchTTL) AppendSave(dst []byte) []byte {
	suffix := "-eq"
	switch m.Mode {
	case 2:
		suffix = "-lt"
	case 3:
		suffix = "-gt"
	}
	return number(append(option(dst, m.Mode == 1, m.Name()), suffix...), m.TTL)
}

func parseTTLMatch(a *arguments, _ Env) Match { return MatchTTL{}.parse(a, "ttl-eq,,ttl-lt,ttl-gt") }
func parseHLMatch(a *arguments, _ Env) Match {
	return MatchTTL{IPv6: true}.parse(a, "hl-eq,,hl-lt,hl-gt")
}

func (m MatchTTL) parse(a *arguments, words string) Match {
	a.each(func(g given) bool {
		m.Mode, m.TTL = uint8(a.word(g, g.name, words)), a.u8(g)
		if g.not && m.Mode == 0 {
			m.Mode = 1
			return true
		}
		return !g.not
	})
	return m
}

// when mirrors net/netfilter/xt_hl.c: ttl_mt, hl_mt6.
func (m MatchTTL) when(asked) []ruleset.Condition {
	field, ttl := ruleset.TTL, uint64(m.TTL)
	if m.IPv6 {
		field = ruleset.HopLimit
	}
	switch m.Mode {
	case 0, 1:
		return []ruleset.Condition{within(field, m.Mode == 1, ruleset.Span(ttl, ttl))}
	case 2:
		return []ruleset.Condition{within(field, true, ruleset.Span(ttl, 255))}
	case 3:
		return []ruleset.Condition{within(field, true, ruleset.Span(0, ttl))}
	}
	return []ruleset.Condition{never(field)}
}
