package ruleset

import (
	"slices"
	"sort"
)

// Condition is one thing that a packet must be for a rule to match, whatever
// the dialect: fields, and the values that they may have. All conditions of a
// rule must hold.
type Condition struct {
	// Fields is one field, or several whose values are looked up together, as in
	// `ip daddr . tcp dport { … }`. None where only Why tells what is looked at.
	Fields []Field
	// Mask is the bits of the one field that are compared; zero for all.
	Mask Value
	// Rows are the values: the condition holds where one row does, or with Not
	// where none does. Rows of one field are sorted and do not overlap.
	Rows []Row
	Not  bool
	// Any, instead of fields: the condition holds where one of these does, or with
	// Not where none does.
	Any []Condition
	// Set names the set, map or ipset that the rows are of, as they were read;
	// empty where they are the rule's own.
	Set string
	// Chooses: it is a map of verdicts, and the row that holds decides what the
	// rule does.
	Chooses bool
	// Why says, for a person, why the condition cannot be told from a packet
	// alone: "takes 5 in a second", "depends on a random number", "bytecode".
	// Empty where Fields and Rows say it all.
	Why  string
	Text string // in the words of the rule's dialect
}

// Row is one line of a condition: a range for each of its fields.
type Row struct {
	Ranges []Range
	// What a map of verdicts decides, and the chain of a jump or goto.
	Verdict Verdict
	Target  string
}

// Members tells what an ipset asks of a packet, as a condition without Not and
// Text: source says for each of the set's dimensions whether the packet's source
// is looked up, else its destination. A set that was not read has a Why.
type Members func(set string, source []bool) Condition

// Truth is yes, no, or that it cannot be told.
type Truth uint8

// The three values. The zero value claims nothing.
const (
	Maybe Truth = iota
	No
	Yes
)

// Facts are what is known of packets: the ranges in which a field lies, sorted
// and without overlap. A field that is not there may have any value, or the
// packets may not have it. One that is there they have: a port is of no later
// fragment, a mark of a flow is of a packet that has a flow.
type Facts map[Field][]Range

// Judge tells whether the condition holds for all packets that fit the facts
// (Yes), for none of them (No), or for some, or that it cannot be told (Maybe).
func (c *Condition) Judge(f Facts) Truth {
	t := Maybe
	switch {
	case c.Why != "":
	case len(c.Any) > 0:
		t = c.any(f)
	case len(c.Fields) > 0:
		t = c.among(f)
	}
	if c.Not && t != Maybe {
		t = Yes + No - t
	}
	return t
}

func (c *Condition) any(f Facts) Truth {
	answer := No
	for i := range c.Any {
		switch c.Any[i].Judge(f) {
		case Yes:
			return Yes
		case Maybe:
			answer = Maybe
		}
	}
	return answer
}

func (c *Condition) among(f Facts) Truth {
	if len(c.Rows) == 0 {
		return No
	}
	if len(c.Fields) == 1 {
		return c.amongSorted(f[c.Fields[0]])
	}
	answer := No
	for i := range c.Rows {
		switch c.row(i, f) {
		case Yes:
			return Yes
		case Maybe:
			answer = Maybe
		}
	}
	return answer
}

// amongSorted looks ranges of one field up in the rows.
func (c *Condition) amongSorted(known []Range) Truth {
	switch {
	case c.Rows[0].Ranges[0] == Any():
		return Yes
	case len(known) == 0:
		return Maybe
	}
	all, none := true, true
	for _, r := range known {
		masked, told := c.masked(r)
		if !told {
			return Maybe
		}
		has, meets := c.find(masked)
		all, none = all && has, none && !meets
	}
	switch {
	case all:
		return Yes
	case none:
		return No
	}
	return Maybe
}

// find tells whether one of the sorted rows has all of r, and whether one meets it.
func (c *Condition) find(r Range) (has, meets bool) {
	i := sort.Search(len(c.Rows), func(i int) bool { return c.Rows[i].Ranges[0].To.Compare(r.From) >= 0 })
	if i == len(c.Rows) {
		return false, false
	}
	meets = c.Rows[i].Ranges[0].Meets(r)
	for ; i < len(c.Rows) && c.Rows[i].Ranges[0].From.Compare(r.From) <= 0; i++ {
		to := c.Rows[i].Ranges[0].To
		if to.Compare(r.To) >= 0 {
			return true, true
		}
		next, more := to.next() // rows that touch go on
		if !more {
			return true, true
		}
		r.From = next
	}
	return false, meets
}

// masked is the range that the values of r lie in under the mask. It is told
// only where those it adds between them change no answer: where the mask has
// no bit, or only the first ones, of those in which the values of r differ.
func (c *Condition) masked(r Range) (Range, bool) {
	if c.Mask == (Value{}) {
		return r, true
	}
	differ := ones(r.From.xor(r.To).bitLen())
	free := c.Mask.And(differ).xor(differ)
	return Range{r.From.And(c.Mask), r.To.And(c.Mask)}, free == ones(free.bitLen())
}

func (c *Condition) row(i int, f Facts) Truth {
	answer := Yes
	for n, r := range c.Rows[i].Ranges {
		switch judgeRange(r, f[c.Fields[n]]) {
		case No:
			return No
		case Maybe:
			answer = Maybe
		}
	}
	return answer
}

func judgeRange(r Range, known []Range) Truth {
	if r == Any() {
		return Yes
	}
	if len(known) == 0 {
		return Maybe
	}
	has := func(k Range) bool { return r.Has(k) }
	switch {
	case !slices.ContainsFunc(known, func(k Range) bool { return r.Meets(k) }):
		return No
	case slices.ContainsFunc(known, func(k Range) bool { return !has(k) }):
		return Maybe
	}
	return Yes
}

// Candidates are the rows that may hold for packets of these facts, in order.
// It does not heed Not, which a map of verdicts never has.
func (c *Condition) Candidates(f Facts) (rows []*Row) {
	for i := range c.Rows {
		if c.row(i, f) != No {
			rows = append(rows, &c.Rows[i])
		}
	}
	return rows
}

// Judge tells whether the rule matches all packets that fit the facts, none of
// them, or some, or that it cannot be told. It needs the conditions of the rule.
func (r *Rule) Judge(f Facts) Truth {
	answer := Yes
	for i := range r.When {
		switch r.When[i].Judge(f) {
		case No:
			return No
		case Maybe:
			answer = Maybe
		}
	}
	return answer
}
