package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchMark looks at the packet's mark (include/uapi/linux/netfilter/xt_mark.h:
// struct xt_mark_mtinfo1).
type MatchMark struct {
	Mark, Mask uint32
	Not        bool
}

func decodeMark(b info, _ Env) Match { return MatchMark{b.u32(0), b.u32(4), b.is(8)} }

// Name is "mark".
func (MatchMark) Name() string { return "mark" }

// AppendSave implements [Match].
func (m MatchMark) AppendSave(dst []byte) []byte {
	return valueMask(option(dst, m.Not, "mark"), m.Mark, m.Mask, "")
}

func parseMark(a *arguments, _ Env) Match {
	var m MatchMark
	a.each(func(g given) bool {
		m.Mark, m.Mask = a.masked(g)
		m.Not = g.not
		return g.name == "mark"
	})
	return m
}

func (MatchMark) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsMark = true }

// when mirrors net/netfilter/xt_mark.c: mark_mt.
func (m MatchMark) when(asked) []ruleset.Condition {
	return []ruleset.Condition{masked32(ruleset.Mark, m.Mark, m.Mask, m.Not)}
}
