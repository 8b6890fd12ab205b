package stale

import (
	"cmp"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// NAT is the rules of a namespace that translate addresses, laid out so that it
// is quickly told what they would make of a flow that began now. It is for one
// goroutine at a time.
type NAT struct {
	hooks map[natHook][]*natChain // base chains in the order in which they are asked
	maps  Maps
	doubt string // why there may be other translation; empty where there is none
	known knowledge
	way   natWalk
}

// natHook is where flows of a family are translated.
type natHook struct {
	family ruleset.Family
	hook   ruleset.Hook
}

// natChain is a chain and what was found out of it beforehand.
type natChain struct {
	chain *ruleset.Chain
	rules []natRule
	index *ruleIndex // nil for a short chain
}

// natRule is a rule, the tests it makes, and where it leads.
type natRule struct {
	table *ruleset.Table
	chain *ruleset.Chain
	rule  *ruleset.Rule
	tests []test
	leads map[string]*natChain // all chains of the table, by name
	gives *gift                // read when it is asked for
}

// ReadNAT lays out the rules of tables, which must have been read with what
// packets they match. Others are what else may translate, and how it is called.
func ReadNAT(tables []*ruleset.Table, maps Maps, others ...string) *NAT {
	n := &NAT{hooks: map[natHook][]*natChain{}, maps: maps, way: natWalk{seen: map[*natChain]bool{}}}
	if len(others) > 0 {
		n.doubt = others[0] + " may translate it"
	}
	for _, t := range tables {
		if translates(t) {
			n.table(t)
		}
	}
	for _, chains := range n.hooks {
		slices.SortStableFunc(chains, func(a, b *natChain) int {
			return cmp.Compare(a.chain.Base.Priority, b.chain.Base.Priority)
		})
	}
	return n
}

func (n *NAT) table(t *ruleset.Table) {
	if t.NoText != "" {
		n.doubt = "the rules of table " + t.Name + ", which could not be read (" + t.NoText + "), may translate it"
		return
	}
	byName := make(map[string]*natChain, len(t.Chains))
	for _, c := range t.Chains {
		byName[c.Name] = newNATChain(t, c, byName)
	}
	for _, c := range t.Chains {
		if c.Base == nil || c.Base.Type != "nat" {
			continue
		}
		for _, family := range [...]ruleset.Family{ruleset.IP, ruleset.IP6} {
			if t.Family == family || t.Family == ruleset.Inet {
				at := natHook{family, c.Base.Hook}
				n.hooks[at] = append(n.hooks[at], byName[c.Name])
			}
		}
	}
}

func newNATChain(t *ruleset.Table, c *ruleset.Chain, leads map[string]*natChain) *natChain {
	nc := &natChain{chain: c, rules: make([]natRule, len(c.Rules))}
	for i := range c.Rules {
		nc.rules[i] = natRule{table: t, chain: c, rule: &c.Rules[i], tests: testsOf(&c.Rules[i]), leads: leads}
	}
	if len(c.Rules) > fewRules {
		nc.index = indexRules(c.Rules)
	}
	return nc
}

// outcome is what the chains of one hook would do to a flow's first packet.
type outcome struct {
	may    []*natRule // that may translate it, in the order of the rules
	passes bool       // it may come through without translation
	doubt  string     // why it may be translated in another way yet
	needs  []ruleset.Field
}

// walk goes the way of a first packet through the nat chains of a hook: the first
// rule that translates decides, and accepting ends one base chain alone
// (net/netfilter/nf_nat_core.c: nf_nat_inet_fn).
// The outcome is good until the next walk.
func (n *NAT) walk(family ruleset.Family, hook ruleset.Hook, facts ruleset.Facts) *outcome {
	w := &n.way
	w.facts = facts
	w.out = outcome{may: w.out.may[:0], needs: w.out.needs[:0], doubt: n.doubt, passes: true}
	for _, c := range n.hooks[natHook{family, hook}] {
		w.accepted = false
		clear(w.seen)
		falls := w.chain(c)
		if falls && c.chain.Policy == ruleset.Drop {
			w.out.doubt = "the policy of chain " + c.chain.Name + " drops it"
		}
		if !falls && !w.accepted {
			w.out.passes = false
			break
		}
	}
	return &w.out
}

// natWalk is a walk under way.
type natWalk struct {
	facts    ruleset.Facts
	seen     map[*natChain]bool // chains that were walked, and whether packets fall out of them
	accepted bool               // packets may have left the base chain by an accept
	out      outcome
}

// chain reports whether packets may come out at its end, or return from it.
func (w *natWalk) chain(c *natChain) (falls bool) {
	if falls, walked := w.seen[c]; walked {
		return falls
	}
	w.seen[c] = true
	falls = w.rules(c)
	w.seen[c] = falls
	return falls
}

func (w *natWalk) rules(c *natChain) bool {
	returned := false
	for i := range c.among(w.facts) {
		r := &c.rules[i]
		truth := w.judge(r)
		if truth == ruleset.No {
			continue
		}
		d := w.follow(r, truth)
		returned = returned || d.returns
		if truth == ruleset.Yes && !d.goesOn {
			return returned
		}
	}
	return true
}

func (w *natWalk) judge(r *natRule) ruleset.Truth {
	if !r.rule.Known {
		return ruleset.Maybe
	}
	answer, open := ruleset.Yes, len(w.out.needs)
	for i := range r.tests {
		c := r.tests[i].narrow(w.facts)
		switch c.Judge(w.facts) {
		case ruleset.No:
			w.out.needs = w.out.needs[:open]
			return ruleset.No
		case ruleset.Maybe:
			answer = ruleset.Maybe
			w.out.needs = append(w.out.needs, c.Fields...)
		}
	}
	return answer
}

// deed is where packets that a rule matched may go on.
type deed struct {
	goesOn  bool // to the rule behind it
	returns bool // to the chain that called
}

func (w *natWalk) follow(r *natRule, truth ruleset.Truth) deed {
	for i := range r.tests {
		if r.tests[i].cond.Chooses {
			return w.choose(r, r.tests[i].narrow(w.facts))
		}
	}
	e := &r.rule.Effect
	if e.NAT != "" {
		w.out.may = append(w.out.may, r)
		return deed{}
	}
	if !e.Known {
		return w.unknown(r)
	}
	return w.decide(r, e.Verdict, e.Target)
}

// choose follows all rows of a map of verdicts that may hold.
func (w *natWalk) choose(r *natRule, c *ruleset.Condition) (all deed) {
	rows := c.Candidates(w.facts)
	for _, row := range rows {
		d := w.decide(r, row.Verdict, row.Target)
		all.goesOn, all.returns = all.goesOn || d.goesOn, all.returns || d.returns
	}
	if len(rows) == 0 {
		return w.unknown(r)
	}
	return all
}

func (w *natWalk) decide(r *natRule, v ruleset.Verdict, target string) deed {
	switch v {
	case ruleset.Accept:
		w.accepted = true
		return deed{}
	case ruleset.Return:
		return deed{returns: true}
	case ruleset.Continue:
		return deed{goesOn: true}
	case ruleset.Jump, ruleset.Goto:
		to := r.leads[target]
		if to == nil {
			return w.unknown(r)
		}
		falls := w.chain(to)
		return deed{goesOn: falls && v == ruleset.Jump, returns: falls && v == ruleset.Goto}
	case ruleset.Drop, ruleset.Reject, ruleset.Queue, ruleset.Stolen:
		w.out.doubt = r.place() + " may not let it pass"
		return deed{}
	}
	return w.unknown(r)
}

func (w *natWalk) unknown(r *natRule) deed {
	w.out.doubt = r.place() + " may translate it"
	return deed{goesOn: true, returns: true}
}
