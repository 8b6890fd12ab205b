package graph

import (
	"cmp"
	"math"
	"slices"
)

// The layout is the usual one for layered graphs (Sugiyama, Tagawa, Toda 1981):
// nodes in layers by what leads to them, long edges through points of their own
// in the layers between, the order within layers by the mean of the neighbours.

// point is a node in the picture, or a bend of an edge.
type point struct {
	node          int // -1 for a bend
	layer         int
	edge          int     // the first that leads here
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
		p := point{node: i, layer: depth[i], edge: len(g.Edges)}
		for _, line := range g.Nodes[i].lines() {
			p.width = max(p.width, charWidth*float64(len([]rune(line)))+2*padding)
			p.height += lineHeight
		}
		p.height += padding
		l.add(p)
	}
	for i := range g.Edges {
		l.route(i)
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
func (l *layout) route(edge int) {
	e := &l.g.Edges[edge]
	path := []int{e.From}
	l.points[e.To].edge = min(l.points[e.To].edge, edge)
	for layer := l.points[e.From].layer + 1; layer < l.points[e.To].layer; layer++ {
		path = append(path, l.add(point{node: -1, layer: layer, edge: edge, height: lineHeight}))
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
// 1; equals in the order of the rules that lead there) or behind it (-1). Hooks and
// base chains stand first, in the kernel's order.
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
		slices.SortStableFunc(layer, func(a, b int) int {
			if l.fixed(a) || l.fixed(b) {
				return cmp.Compare(l.turn(a), l.turn(b))
			}
			if mean[a] == mean[b] && step > 0 {
				return cmp.Compare(l.points[a].edge, l.points[b].edge)
			}
			return cmp.Compare(mean[a], mean[b])
		})
		for i, at := range layer {
			rank[at] = float64(i)
		}
	}
}

func (l *layout) fixed(at int) bool {
	p := &l.points[at]
	return p.node >= 0 && l.g.Nodes[p.node].Kind != User
}

// turn is the place of a hook or base chain in the kernel's order, and behind
// all of them for everything else.
func (l *layout) turn(at int) int {
	if !l.fixed(at) {
		return len(l.points)
	}
	return l.g.Nodes[l.points[at].node].turn
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

// manyRounds is how often the places are moved towards the neighbours'.
const manyRounds = 6

// place gives the points their coordinates: layers from left to right, and in
// each as near to their neighbours' middle as their order leaves room.
func (l *layout) place() {
	x := margin
	for _, layer := range l.layers {
		wide := 0.0
		for _, at := range layer {
			l.points[at].x = x
			wide = max(wide, l.points[at].width)
		}
		for _, at := range layer {
			if p := &l.points[at]; p.node < 0 {
				p.width = wide
			}
		}
		l.width = x + wide + margin
		x += wide + gapX
	}
	for _, layer := range l.layers {
		l.settle(layer, func(p *point) []int { return p.from })
	}
	for range manyRounds {
		for _, layer := range slices.Backward(l.layers) {
			l.settle(layer, func(p *point) []int { return p.to })
		}
		for _, layer := range l.layers {
			l.settle(layer, func(p *point) []int { return slices.Concat(p.from, p.to) })
		}
	}
	l.toTop()
}

// settle moves the points of a layer to the middle of their neighbours, keeping
// their order and distance: where they crowd, all of the crowd move together
// (the pool-adjacent-violators algorithm).
func (l *layout) settle(layer []int, neighbours func(*point) []int) {
	type crowd struct {
		sum   float64
		count int
	}
	var crowds []crowd
	offset := 0.0
	offsets := make([]float64, len(layer))
	middle := func(c crowd) float64 { return c.sum / float64(c.count) }
	for i, at := range layer {
		p := &l.points[at]
		if i > 0 {
			offset += (l.points[layer[i-1]].height+p.height)/2 + gapY
		}
		offsets[i] = offset
		crowds = append(crowds, crowd{l.wanted(p, neighbours(p)) - offset, 1})
		for n := len(crowds); n > 1 && middle(crowds[n-2]) > middle(crowds[n-1]); n = len(crowds) {
			crowds[n-2].sum += crowds[n-1].sum
			crowds[n-2].count += crowds[n-1].count
			crowds = crowds[:n-1]
		}
	}
	i := 0
	for _, c := range crowds {
		for range c.count {
			l.points[layer[i]].y = middle(c) + offsets[i]
			i++
		}
	}
}

func (l *layout) wanted(p *point, neighbours []int) float64 {
	if len(neighbours) == 0 {
		return p.y
	}
	sum := 0.0
	for _, at := range neighbours {
		sum += l.points[at].y
	}
	return sum / float64(len(neighbours))
}

// toTop moves the picture to its upper margin, and tells its height.
func (l *layout) toTop() {
	if len(l.points) == 0 {
		return
	}
	top := math.Inf(1)
	for i := range l.points {
		top = min(top, l.points[i].y-l.points[i].height/2)
	}
	for i := range l.points {
		p := &l.points[i]
		p.y += margin - top
		l.height = max(l.height, p.y+p.height/2+margin)
	}
}
