package rules

import (
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// Found is the rules that could match the packets of a question.
type Found struct {
	Family ruleset.Family
	Stops  []FoundStop
	Judged int // rules that were looked at
	// Apart are rules that could match, in chains that no such packet comes to;
	// only where they are asked for.
	Apart []Hit
}

// FoundStop is what was found in one base chain.
type FoundStop struct {
	Stop
	Hits []Hit
	// Policy is whether the packets come to the policy: Yes where no rule could
	// take them, No where one certainly does.
	Policy ruleset.Truth
	// Behind is what certainly dropped the packets before they come here.
	Behind *Ref
}

// Hit is one rule that could match.
type Hit struct {
	Ref
	Depth int // of jumps that led here
	// Via are the rules that lead here, from the base chain on.
	Via   []Ref
	Truth ruleset.Truth // Yes or Maybe
	Needs []string      // what Maybe depends on
	// Behind is the rule that certainly takes the packets before they come here.
	Behind *Ref
	// Told are the chains it leads to whose rules stand further up already.
	Told []string
	// NAT is what it makes of the packet's addresses; nil when it translates none.
	NAT *Translation
}

// Find walks from the base chains through all rules that could match the packets
// of a question, and only through jumps that could match too. With all it looks
// at the other chains as well.
func Find(tables []*ruleset.Table, q *Question, all bool) *Found {
	found := &Found{Family: q.Family}
	met := map[*ruleset.Chain]bool{}
	names := map[*ruleset.Table]map[string]*ruleset.Chain{}
	stay := steadyFor(q, tables)
	stopped := ends{steady: stay}
	sets := changingSets(tables)
	for _, s := range Stops(tables) {
		forms, comes := q.at(s.Table.Family, s.Chain.Base.Hook)
		if !comes {
			continue
		}
		if names[s.Table] == nil {
			names[s.Table] = byName(s.Table)
		}
		forms, only := q.through(s.Table.Family, s.Chain.Base, forms)
		w := &walker{asked: asked{forms, q.mark, sets.of(s.Table), only}, table: s.Table, chains: names[s.Table], seen: map[*ruleset.Chain]*visit{}, wavers: stay.wavers}
		at := FoundStop{Stop: s, Behind: stopped.before(&s)}
		f := w.walk(s.Chain, nil, at.Behind)
		at.Hits = w.hits
		at.Policy = policyMet(f, at.Behind)
		if only != "" && at.Policy == ruleset.Yes {
			at.Policy = ruleset.Maybe
		}
		if only == "" && at.Behind == nil && s.dropsAll(f) {
			stopped.add(s, s.end(f))
		}
		found.Judged += w.judged
		found.Stops = append(found.Stops, at)
		for c := range w.seen {
			met[c] = true
		}
	}
	if all {
		found.Apart = apart(tables, q, met, sets)
	}
	return found
}

// apart judges the rules of the chains that were not met.
func apart(tables []*ruleset.Table, q *Question, met map[*ruleset.Chain]bool, sets changing) (hits []Hit) {
	for _, t := range tables {
		forms, comes := q.at(t.Family, ruleset.Forward) // a hook of which nothing is known
		if !comes {
			continue
		}
		w := &walker{asked: asked{forms, q.mark, sets.of(t), ""}, table: t}
		for _, c := range t.Chains {
			if met[c] {
				continue
			}
			for i := range c.Rules {
				if truth := w.judge(&c.Rules[i]); truth != ruleset.No {
					hits = append(hits, w.hit(Ref{t, c, &c.Rules[i]}, nil, truth, nil))
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

// visit is a chain that was walked.
type visit struct {
	fate   fate
	behind bool // when no packet came to it
	open   bool // it is being walked: a jump to it is a loop
}

// walker walks the chains below one base chain, each at most twice: for packets,
// and behind what takes them all.
type walker struct {
	asked
	table  *ruleset.Table
	chains map[string]*ruleset.Chain
	seen   map[*ruleset.Chain]*visit
	hits   []Hit
	judged int
	wavers bool // what is asked for may have been otherwise at the rules before
}

func (w *walker) walk(c *ruleset.Chain, via []Ref, behind *Ref) (f fate) {
	v := &visit{open: true, behind: behind != nil}
	w.seen[c] = v
	for i := range c.Rules {
		r := &c.Rules[i]
		w.judged++
		t := w.judge(r)
		if t == ruleset.No {
			continue
		}
		at := len(w.hits)
		w.hits = append(w.hits, w.hit(Ref{w.table, c, r}, via, t, behind))
		does := w.follow(at, behind)
		behind = w.after(&f, at, does, behind)
	}
	v.fate, v.open = f, false
	return f
}

func (w *walker) hit(ref Ref, via []Ref, t ruleset.Truth, behind *Ref) Hit {
	h := Hit{Ref: ref, Depth: len(via), Via: via, Truth: t, Behind: behind, NAT: translation(ref.Rule)}
	if t == ruleset.Maybe {
		h.Needs = w.needs(ref.Rule)
	}
	return h
}

// deed is what a rule does to the packets that it matches.
type deed struct {
	fate
	leaves bool // they do not come to the rules behind it in its chain
}

// follow goes where the rule of a hit leads.
func (w *walker) follow(at int, behind *Ref) deed {
	rows := w.choices(w.hits[at].Rule)
	if len(rows) == 0 {
		e := &w.hits[at].Rule.Effect
		return w.decide(at, e.Verdict, e.Target, behind)
	}
	all := deed{leaves: true}
	taken := true
	for _, row := range rows {
		d := w.decide(at, row.Verdict, row.Target, behind)
		all.mayTake, all.mayAccept = all.mayTake || d.mayTake, all.mayAccept || d.mayAccept
		all.mayReturn = all.mayReturn || d.mayReturn
		all.leaves, taken = all.leaves && d.leaves, taken && d.takes != nil
	}
	if taken {
		all.takes = &Ref{w.hits[at].Table, w.hits[at].Chain, w.hits[at].Rule}
	}
	return all
}

func (w *walker) decide(at int, v ruleset.Verdict, target string, behind *Ref) deed {
	ref := w.hits[at].Ref
	switch v {
	case ruleset.Accept, ruleset.Queue:
		return deed{fate{takes: &ref, mayTake: true, mayAccept: true}, true}
	case ruleset.Drop, ruleset.Reject, ruleset.Stolen:
		return deed{fate{takes: &ref, mayTake: true}, true}
	case ruleset.Return:
		return deed{fate{mayReturn: true}, true}
	case ruleset.Jump:
		f := w.descend(at, target, behind)
		f.mayReturn = false // to here
		return deed{f, f.takes != nil}
	case ruleset.Goto:
		f := w.descend(at, target, behind)
		f.mayReturn = f.takes == nil
		return deed{f, true}
	case ruleset.Continue:
		return deed{}
	}
	return deed{fate: unknownFate()} // what it decides is not known
}

func unknownFate() fate { return fate{mayTake: true, mayAccept: true, mayReturn: true} }

// descend walks the chain that a hit leads to, unless that was done.
func (w *walker) descend(at int, name string, behind *Ref) fate {
	to := w.chains[name]
	if to == nil {
		return unknownFate()
	}
	if v := w.seen[to]; v != nil && (v.open || behind != nil || !v.behind) {
		w.hits[at].Told = append(w.hits[at].Told, name)
		if v.open {
			return unknownFate()
		}
		return v.fate
	}
	if w.hits[at].Depth == deepest {
		w.hits[at].Needs = append(w.hits[at].Needs, "what is further down, which is not looked at")
		return unknownFate()
	}
	via := append(slices.Clip(w.hits[at].Via), w.hits[at].Ref)
	return w.walk(to, via, behind)
}

// deepest is more jumps than nf_tables allows below each other (16), and than
// anybody has in legacy tables; only files go deeper.
const deepest = 256

// after adds what a hit does to the fate of its chain, and tells what the rules
// behind it stand behind.
func (w *walker) after(f *fate, at int, d deed, behind *Ref) *Ref {
	if behind != nil {
		return behind
	}
	f.mayTake, f.mayAccept = f.mayTake || d.mayTake, f.mayAccept || d.mayAccept
	if w.wavers {
		f.mayReturn = true
		return nil
	}
	if w.hits[at].Truth != ruleset.Yes || !d.leaves {
		f.mayReturn = f.mayReturn || d.mayReturn
		return nil
	}
	if d.takes == nil {
		ref := w.hits[at].Ref
		return &ref
	}
	if !f.mayReturn {
		f.takes = d.takes
	}
	return d.takes
}
