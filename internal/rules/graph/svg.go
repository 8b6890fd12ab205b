package graph

import (
	"fmt"
	"html"
)

// svgStyle follows the reader's light or dark colours.
const svgStyle = `<style>
svg{background:#fff;font:11px ui-monospace,Menlo,Consolas,monospace}
text{fill:#1f2328}.dim{fill:#59636e}.edge{fill:none;stroke:#818b98;stroke-width:1.2}
.goto{stroke-dasharray:5 3}.label{fill:#59636e;font-size:10px;paint-order:stroke;stroke:#fff;stroke-width:4px}.tip{fill:#818b98}
rect{fill:#f6f8fa;stroke:#818b98;rx:5}.hook rect{fill:#ddf4ff;stroke:#0969da}.base rect{stroke:#1a7f37;stroke-width:1.6}
.drop rect{stroke:#cf222e}.lost rect{stroke-dasharray:4 3;fill:none}.lost text{fill:#818b98}.asked rect{fill:#fff8c5;stroke-width:2}.name{font-weight:600}
@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.dim,.label{fill:#9198a1}.label{stroke:#0d1117}.edge{stroke:#656c76}.tip{fill:#656c76}
rect{fill:#151b23;stroke:#656c76}.hook rect{fill:#121d2f;stroke:#4493f8}.base rect{stroke:#3fb950}.drop rect{stroke:#f85149}.lost rect{fill:none}.asked rect{fill:#272215}}
</style>
`

// AppendSVG appends the graph as a picture that needs nothing but a browser.
func (g *Graph) AppendSVG(b []byte) []byte {
	l := newLayout(g)
	height := l.height
	if g.Left > 0 {
		height += lineHeight
	}
	b = fmt.Appendf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f">`+"\n", l.width, height, l.width, height)
	b = append(b, svgStyle...)
	b = append(b, `<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0,0 L8,4 L0,8 z"/></marker></defs>`+"\n"...)
	for i := range g.Edges {
		b = l.appendEdge(b, i)
	}
	for i := range g.Nodes {
		b = l.appendNode(b, i)
	}
	for i := range g.Edges {
		b = l.appendLabel(b, i)
	}
	if g.Left > 0 {
		b = fmt.Appendf(b, `<text class="dim" x="%.0f" y="%.0f">%s</text>`+"\n", margin, height-margin/2, html.EscapeString(g.leftWords()))
	}
	return append(b, "</svg>\n"...)
}

func (l *layout) appendEdge(b []byte, i int) []byte {
	e := &l.g.Edges[i]
	class := "edge"
	if e.Goto {
		class += " goto"
	}
	path := l.paths[i]
	first := l.points[path[0]]
	x, y := first.x+first.width, first.y
	b = fmt.Appendf(b, `<path class="%s" marker-end="url(#tip)" d="M%.1f,%.1f`, class, x, y)
	for _, at := range path[1:] {
		p := l.points[at]
		half := max((p.x-x)/2, 30)
		b = fmt.Appendf(b, " C%.1f,%.1f %.1f,%.1f %.1f,%.1f", x+half, y, p.x-half, p.y, p.x, p.y)
		x, y = p.x+p.width, p.y
		if p.node < 0 {
			b = fmt.Appendf(b, " H%.1f", x) // past the nodes of the layer
		}
	}
	return append(b, `"/>`+"\n"...)
}

// appendLabel writes an edge's label on its line, where it has the fewest
// neighbours: before its end, or behind its beginning where more edges meet at the
// end.
func (l *layout) appendLabel(b []byte, i int) []byte {
	e, path := &l.g.Edges[i], l.paths[i]
	label := e.label()
	if label == "" {
		return b
	}
	from, to, t := l.points[path[len(path)-2]], l.points[path[len(path)-1]], 0.7
	if len(l.points[e.To].from) > len(l.points[e.From].to) {
		from, to, t = l.points[path[0]], l.points[path[1]], 0.3
	}
	x, y := from.x+from.width, from.y
	bend := max((to.x-x)/2, 30)
	half := labelWidth * float64(len(label)) / 2
	middle := max(min(cubic(t, x, x+bend, to.x-bend, to.x), to.x-half-tipWidth), x+half)
	return fmt.Appendf(b, `<text class="label" text-anchor="middle" x="%.1f" y="%.1f">%s</text>`+"\n",
		middle, cubic(t, y, y, to.y, to.y)+3, html.EscapeString(label))
}

const (
	labelWidth = 6.0 // of a letter
	tipWidth   = 10.0
)

// cubic is a coordinate of a Bézier curve.
func cubic(t, a, b, c, d float64) float64 {
	u := 1 - t
	return u*u*u*a + 3*u*u*t*b + 3*u*t*t*c + t*t*t*d
}

func (l *layout) appendNode(b []byte, i int) []byte {
	n, p := &l.g.Nodes[i], l.points[i]
	top := p.y - p.height/2
	b = fmt.Appendf(b, `<g class="%s"><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, svgClass(n), p.x, top, p.width, p.height)
	for k, line := range n.lines() {
		class := "dim"
		if k == 0 {
			class = "name"
		}
		b = fmt.Appendf(b, `<text class="%s" x="%.1f" y="%.1f">%s</text>`, class, p.x+padding, top+lineHeight*float64(k+1), html.EscapeString(line))
	}
	return append(b, "</g>\n"...)
}

func svgClass(n *Node) string {
	class := "chain"
	switch {
	case n.Kind == Hook:
		return "hook"
	case n.Unreachable || n.Chains == 0:
		class = "lost"
	case n.Kind == Base && n.Policy == "drop":
		class = "base drop"
	case n.Kind == Base:
		class = "base"
	}
	if n.Asked {
		class += " asked"
	}
	return class
}
