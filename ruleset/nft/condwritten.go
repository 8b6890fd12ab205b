package nft

import (
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// written is what the statements of a rule so far have written: a match behind
// them sees that, and not what the packet came with.
type written struct {
	fields  []ruleset.Field
	headers bool
	any     bool // a target of iptables, which may write anything
}

func (w *written) note(c *conditions, s stmt) {
	switch s := s.(type) {
	case *metaStmt:
		w.fields = append(w.fields, ruleset.Field(c.words(s.key)))
	case *ctStmt:
		w.fields = append(w.fields, ruleset.Field(c.words(s.key)))
	case *payloadStmt, *exthdrStmt, *stripStmt:
		w.headers = true
	case *XT:
		w.any = w.any || s.Target
	}
}

func (w *written) touches(cond *ruleset.Condition) bool {
	return slices.ContainsFunc(cond.Fields, func(f ruleset.Field) bool {
		return w.any || slices.Contains(w.fields, f) || w.headers && ofHeaders(f)
	}) || slices.ContainsFunc(cond.Any, func(one ruleset.Condition) bool { return w.touches(&one) })
}

// ofHeaders reports whether a field is read from the packet's bytes, or looked
// up by them.
func ofHeaders(f ruleset.Field) bool {
	return !slices.ContainsFunc([]string{"meta ", "ct ", "iif", "oif", "socket "}, func(begin string) bool {
		return strings.HasPrefix(string(f), begin)
	})
}

// untell says that a condition cannot be told. Of a map of verdicts any row may hold.
func untell(cond *ruleset.Condition) {
	cond.Why = "looks at what the rule itself has written"
	cond.Rows = slices.Clone(cond.Rows)
	for i, row := range cond.Rows {
		cond.Rows[i].Ranges = make([]ruleset.Range, len(row.Ranges))
		for n := range row.Ranges {
			cond.Rows[i].Ranges[n] = ruleset.Any()
		}
	}
}
