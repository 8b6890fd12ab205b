package graph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// surroundings keeps what leads to the chain that was asked for, and what it leads to.
func (b *builder) surroundings() error {
	var asked []int
	for i, n := range b.g.Nodes {
		if n.Asked {
			asked = append(asked, i)
		}
	}
	if len(asked) == 0 {
		return &ErrNoChain{Name: b.o.Chain, Alike: b.alike()}
	}
	up, down := make([]bool, len(b.g.Nodes)), make([]bool, len(b.g.Nodes))
	for _, i := range asked {
		up[i], down[i] = true, true
	}
	b.spread(down, slices.Clone(asked), func(e Edge) (int, int) { return e.From, e.To })
	b.spread(up, asked, func(e Edge) (int, int) { return e.To, e.From })
	b.keep(func(i int) bool { return up[i] || down[i] }, func(e Edge) bool {
		return up[e.From] && up[e.To] || down[e.From] && down[e.To]
	})
	return nil
}

// alike are chains whose names hold what was asked for, whatever the case.
func (b *builder) alike() (names []string) {
	_, want, found := strings.Cut(b.o.Chain, "/")
	if !found {
		want = b.o.Chain
	}
	for _, n := range b.g.Nodes {
		if strings.Contains(strings.ToLower(n.Name), strings.ToLower(want)) && !slices.Contains(names, n.Name) {
			names = append(names, n.Name)
		}
		if len(names) == 3 {
			break
		}
	}
	return names
}

// keep drops nodes and edges.
func (b *builder) keep(node func(int) bool, edge func(Edge) bool) {
	to := make([]int, len(b.g.Nodes))
	var nodes []Node
	for i, n := range b.g.Nodes {
		to[i] = -1
		if node(i) {
			to[i] = len(nodes)
			nodes = append(nodes, n)
		}
	}
	var edges []Edge
	for _, e := range b.g.Edges {
		if to[e.From] >= 0 && to[e.To] >= 0 && edge(e) {
			e.From, e.To = to[e.From], to[e.To]
			edges = append(edges, e)
		}
	}
	b.g.Nodes, b.g.Edges = nodes, edges
}

// bound leaves out what is too much for one picture: the chains that are
// farthest from the hooks, and before them those without rules.
func (b *builder) bound() {
	if len(b.g.Nodes) <= b.o.MaxChains {
		return
	}
	depth := depths(b.g)
	order := make([]int, len(b.g.Nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		return cmp.Or(cmp.Compare(b.worth(x), b.worth(y)), cmp.Compare(depth[x], depth[y]))
	})
	stays := map[int]bool{}
	for _, i := range order[:b.o.MaxChains] {
		stays[i] = true
	}
	for i, n := range b.g.Nodes {
		if !stays[i] {
			b.g.Left += n.Chains
		}
	}
	b.keep(func(i int) bool { return stays[i] }, func(Edge) bool { return true })
}

func (b *builder) worth(i int) int {
	switch n := b.g.Nodes[i]; {
	case n.Kind == Base, n.Asked:
		return 0
	case n.Unreachable:
		return 2
	}
	return 1
}

// hooks adds a node for each hook, and what it calls in the kernel's order.
func (b *builder) hooks() {
	var bases []int
	for i, n := range b.g.Nodes {
		if n.Kind == Base {
			bases = append(bases, i)
		}
	}
	slices.SortStableFunc(bases, func(x, y int) int { return cmp.Compare(b.stop(x).turn, b.stop(y).turn) })
	at := map[string]int{}
	for turn, i := range bases {
		b.g.Nodes[i].turn = turn
		h := b.stop(i).where
		if _, is := at[h]; !is {
			at[h] = len(b.g.Nodes)
			b.g.Nodes = append(b.g.Nodes, Node{Kind: Hook, Name: h, turn: len(at)})
		}
		b.g.Edges = append(b.g.Edges, Edge{From: at[h], To: i})
	}
}

// stop is where a base chain hangs, and its place among all of them.
type stop struct {
	where string
	turn  int
}

func stopsOf(tables []*ruleset.Table) map[*ruleset.Base]stop {
	stops := map[*ruleset.Base]stop{}
	for turn, s := range rules.Stops(tables) {
		stops[s.Chain.Base] = stop{s.Where(), turn}
	}
	return stops
}

func (b *builder) stop(node int) stop { return b.stops[b.g.Nodes[node].Base] }
