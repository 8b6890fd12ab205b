package census

import (
	"cmp"
	"slices"
)

// tally is what is counted of a group.
type tally struct {
	entries, new       int64
	unassured, noReply int64
	error              int64 // at most so many entries were dropped before, and are in no count
}

// groups counts keys. When it is full, the half with the fewest entries is dropped;
// a key that comes after that may have been among them, so it carries an error.
type groups struct {
	index map[Key]int32
	keys  []Key
	count []tally
	floor int64 // no dropped key had more entries
	limit int
}

func (g *groups) reset(limit int) {
	if g.index == nil {
		g.index = map[Key]int32{}
	}
	clear(g.index)
	g.keys, g.count = g.keys[:0], g.count[:0]
	g.floor, g.limit = 0, limit
}

func (g *groups) add(k Key, one tally) {
	i, ok := g.index[k]
	if !ok {
		if len(g.keys) >= g.limit {
			g.prune()
		}
		i = int32(len(g.keys))
		g.index[k] = i
		g.keys = append(g.keys, k)
		g.count = append(g.count, tally{error: g.floor})
	}
	t := &g.count[i]
	t.entries += one.entries
	t.new += one.new
	t.unassured += one.unassured
	t.noReply += one.noReply
}

func (g *groups) prune() {
	order := g.order()
	keep := order[:len(order)/2]
	for _, i := range order[len(keep):] {
		g.floor = max(g.floor, g.count[i].entries+g.count[i].error)
	}
	slices.Sort(keep)
	clear(g.index)
	for to, from := range keep {
		g.keys[to], g.count[to] = g.keys[from], g.count[from]
		g.index[g.keys[to]] = int32(to)
	}
	g.keys, g.count = g.keys[:len(keep)], g.count[:len(keep)]
}

// order is the groups, those with the most entries first, of equal ones by key.
func (g *groups) order() []int32 {
	order := make([]int32, len(g.keys))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(g.count[b].entries, g.count[a].entries), g.keys[a].compare(&g.keys[b]))
	})
	return order
}

// of is what was counted of a key; one that was dropped may have had as many as
// the error says.
func (g *groups) of(k Key) tally {
	if i, ok := g.index[k]; ok {
		return g.count[i]
	}
	return tally{error: g.floor}
}
