package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchHelper looks for flows that a conntrack helper expected
// (include/uapi/linux/netfilter/xt_helper.h).
type MatchHelper struct {
	Helper string
	Not    bool
}

func decodeHelper(b info, _ Env) Match { return MatchHelper{b.text(4, 30), b.u32(0) != 0} }

// Name is "helper".
func (MatchHelper) Name() string { return "helper" }

// AppendSave implements [Match].
func (m MatchHelper) AppendSave(dst []byte) []byte {
	return quoted(option(dst, m.Not, "helper"), m.Helper)
}

func parseHelper(a *arguments, _ Env) Match {
	var m MatchHelper
	a.each(func(g given) bool {
		m = MatchHelper{a.text(g), g.not}
		return g.name == "helper"
	})
	return m
}

func (MatchHelper) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsCT = true }

// when: net/netfilter/xt_helper.c asks the helper of the flow's master.
func (MatchHelper) when(asked) []ruleset.Condition {
	return untold("depends on the helper that expected the flow")
}
