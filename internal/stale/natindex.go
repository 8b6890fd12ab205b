package stale

import (
	"iter"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// fewRules, or rows of a condition, are gone through one by one.
const fewRules = 16

// ruleIndex finds the rules of a chain that may match, without judging all:
// kube-proxy writes a rule of one chain for each service.
type ruleIndex struct {
	by   map[held][]int32
	rest []int32 // that name none of the fields, or more values than are kept
}

// held is a field and its only value.
type held struct {
	field ruleset.Field
	value ruleset.Value
}

// indexed are the fields by which rules are found, the most telling first.
var indexed = [...]ruleset.Field{
	ruleset.IPDest, ruleset.IP6Dest, ruleset.DestPort, ruleset.IPSource, ruleset.IP6Source,
}

func indexRules(rules []ruleset.Rule) *ruleIndex {
	x := &ruleIndex{by: map[held][]int32{}}
	for i := range rules {
		rows, field := telling(&rules[i])
		for _, row := range rows {
			k := held{field, row.Ranges[0].From}
			x.by[k] = append(x.by[k], int32(i))
		}
		if len(rows) == 0 {
			x.rest = append(x.rest, int32(i))
		}
	}
	return x
}

// telling is the rows of a rule's condition that is a few values of an indexed field.
func telling(r *ruleset.Rule) ([]ruleset.Row, ruleset.Field) {
	for _, field := range indexed {
		for i := range r.When {
			c := &r.When[i]
			plain := r.Known && !c.Not && c.Why == "" && c.Mask == (ruleset.Value{})
			if plain && len(c.Fields) == 1 && c.Fields[0] == field && len(c.Rows) <= fewRules && !slices.ContainsFunc(c.Rows, wide) {
				return c.Rows, field
			}
		}
	}
	return nil, ""
}

// wide reports whether a row has more than one value.
func wide(r ruleset.Row) bool {
	return slices.ContainsFunc(r.Ranges, func(r ruleset.Range) bool { return r.From != r.To })
}

// among goes through the numbers of the rules that may match, in order.
func (c *natChain) among(facts ruleset.Facts) iter.Seq[int] {
	return func(yield func(int) bool) {
		if c.index == nil {
			for i := range c.rules {
				if !yield(i) {
					return
				}
			}
			return
		}
		for _, i := range c.index.find(facts) {
			if !yield(int(i)) {
				return
			}
		}
	}
}

func (x *ruleIndex) find(facts ruleset.Facts) []int32 {
	found := slices.Clone(x.rest)
	for _, field := range indexed {
		if v, ok := only(facts, field); ok {
			found = append(found, x.by[held{field, v}]...)
		}
	}
	slices.Sort(found)
	return found
}

// only is the value of a field that can have no other. What is judged by the index
// are flows, whose addresses and ports are known, or which have no ports.
func only(facts ruleset.Facts, field ruleset.Field) (ruleset.Value, bool) {
	known := facts[field]
	if len(known) != 1 || known[0].From != known[0].To {
		return ruleset.Value{}, false
	}
	return known[0].From, true
}

// test is a condition, and an index of its rows where they are many.
type test struct {
	cond *ruleset.Condition
	rows map[lookup][]int32
	rest []int32 // rows of ranges
	sub  *ruleset.Condition
	kept []ruleset.Row // memory of the last answer
}

// lookup is the values of up to as many fields.
type lookup [4]ruleset.Value

func testsOf(r *ruleset.Rule) []test {
	tests := make([]test, len(r.When))
	for i := range r.When {
		tests[i].cond = &r.When[i]
		if c := tests[i].cond; len(c.Rows) > fewRules && len(c.Fields) <= len(lookup{}) && (len(c.Fields) > 1 || c.Chooses) && c.Mask == (ruleset.Value{}) {
			tests[i].read()
		}
	}
	return tests
}

func (t *test) read() {
	t.rows, t.sub = map[lookup][]int32{}, new(*t.cond)
	for i := range t.cond.Rows {
		if wide(t.cond.Rows[i]) {
			t.rest = append(t.rest, int32(i))
			continue
		}
		var k lookup
		for n, r := range t.cond.Rows[i].Ranges {
			k[n] = r.From
		}
		t.rows[k] = append(t.rows[k], int32(i))
	}
}

// narrow is the condition with no rows but those that may hold. It is good until
// the next call.
func (t *test) narrow(facts ruleset.Facts) *ruleset.Condition {
	if t.rows == nil {
		return t.cond
	}
	var k lookup
	for n, field := range t.cond.Fields {
		v, ok := only(facts, field)
		if !ok {
			return t.cond
		}
		k[n] = v
	}
	t.sub.Rows = t.kept[:0]
	for _, list := range [...][]int32{t.rows[k], t.rest} {
		for _, i := range list {
			t.sub.Rows = append(t.sub.Rows, t.cond.Rows[i])
		}
	}
	t.kept = t.sub.Rows
	return t.sub
}
