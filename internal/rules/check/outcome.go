package check

import "github.com/pktrail/pktrail/ruleset"

// outcome is what a chain may do with packets, one bit each.
type outcome uint8

const (
	accepts outcome = 1 << iota
	drops
	comesBack // to the chain that called it, or to the policy
	anything  = accepts | drops | comesBack
)

// manySteps bounds how many rules one walk looks at.
const manySteps = 200_000

// walker finds what a table's chains may do with packets of given facts.
type walker struct {
	chains map[string]*ruleset.Chain
	facts  ruleset.Facts
	left   int
	within map[string]bool // the chains that are being walked
}

// base is what a base chain may do; where the walk was too long, anything.
func (h *host) base(t *ruleset.Table, c *ruleset.Chain, f ruleset.Facts) outcome {
	w := &walker{chains: h.chains[t], facts: f, left: manySteps, within: map[string]bool{}}
	o := w.chain(c)
	h.walked += manySteps - w.left
	if w.left <= 0 {
		return accepts | drops
	}
	if o&comesBack == 0 {
		return o
	}
	if c.Policy == ruleset.Drop {
		return o&^comesBack | drops
	}
	return o&^comesBack | accepts
}

func (w *walker) chain(c *ruleset.Chain) (all outcome) {
	if w.within[c.Name] {
		return anything
	}
	w.within[c.Name] = true
	defer delete(w.within, c.Name)
	for i := range c.Rules {
		r := &c.Rules[i]
		if w.left--; w.left <= 0 {
			return anything
		}
		truth := ruleset.Maybe
		if r.Known {
			truth = lastingly(r, w.facts)
		}
		if truth == ruleset.No {
			continue
		}
		o, goesOn := w.rule(r)
		all |= o
		if truth == ruleset.Yes && !goesOn {
			return all
		}
	}
	return all | comesBack
}

// lastingly judges a rule but for what sets hold, which changes.
func lastingly(r *ruleset.Rule, f ruleset.Facts) ruleset.Truth {
	answer := ruleset.Yes
	for i := range r.When {
		c := &r.When[i]
		t := c.Judge(f)
		switch {
		case c.Set != "":
			answer = ruleset.Maybe
		case t == ruleset.No:
			return ruleset.No
		case t == ruleset.Maybe:
			answer = ruleset.Maybe
		}
	}
	return answer
}

// rule is what a rule may do with packets that it matches, and whether some
// then come to the next one.
func (w *walker) rule(r *ruleset.Rule) (all outcome, goesOn bool) {
	for _, way := range ways(r, w.facts) {
		o, on := w.way(way)
		all |= o
		goesOn = goesOn || on
	}
	return all, goesOn
}

func (w *walker) way(to way) (o outcome, goesOn bool) {
	switch to.verdict {
	case ruleset.Accept:
		return accepts, false
	case ruleset.Drop, ruleset.Reject:
		return drops, false
	case ruleset.Return:
		return comesBack, false
	case ruleset.Continue:
		return 0, true
	case ruleset.Jump, ruleset.Goto:
		c := w.chains[to.target]
		if c == nil {
			return anything, true
		}
		o := w.chain(c)
		if to.verdict == ruleset.Goto {
			return o, false
		}
		return o &^ comesBack, o&comesBack != 0
	}
	return anything, true
}
