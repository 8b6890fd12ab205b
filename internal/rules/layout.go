package rules

import "github.com/pktrail/pktrail/ruleset"

// Layout is a ruleset in the order in which it is shown.
type Layout struct {
	Places []Place
	// Unreached are the chains that no rule of a base chain leads to, by table.
	Unreached []Leaf
	// Bare are tables without any chain.
	Bare []*ruleset.Table
}

// Place is a base chain and the chains that are reached from it and from none
// before it, in the order in which its rules lead there.
type Place struct {
	Stop
	Tied    bool // another chain runs at the same priority, and which of them first is not known
	Folded  bool // its own rules are not to be shown
	Reached []Leaf
	// Before is what the kernel calls between the place before it and this one, and
	// Behind what it calls behind the last place of a hook, where that is known.
	Before, Behind []Call
}

// Leaf is a chain that is no base chain, and the rules that lead to it.
type Leaf struct {
	Table *ruleset.Table
	Chain *ruleset.Chain
	From  []Ref // of the first few; Ways has the number of all
	Ways  int
}

// Ref names a rule; without a Rule the policy of its chain.
type Ref struct {
	Table *ruleset.Table
	Chain *ruleset.Chain
	Rule  *ruleset.Rule
}

const mostFrom = 4 // rules that a Leaf names

// Arrange lays out the tables for a listing.
func Arrange(tables []*ruleset.Table) *Layout { return arrange(tables, "") }

// arrange lays out one hook, or all where it is empty.
func arrange(tables []*ruleset.Table, hook ruleset.Hook) *Layout {
	var l Layout
	charts := map[*ruleset.Table]*chart{}
	for _, t := range tables {
		charts[t] = newChart(t)
		if len(t.Chains) == 0 {
			l.Bare = append(l.Bare, t)
		}
	}
	stops := Stops(tables)
	for i := range stops {
		if hook != "" && stops[i].Chain.Base.Hook != hook {
			continue
		}
		p := Place{Stop: stops[i], Tied: tied(stops, i)}
		p.Reached = charts[p.Table].from(p.Chain)
		l.Places = append(l.Places, p)
	}
	for _, t := range tables {
		l.Unreached = append(l.Unreached, charts[t].rest()...)
	}
	return &l
}

// tied looks at the neighbours only: equals stand together.
func tied(stops []Stop, i int) bool {
	for _, step := range []int{-1, 1} {
		for k := i + step; k >= 0 && k < len(stops) && stops[k].way() == stops[i].way() && stops[k].Runs == stops[i].Runs; k += step {
			if stops[i].Ties(&stops[k]) && stops[i].turn(&stops[k]) == 0 {
				return true
			}
		}
	}
	return false
}

// chart is which chains of a table lead where.
type chart struct {
	table *ruleset.Table
	byKey map[string]*ruleset.Chain
	leads map[*ruleset.Chain][]lead
	into  map[*ruleset.Chain]*Leaf
	shown map[*ruleset.Chain]bool
}

// lead is one rule's way to a chain.
type lead struct {
	rule *ruleset.Rule
	to   *ruleset.Chain
}

func newChart(t *ruleset.Table) *chart {
	c := &chart{
		table: t, byKey: byName(t), leads: map[*ruleset.Chain][]lead{},
		into: map[*ruleset.Chain]*Leaf{}, shown: map[*ruleset.Chain]bool{},
	}
	for _, ch := range t.Chains {
		for i := range ch.Rules {
			c.add(ch, &ch.Rules[i])
		}
	}
	return c
}

func byName(t *ruleset.Table) map[string]*ruleset.Chain {
	m := make(map[string]*ruleset.Chain, len(t.Chains))
	for _, ch := range t.Chains {
		m[ch.Name] = ch
	}
	return m
}

func (c *chart) add(ch *ruleset.Chain, r *ruleset.Rule) {
	for _, name := range targets(r) {
		to := c.byKey[name]
		if to == nil {
			continue
		}
		c.leads[ch] = append(c.leads[ch], lead{r, to})
		leaf := c.into[to]
		if leaf == nil {
			leaf = &Leaf{Table: c.table, Chain: to}
			c.into[to] = leaf
		}
		if leaf.Ways++; len(leaf.From) < mostFrom {
			leaf.From = append(leaf.From, Ref{c.table, ch, r})
		}
	}
}

// targets are the chains that a rule may lead to.
func targets(r *ruleset.Rule) (names []string) {
	if r.Effect.Verdict == ruleset.Jump || r.Effect.Verdict == ruleset.Goto {
		names = append(names, r.Effect.Target)
	}
	for i := range r.When {
		if !r.When[i].Chooses {
			continue
		}
		for k := range r.When[i].Rows {
			if row := &r.When[i].Rows[k]; row.Verdict == ruleset.Jump || row.Verdict == ruleset.Goto {
				names = append(names, row.Target)
			}
		}
	}
	return names
}

// from lists what is reached from a chain and was not listed yet, depth first.
func (c *chart) from(begin *ruleset.Chain) (leaves []Leaf) {
	stack := [][]lead{c.leads[begin]}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(*top) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		to := (*top)[0].to
		*top = (*top)[1:]
		if c.shown[to] || to.Base != nil {
			continue
		}
		c.shown[to] = true
		leaves = append(leaves, *c.into[to])
		stack = append(stack, c.leads[to])
	}
	return leaves
}

// rest are the chains that were not listed.
func (c *chart) rest() (leaves []Leaf) {
	for _, ch := range c.table.Chains {
		switch {
		case ch.Base != nil || c.shown[ch]:
		case c.into[ch] != nil:
			leaves = append(leaves, *c.into[ch])
		default:
			leaves = append(leaves, Leaf{Table: c.table, Chain: ch})
		}
	}
	return leaves
}
