package graph

import (
	"cmp"
	"slices"
)

// The layout is the usual one for layered graphs (Sugiyama, Tagawa, Toda 1981):
// nodes in layers by what leads to them, long edges through points of their own
// in the layers between, the order within layers by the mean of the neighbours.

// point is a node in the picture, or a bend of an edge.
type point struct {
	node          int // -1 for a bend
	layer         int
	x, y          float64 // of the middle of the left side
	width, height float64
	from, to      []int // points of the layers before and behind
}

type layout struct {
	g             *Graph
	points        []point
	layers        [][]int
	paths         [][]int // the points of each edge
	width, height float64
}

// Sizes in pixels of the SVG.
const (
	charWidth  = 6.7
	lineHeight = 15.0
	padding    = 9.0
	gapX       = 90.0
	gapY       = 16.0
	margin     = 20.0
)

func newLayout(g *Graph) *layout {
	l := &layout{g: g}
	depth := depths(g)
	for i := range g.Nodes {
		p := point{node: i, layer: depth[i]}
		for _, line := range g.Nodes[i].lines() {
			p.width = max(p.width, charWidth*float64(len([]rune(line)))+2*padding)
			p.height += lineHeight
		}
		p.height += padding
		l.add(p)
	}
	for i := range g.Edges {
		l.route(&g.Edges[i])
	}
	for range 8 {
		l.sweep(1, func(p *point) []int { return p.from })
		l.sweep(-1, func(p *point) []int { return p.to })
	}
	l.place()
	return l
}

// depths are the layers of nodes: one behind the last that leads there. Edges
// that close a circle, which only files can hold, are passed over.
func depths(g *Graph) []int {
	next := make([][]int, len(g.Nodes))
	entered := make([]bool, len(g.Nodes))
	for _, e := range g.Edges {
		next[e.From] = append(next[e.From], e.To)
		entered[e.To] = entered[e.To] || e.From != e.To
	}
	d := &deepener{next: next, state: make([]uint8, len(g.Nodes))}
	for i := range g.Nodes {
		if !entered[i] {
			d.visit(i)
		}
	}
	for i := range g.Nodes {
		d.visit(i)
	}
	depth := make([]int, len(g.Nodes))
	for _, at := range slices.Backward(d.done) {
		for _, to := range next[at] {
			if d.order(at) < d.order(to) {
				depth[to] = max(depth[to], depth[at]+1)
			}
		}
	}
	return depth
}

// deepener sorts nodes so that each comes before those it leads to.
type deepener struct {
	next  [][]int
	state []uint8 // 1 being visited, 2 done
	done  []int
	place map[int]int
}

func (d *deepener) visit(from int) {
	type step struct{ at, child int }
	if d.state[from] != 0 {
		return
	}
	d.state[from] = 1
	stack := []step{{from, 0}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.child == len(d.next[top.at]) {
			d.state[top.at] = 2
			d.done = append(d.done, top.at)
			stack = stack[:len(stack)-1]
			continue
		}
		to := d.next[top.at][top.child]
		top.child++
		if d.state[to] == 0 {
			d.state[to] = 1
			stack = append(stack, step{to, 0})
		}
	}
}

// order is a node's place among all, those that lead to others first.
func (d *deepener) order(at int) int {
	if d.place == nil {
		d.place = make(map[int]int, len(d.done))
		for i, n := range d.done {
			d.place[n] = len(d.done) - i
		}
	}
	return d.place[at]
}

func (l *layout) add(p point) int {
	for len(l.layers) <= p.layer {
		l.layers = append(l.layers, nil)
	}
	l.points = append(l.points, p)
	l.layers[p.layer] = append(l.layers[p.layer], len(l.points)-1)
	return len(l.points) - 1
}

// route leads an edge through a bend in each layer between its ends. One that
// leads back, or to its own node, goes straight.
func (l *layout) route(e *Edge) {
	path := []int{e.From}
	for layer := l.points[e.From].layer + 1; layer < l.points[e.To].layer; layer++ {
		path = append(path, l.add(point{node: -1, layer: layer, height: lineHeight}))
	}
	path = append(path, e.To)
	if l.points[e.From].layer < l.points[e.To].layer {
		for i, at := range path[1:] {
			l.points[path[i]].to = append(l.points[path[i]].to, at)
			l.points[at].from = append(l.points[at].from, path[i])
		}
	}
	l.paths = append(l.paths, path)
}

// sweep orders each layer by where its neighbours stand in the one before (step
// 1) or behind it (-1).
func (l *layout) sweep(step int, neighbours func(*point) []int) {
	rank := l.ranks()
	for n := range l.layers {
		layer := l.layers[n]
		if step < 0 {
			layer = l.layers[len(l.layers)-1-n]
		}
		mean := map[int]float64{}
		for _, at := range layer {
			mean[at] = l.mean(neighbours(&l.points[at]), rank, rank[at])
		}
		slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
		for i, at := range layer {
			rank[at] = float64(i)
		}
	}
}

func (l *layout) ranks() []float64 {
	rank := make([]float64, len(l.points))
	for _, layer := range l.layers {
		for i, at := range layer {
			rank[at] = float64(i)
		}
	}
	return rank
}

func (l *layout) mean(of []int, rank []float64, without float64) float64 {
	if len(of) == 0 {
		return without
	}
	sum := 0.0
	for _, at := range of {
		sum += rank[at]
	}
	return sum / float64(len(of))
}

// place gives the points their coordinates: layers from left to right, and in
// each what leads to a node beside it, as far as there is room.
func (l *layout) place() {
	x := margin
	for _, layer := range l.layers {
		wide, y := 0.0, margin
		for _, at := range layer {
			p := &l.points[at]
			p.x = x
			p.y = max(y+p.height/2, l.beside(p))
			y = p.y + p.height/2 + gapY
			wide = max(wide, p.width)
		}
		l.height = max(l.height, y+margin)
		l.width = x + wide + margin
		x += wide + gapX
	}
}

func (l *layout) beside(p *point) float64 {
	sum := 0.0
	for _, at := range p.from {
		sum += l.points[at].y
	}
	if len(p.from) == 0 {
		return 0
	}
	return sum / float64(len(p.from))
}
