package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchRPFilter asks whether a reply would go out where the packet came in
// (include/uapi/linux/netfilter/xt_rpfilter.h: XT_RPFILTER_*).
type MatchRPFilter struct{ Flags uint8 }

func decodeRPFilter(b info, _ Env) Match { return MatchRPFilter{b.u8(0)} }

// Name is "rpfilter".
func (MatchRPFilter) Name() string { return "rpfilter" }

// AppendSave implements [Match].
func (m MatchRPFilter) AppendSave(dst []byte) []byte {
	for i, name := range [...]string{"loose", "validmark", "accept-local", "invert"} {
		if m.Flags>>i&1 != 0 {
			dst = option(dst, false, name)
		}
	}
	return dst
}

func parseRPFilter(a *arguments, _ Env) Match {
	var m MatchRPFilter
	a.plain(func(g given) bool {
		m.Flags |= 1 << a.word(g, g.name, "loose,validmark,accept-local,invert")
		return a.flag(g)
	})
	return m
}

// when: net/ipv4/netfilter/ipt_rpfilter.c looks up a route.
func (MatchRPFilter) when(asked) []ruleset.Condition {
	return untold("asks the routing tables for the way back")
}
