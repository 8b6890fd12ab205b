package rules

import (
	"iter"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// Hit is one rule that could match.
type Hit struct {
	Ref
	Truth ruleset.Truth // Yes or Maybe
	// Behind is the rule that certainly takes the packets before they come here.
	Behind *Ref
	// Told are the chains it leads to whose rules stand further up already.
	Told []Told

	from  *Hit // the rule that led to its chain
	asked *asked
	depth int16
	deep  bool // what it leads to is not looked at
}

// Told is a chain whose rules are told elsewhere.
type Told struct {
	Chain string
	At    *Stop // the earlier base chain below which they are told; nil for the same
}

// Depth is how many jumps led here.
func (h *Hit) Depth() int { return int(h.depth) }

// Via are the rules that lead here, from the base chain on.
func (h *Hit) Via() []Ref {
	via := make([]Ref, 0, h.depth)
	for up := h.from; up != nil; up = up.from {
		via = append(via, up.Ref)
	}
	slices.Reverse(via)
	return via
}

// Needs is what a Truth of Maybe depends on, in words.
func (h *Hit) Needs() (words []string) {
	if h.Truth == ruleset.Maybe {
		words = h.asked.needs(h.Rule)
	}
	if h.deep {
		words = append(words, "what is further down, which is not looked at")
	}
	return words
}

// NAT is what the rule makes of the packet's addresses; nil when it translates none.
func (h *Hit) NAT() *Translation { return translation(h.Rule) }

// HitList is rules in the order in which they were found. They stay where they are
// in memory, since rules found later point to them.
type HitList struct {
	full [][]Hit
	last []Hit
	told []Told // room for what single rules have told
}

const (
	fewHits  = 32
	manyHits = 4096
)

func (l *HitList) add(h Hit) *Hit {
	if len(l.last) == cap(l.last) {
		size := min(max(fewHits, 2*cap(l.last)), manyHits)
		if len(l.last) > 0 {
			l.full = append(l.full, l.last)
		}
		l.last = make([]Hit, 0, size)
	}
	l.last = append(l.last, h)
	return &l.last[len(l.last)-1]
}

// tell notes a chain that a hit leads to and that is told elsewhere.
func (l *HitList) tell(h *Hit, t Told) {
	if len(h.Told) > 0 {
		h.Told = append(h.Told, t)
		return
	}
	if len(l.told) == cap(l.told) {
		l.told = make([]Told, 0, min(max(fewHits, 2*cap(l.told)), manyHits))
	}
	l.told = append(l.told, t)
	h.Told = l.told[len(l.told)-1:][:1:1]
}

// Len is how many there are.
func (l *HitList) Len() int {
	n := len(l.last)
	for _, part := range l.full {
		n += len(part)
	}
	return n
}

// All are the hits, one after the other.
func (l *HitList) All() iter.Seq[*Hit] {
	return func(yield func(*Hit) bool) {
		for _, part := range append(slices.Clip(l.full), l.last) {
			for i := range part {
				if !yield(&part[i]) {
					return
				}
			}
		}
	}
}
