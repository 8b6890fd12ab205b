package graph

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// key names a node while the graph is made.
type key struct {
	table ruleset.TableKey
	name  string
}

type edgeKey struct {
	from, to int
	goes     bool
}

type builder struct {
	o     Options
	g     *Graph
	at    map[key]int
	edges map[edgeKey]int
	fold  map[key]string // chains of one make, and the name of their node
	stops map[*ruleset.Base]stop
}

func newBuilder(tables []*ruleset.Table, o Options) *builder {
	b := &builder{o: o, g: &Graph{}, at: map[key]int{}, edges: map[edgeKey]int{}, fold: map[key]string{}, stops: stopsOf(tables)}
	if !o.Unfold {
		for _, t := range tables {
			b.foldTable(t)
		}
	}
	return b
}

// manyAlike is from how many on chains of one make are drawn as one.
const manyAlike = 8

func (b *builder) foldTable(t *ruleset.Table) {
	stems := map[string][]string{}
	for _, c := range t.Chains {
		if stem := stemOf(c.Name, madeUp); c.Base == nil && stem != "" && !b.asksFor(t, c.Name) {
			stems[stem] = append(stems[stem], c.Name)
		}
	}
	for _, c := range t.Chains {
		stem := stemOf(c.Name, maybeMadeUp)
		if c.Base == nil && len(stems[stemOf(c.Name, madeUp)]) < manyAlike && len(stems[stem]) >= manyAlike && !b.asksFor(t, c.Name) {
			stems[stem] = append(stems[stem], c.Name)
		}
	}
	for stem, names := range stems {
		if len(names) < manyAlike {
			continue
		}
		for _, name := range names {
			b.fold[key{t.TableKey, name}] = stem + "*"
		}
	}
}

// stemOf is the begin of a name that ends in what a program made up: KUBE-SVC-
// of KUBE-SVC-4SW47YFZTEDKD3PK; empty for other names.
func stemOf(name string, madeUp func(string) bool) string {
	for at := strings.IndexByte(name, '-'); at >= 0 && at+1 < len(name); {
		rest := name[at+1:]
		end := strings.IndexByte(rest, '-')
		if end < 0 {
			end = len(rest)
		}
		if madeUp(rest[:end]) {
			return name[:at+1]
		}
		if end == len(rest) {
			return ""
		}
		at += 1 + end
	}
	return ""
}

func madeUp(s string) bool {
	if len(s) < 8 {
		return false
	}
	upper := strings.ToUpper(s) == s
	return strings.ContainsAny(s, "0123456789") || upper && len(s) >= 12
}

// maybeMadeUp is true of words too: eight letters of a hash need not have a digit.
func maybeMadeUp(s string) bool { return len(s) >= 8 && strings.ToUpper(s) == s }

// asksFor reports whether a chain is the one that was asked for: NAME, or
// TABLE/NAME, or FAMILY/TABLE/NAME.
func (b *builder) asksFor(t *ruleset.Table, chain string) bool {
	if b.o.Chain == "" {
		return false
	}
	return b.o.Chain == chain || b.o.Chain == t.Name+"/"+chain || b.o.Chain == t.Family.String()+"/"+t.Name+"/"+chain
}

func (b *builder) table(t *ruleset.Table) {
	for _, c := range t.Chains {
		n := &b.g.Nodes[b.node(t, c.Name)]
		n.Chains++
		n.Rules += len(c.Rules)
		n.Asked = n.Asked || b.asksFor(t, c.Name)
		if c.Base != nil {
			n.Kind, n.Base, n.Policy = Base, c.Base, c.Policy
		}
	}
	for _, c := range t.Chains {
		from := b.node(t, c.Name)
		for i := range c.Rules {
			b.rule(t, from, &c.Rules[i])
		}
	}
}

func (b *builder) node(t *ruleset.Table, chain string) int {
	k := key{t.TableKey, chain}
	if folded, is := b.fold[k]; is {
		k.name = folded
	}
	at, is := b.at[k]
	if !is {
		at = len(b.g.Nodes)
		b.at[k] = at
		b.g.Nodes = append(b.g.Nodes, Node{Kind: User, Table: t.TableKey, Dialect: t.Dialect, Name: k.name})
	}
	return at
}

func (b *builder) rule(t *ruleset.Table, from int, r *ruleset.Rule) {
	for i := range r.When {
		if !r.When[i].Chooses {
			continue
		}
		seen := map[edgeKey]bool{}
		for _, row := range r.When[i].Rows {
			b.jump(t, from, r, row.Verdict, row.Target, seen)
		}
		return
	}
	b.jump(t, from, r, r.Effect.Verdict, r.Effect.Target, nil)
}

// jump adds a rule to the edge that it is part of; seen are the edges that it
// is part of already.
func (b *builder) jump(t *ruleset.Table, from int, r *ruleset.Rule, v ruleset.Verdict, to string, seen map[edgeKey]bool) {
	if v != ruleset.Jump && v != ruleset.Goto {
		return
	}
	k := edgeKey{from, b.node(t, to), v == ruleset.Goto}
	if seen[k] {
		return
	}
	if seen != nil {
		seen[k] = true
	}
	at, is := b.edges[k]
	if !is {
		at = len(b.g.Edges)
		b.edges[k] = at
		e := Edge{From: k.from, To: k.to, Goto: k.goes}
		if b.g.Nodes[from].Chains == 1 {
			e.First = r.Number
		}
		b.g.Edges = append(b.g.Edges, e)
	}
	b.g.Edges[at].Rules++
}

// mark finds what no base chain leads to, and what nothing leads to.
func (b *builder) mark() {
	reached, referenced := make([]bool, len(b.g.Nodes)), make([]bool, len(b.g.Nodes))
	var queue []int
	for i, n := range b.g.Nodes {
		if n.Kind == Base {
			reached[i] = true
			queue = append(queue, i)
		}
	}
	for _, e := range b.g.Edges {
		referenced[e.To] = true
	}
	b.spread(reached, queue, func(e Edge) (int, int) { return e.From, e.To })
	for i := range b.g.Nodes {
		if n := &b.g.Nodes[i]; n.Kind == User {
			n.Unreachable, n.Unreferenced = !reached[i], !referenced[i]
		}
	}
}

// spread reaches what edges lead to, in the direction that ends gives.
func (b *builder) spread(reached []bool, queue []int, ends func(Edge) (from, to int)) {
	next := map[int][]int{}
	for _, e := range b.g.Edges {
		from, to := ends(e)
		next[from] = append(next[from], to)
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, to := range next[at] {
			if !reached[to] {
				reached[to] = true
				queue = append(queue, to)
			}
		}
	}
}
