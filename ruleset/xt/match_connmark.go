package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchConnmark looks at the flow's mark
// (include/uapi/linux/netfilter/xt_connmark.h: struct xt_connmark_mtinfo1).
type MatchConnmark struct {
	Mark, Mask uint32
	Not        bool
}

func decodeConnmark(b info, _ Env) Match { return MatchConnmark{b.u32(0), b.u32(4), b.is(8)} }

// Name is "connmark".
func (MatchConnmark) Name() string { return "connmark" }

// AppendSave implements [Match].
func (m MatchConnmark) AppendSave(dst []byte) []byte {
	return valueMask(option(dst, m.Not, "mark"), m.Mark, m.Mask, "")
}

func parseConnmark(a *arguments, e Env) Match { return MatchConnmark(parseMark(a, e).(MatchMark)) }

func (MatchConnmark) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsCT = true }

// when mirrors net/netfilter/xt_connmark.c: connmark_mt.
func (m MatchConnmark) when(asked) []ruleset.Condition {
	return []ruleset.Condition{masked32(ruleset.CTMark, m.Mark, m.Mask, m.Not)}
}
