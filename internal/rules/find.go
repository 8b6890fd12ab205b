package rules

import "github.com/pktrail/pktrail/ruleset"

// Found is the rules that could match the packets of a question.
type Found struct {
	Family ruleset.Family
	Stops  []FoundStop
	Judged int // rules that were looked at
	// Apart are rules that could match, in chains that no such packet comes to;
	// only where they are asked for.
	Apart HitList
}

// FoundStop is what was found in one base chain.
type FoundStop struct {
	Stop
	Hits HitList
	// Policy is whether the packets come to the policy: Yes where no rule could
	// take them, No where one certainly does.
	Policy ruleset.Truth
	// Behind is what certainly dropped the packets before they come here.
	Behind *Ref
}

// Find walks from the base chains through all rules that could match the packets
// of a question, and only through jumps that could match too. With all it looks
// at the other chains as well.
func Find(tables []*ruleset.Table, q *Question, all bool) *Found {
	found := &Found{Family: q.Family}
	stay := steadyFor(q, tables)
	stopped := ends{steady: stay}
	sets := changingSets(tables)
	visits := visitsOf(q, tables)
	for _, v := range visits {
		w := &walker{asked: asked{v.forms, q.mark, sets.of(v.Table), v.only}, at: v, wavers: stay.wavers}
		at := FoundStop{Stop: v.Stop, Behind: stopped.before(&v.Stop)}
		f := w.walk(v.table.chains[v.Chain.Name], nil, at.Behind).fate
		at.Hits = w.hits
		at.Policy = policyMet(f, at.Behind)
		if v.only != "" && at.Policy == ruleset.Yes {
			at.Policy = ruleset.Maybe
		}
		if v.only == "" && at.Behind == nil && v.dropsAll(f) {
			stopped.add(v.Stop, v.end(f))
		}
		found.Judged += w.judged
		found.Stops = append(found.Stops, at)
	}
	if all {
		found.Apart = apart(tables, q, chainsMet(visits), sets)
	}
	return found
}

func chainsMet(visits []*stopVisit) map[*ruleset.Chain]bool {
	met := map[*ruleset.Chain]bool{}
	for _, v := range visits {
		for _, n := range v.table.chains {
			met[n.chain] = n.met
		}
	}
	return met
}

// apart judges the rules of the chains that were not met.
func apart(tables []*ruleset.Table, q *Question, met map[*ruleset.Chain]bool, sets changing) (hits HitList) {
	for _, t := range tables {
		forms, comes := q.at(t.Family, ruleset.Forward) // a hook of which nothing is known
		if !comes {
			continue
		}
		w := &asked{forms, q.mark, sets.of(t), ""}
		for _, c := range t.Chains {
			if met[c] {
				continue
			}
			for i := range c.Rules {
				if truth := w.judge(&c.Rules[i]); truth != ruleset.No {
					hits.add(Hit{Ref: Ref{t, c, &c.Rules[i]}, Truth: truth, asked: w})
				}
			}
		}
	}
	return hits
}

func policyMet(f fate, behind *Ref) ruleset.Truth {
	return truth(!f.mayTake && behind == nil, f.takes != nil || behind != nil)
}

// dropsAll reports whether no packet that is asked for goes on behind the chain.
func (s *Stop) dropsAll(f fate) bool {
	return !f.mayAccept && (f.takes != nil || s.Chain.Policy == ruleset.Drop)
}

// end is the rule that drops, or the policy.
func (s *Stop) end(f fate) *Ref {
	if f.takes != nil {
		return f.takes
	}
	return &Ref{Table: s.Table, Chain: s.Chain}
}

// fate is what becomes of the packets in a chain.
type fate struct {
	takes     *Ref // the rule that is the last to take some, where all are taken
	mayTake   bool // some rule may
	mayAccept bool
	mayReturn bool // some may leave the chain before its end without being taken
}
