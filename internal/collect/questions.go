package collect

import (
	"sync"

	"github.com/pktrail/pktrail/ruleset/nft"
)

// question is one of those that a ruleset is read by: for the rules of a table,
// or only of one of its chains, or for the elements of its sets.
type question struct {
	table *nft.Table
	chain *nft.Chain
	sets  []*nft.Set
	guess bool // the keys of the sets' elements are guessed
}

// weight is about how many rules or elements the answer has.
func (q *question) weight() int {
	if q.chain != nil {
		return q.chain.Uses()
	}
	return 0
}

// heavy is from where on a question is asked before others: one that takes long
// and comes last would be waited for by all.
const heavy = 1000

// questions are those still to ask. Who asks may add more of them.
type questions struct {
	mu       sync.Mutex
	changed  sync.Cond
	first    []question // that take long
	rest     []question
	underWay int // questions, and what else may add some
	failed   error
}

// begin notes that questions may still be added, until end is called.
func (q *questions) begin() {
	q.changed.L = &q.mu
	q.underWay++
}

func (q *questions) add(one question) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if one.weight() > heavy {
		q.first = append(q.first, one)
	} else {
		q.rest = append(q.rest, one)
	}
	q.changed.Signal()
}

// next waits for a question; ok is false when there is none and will be none.
// Each must be ended.
func (q *questions) next() (one question, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.failed == nil && len(q.first)+len(q.rest) == 0 && q.underWay > 0 {
		q.changed.Wait()
	}
	from := &q.first
	if len(q.first) == 0 {
		from = &q.rest
	}
	if q.failed != nil || len(*from) == 0 {
		return one, false
	}
	one = (*from)[len(*from)-1]
	*from = (*from)[:len(*from)-1]
	q.underWay++
	return one, true
}

// end notes how a question, or what was begun, has ended. Only the first error is kept.
func (q *questions) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.underWay--
	if q.failed == nil {
		q.failed = err
	}
	if q.underWay == 0 || err != nil {
		q.changed.Broadcast()
	}
}
