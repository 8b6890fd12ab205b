package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchLength looks at the packet's length in bytes, without the link's header
// (include/uapi/linux/netfilter/xt_length.h).
type MatchLength struct {
	Length Ports
	Not    bool
}

func decodeLength(b info, _ Env) Match { return MatchLength{b.ports(0), b.is(4)} }

// Name is "length".
func (MatchLength) Name() string { return "length" }

// AppendSave implements [Match].
func (m MatchLength) AppendSave(dst []byte) []byte {
	return reach(option(dst, m.Not, "length"), m.Length.Low, m.Length.High)
}

func parseLength(a *arguments, _ Env) Match {
	var m MatchLength
	a.each(func(g given) bool {
		m = MatchLength{a.ports(g), g.not}
		return g.name == "length"
	})
	return m
}

// when mirrors net/netfilter/xt_length.c: length_mt, length_mt6.
func (m MatchLength) when(asked) []ruleset.Condition {
	return []ruleset.Condition{number16(ruleset.Length, m.Length, m.Not)}
}
