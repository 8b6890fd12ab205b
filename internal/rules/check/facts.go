package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

// factsOf is what holds for every packet that a rule matches, as far as its
// conditions say it of one field each; possible is false where two of them
// contradict each other. What sets hold is left out, since it changes.
func factsOf(r *ruleset.Rule) (f ruleset.Facts, possible bool) {
	f = ruleset.Facts{}
	for i := range r.When {
		ranges := rangesOf(&r.When[i])
		if ranges == nil {
			continue
		}
		field := r.When[i].Fields[0]
		if had, is := f[field]; is {
			ranges = meeting(had, ranges)
		}
		if len(ranges) == 0 {
			return f, false
		}
		f[field] = ranges
	}
	return f, true
}

// rangesOf is the values that a condition on one field leaves; nil where it
// cannot be said so.
func rangesOf(c *ruleset.Condition) (ranges []ruleset.Range) {
	if len(c.Fields) != 1 || c.Why != "" || c.Set != "" {
		return nil
	}
	if c.Fields[0] == ruleset.CTState && c.Mask != (ruleset.Value{}) {
		return states(c)
	}
	if c.Not || c.Mask != (ruleset.Value{}) {
		return nil
	}
	for i := range c.Rows {
		ranges = append(ranges, c.Rows[i].Ranges[0])
	}
	return ranges
}

// states are the values that a condition on the state leaves: a packet has one.
func states(c *ruleset.Condition) (ranges []ruleset.Range) {
	for _, bit := range []uint64{1, 2, 4, 8, 64} {
		one := ruleset.Span(bit, bit)
		if c.Judge(ruleset.Facts{ruleset.CTState: {one}}) == ruleset.Yes {
			ranges = append(ranges, one)
		}
	}
	return ranges
}

// meeting is the values that are in both.
func meeting(a, b []ruleset.Range) (both []ruleset.Range) {
	for _, x := range a {
		for _, y := range b {
			if x.Meets(y) {
				both = append(both, ruleset.Range{From: later(x.From, y.From), To: sooner(x.To, y.To)})
			}
		}
	}
	slices.SortFunc(both, func(x, y ruleset.Range) int { return x.From.Compare(y.From) })
	return both
}

func later(a, b ruleset.Value) ruleset.Value {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}

func sooner(a, b ruleset.Value) ruleset.Value {
	if a.Compare(b) < 0 {
		return a
	}
	return b
}

// contradictory finds rules whose own conditions exclude each other.
func contradictory(h *host) (found []doctor.Finding) {
	h.eachRule(func(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule) {
		if _, possible := factsOf(r); possible || r.Effect.SetsMark || strings.Contains(r.Text, " set ") { // between two looks at it
			return
		}
		h.never[r] = true
		found = append(found, doctor.Finding{
			ID: "rule-contradicts-itself", Severity: doctor.Low, Certainty: doctor.Certain,
			Title:    fmt.Sprintf("%s can never match: no packet fits all of its conditions", ruleName(t, c, r)),
			Evidence: []doctor.Evidence{{What: "rule", Is: r.Text}},
			Fix:      []string{"delete the rule, or mend the condition that is wrong"},
		})
	})
	return found
}
