package rules

import (
	"slices"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/ruleset"
)

// asked is a question at one hook.
type asked struct {
	forms []ruleset.Facts
	mark  *match.Mark
	sets  map[string]bool // that rules change, so that what they hold now says nothing
	// only is which of the packets come here at all, in words; empty where all do
	// that come to the hook.
	only string
}

// judge tells whether a rule matches packets that are asked for: Yes is all of
// them, No none. A rule whose conditions are not known may match anything.
func (a *asked) judge(r *ruleset.Rule) ruleset.Truth {
	if !r.Known {
		return ruleset.Maybe
	}
	yes, no := a.only == "", true
	for _, f := range a.forms {
		t := a.rule(r, f)
		yes, no = yes && t == ruleset.Yes, no && t == ruleset.No
	}
	return truth(yes, no)
}

func truth(yes, no bool) ruleset.Truth {
	switch {
	case yes:
		return ruleset.Yes
	case no:
		return ruleset.No
	}
	return ruleset.Maybe
}

func (a *asked) rule(r *ruleset.Rule, f ruleset.Facts) ruleset.Truth {
	answer := ruleset.Yes
	for i := range r.When {
		switch a.condition(&r.When[i], f) {
		case ruleset.No:
			return ruleset.No
		case ruleset.Maybe:
			answer = ruleset.Maybe
		}
	}
	return answer
}

func (a *asked) condition(c *ruleset.Condition, f ruleset.Facts) ruleset.Truth {
	if a.mark != nil && len(c.Fields) == 1 && c.Fields[0] == ruleset.Mark && c.Why == "" {
		return a.marked(c)
	}
	if c.Set != "" && a.sets[c.Set] && c.Judge(f) != ruleset.Maybe {
		return ruleset.Maybe
	}
	return c.Judge(f)
}

// marked judges a condition on bits of the mark that are all among those asked for.
func (a *asked) marked(c *ruleset.Condition) ruleset.Truth {
	mask := ruleset.Number(uint64(a.mark.Mask))
	if c.Mask == (ruleset.Value{}) || c.Mask.And(mask) != c.Mask {
		return ruleset.Maybe
	}
	t := c.Judge(ruleset.Facts{ruleset.Mark: {ruleset.Only(ruleset.Number(uint64(a.mark.Value)))}})
	if !a.mark.Not {
		return t
	}
	// Of all values but one: only a condition that is about this one alone is told.
	only := len(c.Rows) == 1 && c.Rows[0].Ranges[0] == ruleset.Only(ruleset.Number(uint64(a.mark.Value)))
	if c.Mask != mask || !only {
		return ruleset.Maybe
	}
	return truth(t == ruleset.No, t == ruleset.Yes)
}

// needs are the conditions that cannot be told from what is asked, in words.
func (a *asked) needs(r *ruleset.Rule) (words []string) {
	if a.only != "" {
		words = []string{a.only}
	}
	if !r.Known {
		return append(words, "its conditions are not known")
	}
	for i := range r.When {
		c := &r.When[i]
		yes, no := true, true
		for _, f := range a.forms {
			t := a.condition(c, f)
			yes, no = yes && t == ruleset.Yes, no && t == ruleset.No
		}
		if truth(yes, no) != ruleset.Maybe {
			continue
		}
		if need := a.need(c); !slices.Contains(words, need) { // an option may be several conditions
			words = append(words, need)
		}
	}
	return words
}

// need is a condition in words.
func (a *asked) need(c *ruleset.Condition) string {
	switch {
	case c.Why == "" && a.sets[c.Set]:
		return c.Text + " (rules change the set)"
	case c.Text == "":
		return c.Why
	case c.Why == "":
		return c.Text
	}
	return c.Text + " (" + c.Why + ")"
}

// choices are the rows of a rule's map of verdicts that may decide.
func (a *asked) choices(r *ruleset.Rule) (rows []*ruleset.Row) {
	for i := range r.When {
		c := &r.When[i]
		if !c.Chooses {
			continue
		}
		seen := map[*ruleset.Row]bool{}
		for _, f := range a.forms {
			for _, row := range c.Candidates(f) {
				if !seen[row] {
					seen[row] = true
					rows = append(rows, row)
				}
			}
		}
		return rows
	}
	return nil
}
