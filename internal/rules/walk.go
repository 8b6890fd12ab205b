package rules

import "github.com/pktrail/pktrail/ruleset"

// visit is a chain that was walked below a base chain.
type visit struct {
	at     *stopVisit // nil before it was walked
	fate   fate
	behind bool // when no packet came to it
	found  bool // some rule of it could match
	open   bool // it is being walked: a jump to it is a loop
	// varies: a condition looked at what is known otherwise below other base
	// chains, or not all was looked at.
	varies bool
}

// walker walks the chains below one base chain, each at most twice: for packets,
// and behind what takes them all.
type walker struct {
	asked
	at     *stopVisit
	hits   HitList
	judged int
	wavers bool // what is asked for may have been otherwise at the rules before
}

// walk judges the rules of a chain, to which the hit from led.
func (w *walker) walk(n *node, from *Hit, behind *Ref) *visit {
	n.met = true
	v := &n.visit
	*v = visit{at: w.at, open: true, behind: behind != nil}
	depth := int16(0)
	if from != nil {
		depth = from.depth + 1
	}
	for i := range n.chain.Rules {
		r := &n.chain.Rules[i]
		w.judged++
		t := w.judge(r)
		v.varies = v.varies || w.at.table.varies(r)
		if t == ruleset.No {
			continue
		}
		v.found = true
		h := w.hits.add(Hit{Ref: Ref{w.at.Table, n.chain, r}, depth: depth, Truth: t, Behind: behind, from: from, asked: &w.asked})
		does := w.follow(h, v)
		behind = w.after(&v.fate, h, does, behind)
	}
	v.open = false
	return v
}

// deed is what a rule does to the packets that it matches.
type deed struct {
	fate
	leaves bool // they do not come to the rules behind it in its chain
}

// follow goes where the rule of a hit leads; v is the visit of its chain.
func (w *walker) follow(h *Hit, v *visit) deed {
	rows := w.choices(h.Rule)
	if len(rows) == 0 {
		e := &h.Rule.Effect
		return w.decide(h, v, e.Verdict, e.Target)
	}
	all := deed{leaves: true}
	taken := true
	for _, row := range rows {
		d := w.decide(h, v, row.Verdict, row.Target)
		all.mayTake, all.mayAccept = all.mayTake || d.mayTake, all.mayAccept || d.mayAccept
		all.mayReturn = all.mayReturn || d.mayReturn
		all.leaves, taken = all.leaves && d.leaves, taken && d.takes != nil
	}
	if taken {
		all.takes = &h.Ref
	}
	return all
}

func (w *walker) decide(h *Hit, v *visit, verdict ruleset.Verdict, target string) deed {
	switch verdict {
	case ruleset.Accept, ruleset.Queue:
		return deed{fate{takes: &h.Ref, mayTake: true, mayAccept: true}, true}
	case ruleset.Drop, ruleset.Reject, ruleset.Stolen:
		return deed{fate{takes: &h.Ref, mayTake: true}, true}
	case ruleset.Return:
		return deed{fate{mayReturn: true}, true}
	case ruleset.Jump:
		f := w.descend(h, v, target)
		f.mayReturn = false // to here
		return deed{f, f.takes != nil}
	case ruleset.Goto:
		f := w.descend(h, v, target)
		f.mayReturn = f.takes == nil
		return deed{f, true}
	case ruleset.Continue:
		return deed{}
	}
	return deed{fate: unknownFate()} // what it decides is not known
}

func unknownFate() fate { return fate{mayTake: true, mayAccept: true, mayReturn: true} }

// descend goes to the chain that a hit leads to; from is the visit of its own.
func (w *walker) descend(h *Hit, from *visit, name string) fate {
	to := w.at.table.chains[name]
	if to == nil {
		return unknownFate()
	}
	v := &to.visit
	switch told, elsewhere := w.told(to, h.Behind != nil); {
	case told && elsewhere:
		to.told = w.at
		if v.found {
			w.hits.tell(h, Told{name, &v.at.Stop})
		}
		return v.fate
	case told:
		if v.found {
			w.hits.tell(h, Told{Chain: name})
		}
		from.varies = from.varies || v.varies || v.open
		if v.open {
			return unknownFate()
		}
		return v.fate
	case h.depth == deepest:
		h.deep, from.varies = true, true
		return unknownFate()
	}
	w.walk(to, h, h.Behind)
	from.varies = from.varies || v.varies
	return v.fate
}

// told reports whether what was found at the last visit of a chain holds for the
// packets that come to it now, or for none where none come; elsewhere: it was
// below another base chain.
func (w *walker) told(n *node, behind bool) (told, elsewhere bool) {
	switch v := &n.visit; {
	case v.at == w.at:
		return v.open || behind || !v.behind, false
	case n.told == w.at:
		return true, true
	default:
		return v.at != nil && !behind && !v.behind && !v.varies && w.at.alike(v.at), true
	}
}

// deepest is more jumps than nf_tables allows below each other (16), and than
// anybody has in legacy tables; only files go deeper.
const deepest = 256

// after adds what a hit does to the fate of its chain, and tells what the rules
// behind it stand behind.
func (w *walker) after(f *fate, h *Hit, d deed, behind *Ref) *Ref {
	if behind != nil {
		return behind
	}
	f.mayTake, f.mayAccept = f.mayTake || d.mayTake, f.mayAccept || d.mayAccept
	if w.wavers {
		f.mayReturn = true
		return nil
	}
	if h.Truth != ruleset.Yes || !d.leaves {
		f.mayReturn = f.mayReturn || d.mayReturn
		return nil
	}
	if d.takes == nil {
		return &h.Ref
	}
	if !f.mayReturn {
		f.takes = d.takes
	}
	return d.takes
}
