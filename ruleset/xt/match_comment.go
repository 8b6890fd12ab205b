package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchComment carries words for people and matches every packet
// (include/uapi/linux/netfilter/xt_comment.h).
type MatchComment struct{ Comment string }

func decodeComment(b info, _ Env) Match { return MatchComment{b.text(0, 255)} }

// Name is "comment".
func (MatchComment) Name() string { return "comment" }

// AppendSave implements [Match].
func (m MatchComment) AppendSave(dst []byte) []byte {
	return quoted(option(dst, false, "comment"), m.Comment)
}

func parseComment(a *arguments, _ Env) (m Match) {
	a.plain(func(g given) bool {
		m = MatchComment{a.text(g)}
		return g.name == "comment"
	})
	if m == nil {
		a.err = errMissing("--comment")
	}
	return m
}

// when: net/netfilter/xt_comment.c looks at nothing.
func (MatchComment) when(asked) []ruleset.Condition { return nil }
