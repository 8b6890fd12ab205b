package collect

import "github.com/pktrail/pktrail/ruleset/nft"

// seenTable is how far the lists of a table's chains and sets have come.
type seenTable struct {
	*nft.Table
	chains, sets int        // listed
	asked        int        // of the chains, those whose rules were asked for
	uses         int        // of the chains
	numbered     []*nft.Set // whose elements are to be guessed at a time
	room         int        // answers for which there is room beside theirs
}

func (r *nativeReader) sawTable() {
	r.seen = append(r.seen, &seenTable{Table: r.to.Tables[len(r.to.Tables)-1]})
}

// sawChain asks for the chains of a table as soon as it is known to have many rules.
func (r *nativeReader) sawChain() {
	for _, t := range r.seen {
		if len(t.Chains) == t.chains {
			continue
		}
		t.uses += t.Chains[t.chains].Uses()
		t.chains++
		for ; t.uses >= r.many && t.asked < t.chains; t.asked++ {
			r.asks.add(question{table: t.Table, chain: t.Chains[t.asked]})
		}
	}
}

// sawChains asks for the other tables.
func (r *nativeReader) sawChains() {
	for _, t := range r.seen {
		if t.asked == 0 && t.chains > 0 {
			r.asks.add(question{table: t.Table})
		}
	}
}

// sawSet asks for the elements of a set: for those whose keys are numbers from 0
// on together with others of their kind.
func (r *nativeReader) sawSet() {
	for _, t := range r.seen {
		if len(t.Sets) == t.sets {
			continue
		}
		set := t.Sets[t.sets]
		t.sets++
		switch n := set.Numbered(); {
		case r.rulesOnly && !set.Anonymous():
		case n == 0 || n > maxGuessed:
			r.asks.add(question{table: t.Table, sets: []*nft.Set{set}})
		default:
			if n > t.room {
				r.guessAll(t)
			}
			t.numbered, t.room = append(t.numbered, set), t.room-n
		}
	}
}

func (r *nativeReader) sawSets() {
	for _, t := range r.seen {
		r.guessAll(t)
	}
}

// guessAll asks for the elements of the sets that were put together so far.
func (r *nativeReader) guessAll(t *seenTable) {
	if len(t.numbered) > 0 {
		r.asks.add(question{table: t.Table, sets: t.numbered, guess: true})
	}
	t.numbered, t.room = nil, maxAnswers
}
