package graph

import (
	"fmt"
	"strconv"
	"strings"
)

// AppendDOT appends the graph in the language of Graphviz.
func (g *Graph) AppendDOT(b []byte) []byte {
	b = append(b, "digraph rules {\n\trankdir=LR;\n\tnode [shape=box, fontname=\"monospace\", fontsize=10];\n\tedge [fontname=\"monospace\", fontsize=9];\n"...)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		b = fmt.Appendf(b, "\tn%d [label=%s%s];\n", i, dotString(strings.Join(n.lines(), "\n")), dotLook(n))
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		b = fmt.Appendf(b, "\tn%d -> n%d", e.From, e.To)
		var look []string
		if label := e.label(); label != "" {
			look = append(look, "label="+dotString(label))
		}
		if e.Goto {
			look = append(look, "style=dashed")
		}
		if len(look) > 0 {
			b = fmt.Appendf(b, " [%s]", strings.Join(look, ", "))
		}
		b = append(b, ";\n"...)
	}
	if g.Left > 0 {
		b = fmt.Appendf(b, "\tlabel=%s;\n", dotString(g.leftWords()))
	}
	return append(b, "}\n"...)
}

func dotLook(n *Node) string {
	switch {
	case n.Kind == Hook:
		return ", shape=ellipse"
	case n.Unreachable || n.Chains == 0:
		return ", style=dashed, fontcolor=gray40, color=gray60"
	case n.Asked:
		return ", penwidth=2"
	case n.Kind == Base:
		return ", style=bold"
	}
	return ""
}

// dotString quotes for DOT: quotes are escaped, and so are backslashes, which
// stand for more than themselves in labels.
func dotString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// AppendMermaid appends the graph in the language of Mermaid.
func (g *Graph) AppendMermaid(b []byte) []byte {
	b = append(b, "flowchart LR\n"...)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		open, end := "[", "]"
		if n.Kind == Hook {
			open, end = "([", "])"
		}
		b = fmt.Appendf(b, "    n%d%s%s%s\n", i, open, mermaidString(strings.Join(n.lines(), "\n")), end)
		if n.Unreachable || n.Chains == 0 && n.Kind != Hook {
			b = fmt.Appendf(b, "    class n%d unreachable\n", i)
		}
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		arrow := "-->"
		if e.Goto {
			arrow = "-.->"
		}
		b = fmt.Appendf(b, "    n%d %s", e.From, arrow)
		if label := e.label(); label != "" {
			b = fmt.Appendf(b, "|%s|", mermaidString(label))
		}
		b = fmt.Appendf(b, " n%d\n", e.To)
	}
	if g.Left > 0 {
		b = fmt.Appendf(b, "    left[%s]\n", mermaidString(g.leftWords()))
	}
	return append(b, "    classDef unreachable stroke-dasharray: 4 4\n"...)
}

// mermaidString quotes for Mermaid, which knows HTML's entities by number.
func mermaidString(s string) string {
	var q strings.Builder
	q.WriteByte('"')
	for _, r := range s {
		switch r {
		case '\n':
			q.WriteString("<br>")
		case '"', '#', '<', '>', '&', '`', '\\':
			q.WriteString("#" + strconv.Itoa(int(r)) + ";")
		default:
			q.WriteRune(r)
		}
	}
	q.WriteByte('"')
	return q.String()
}

func (g *Graph) leftWords() string {
	return plural(g.Left, "chain") + " did not fit and are not drawn"
}
