// Package graph draws rules: hooks, the base chains that hang at them, and the
// chains that jumps lead to. Many chains of one make, as kube-proxy has for its
// services, are drawn as one. It knows the one model of rules alone.
package graph

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pktrail/pktrail/ruleset"
)

// Options say what is drawn.
type Options struct {
	// Chain is the one chain whose surroundings are drawn: those that lead to it
	// and those it leads to. Empty for all.
	Chain string
	// Unfold draws every chain for itself.
	Unfold bool
	// MaxChains bounds the picture; 400 when 0.
	MaxChains int
}

// Graph is the chains of a host and what leads to them.
type Graph struct {
	Nodes []Node
	Edges []Edge
	Left  int // chains that did not fit
}

// Kind is what a node stands for.
type Kind uint8

// The kinds of nodes.
const (
	Hook Kind = iota
	Base
	User
)

// Node is a hook, a chain, or many chains of one make.
type Node struct {
	Kind    Kind
	Table   ruleset.TableKey
	Dialect ruleset.Dialect
	Name    string // of the hook or chain; of many the begin that they share, with a star
	Chains  int    // that the node stands for
	Rules   int
	Policy  ruleset.Verdict // of a base chain
	Base    *ruleset.Base
	// Unreachable: no base chain leads there. Unreferenced: nothing at all does.
	Unreachable, Unreferenced bool
	Asked                     bool // it is the chain that was asked for

	turn int // of a hook or base chain, in the order in which packets meet them
}

// Edge is one or more jumps, or what a hook calls.
type Edge struct {
	From, To int // indices of nodes
	Goto     bool
	Rules    int // how many rules make it; 0 from a hook
	First    int // the number of the first of them in its chain, when From is one chain
}

// ErrNoChain says that there is no chain of the name that was asked for.
type ErrNoChain struct {
	Name  string
	Alike []string // names that it may have meant
}

func (e *ErrNoChain) Error() string {
	s := "there is no chain " + e.Name
	if len(e.Alike) > 0 {
		s += "; did you mean " + strings.Join(e.Alike, ", ") + "?"
	}
	return s
}

const manyChains = 400

// Build makes the graph of tables. Its error is an *ErrNoChain.
func Build(tables []*ruleset.Table, o Options) (*Graph, error) {
	if o.MaxChains == 0 {
		o.MaxChains = manyChains
	}
	b := newBuilder(tables, o)
	for _, t := range tables {
		b.table(t)
	}
	b.mark()
	if o.Chain != "" {
		if err := b.surroundings(); err != nil {
			return nil, err
		}
	}
	b.bound()
	b.hooks()
	return b.g, nil
}

// lines are what a node says of itself: its name, then what it is.
func (n *Node) lines() []string {
	if n.Kind == Hook {
		return []string{"hook " + n.Name}
	}
	what := n.tableWord()
	if n.Base != nil {
		what += fmt.Sprintf(" · priority %d", n.Base.Priority)
	}
	size := plural(n.Rules, "rule")
	if n.Chains > 1 {
		size = fmt.Sprintf("%d chains, %s", n.Chains, size)
	}
	if n.Policy != "" {
		size += ", policy " + string(n.Policy)
	}
	switch {
	case n.Chains == 0:
		size = "not there"
	case n.Unreferenced:
		size += ", unreferenced"
	case n.Unreachable:
		size += ", unreachable"
	}
	return []string{spelled(n.Name), spelled(what), size}
}

// spelled spells out what no picture may hold and a terminal would obey: control
// characters, marks of writing direction, bytes that are no UTF-8. Names are other
// people's words.
func spelled(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r != utf8.RuneError && unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		quoted := strconv.QuoteToASCII(s[i : i+size])
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func (n *Node) tableWord() string {
	switch {
	case n.Table.Backend == ruleset.Legacy:
		return fmt.Sprintf("%s %s (legacy)", n.Table.Family, n.Table.Name)
	case n.Dialect == ruleset.Iptables:
		return fmt.Sprintf("%s %s (iptables-nft)", n.Table.Family, n.Table.Name)
	}
	return fmt.Sprintf("%s %s", n.Table.Family, n.Table.Name)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// label is what stands at an edge: nothing at those of hooks.
func (e *Edge) label() string {
	s := ""
	switch {
	case e.Rules == 0:
		return ""
	case e.Rules == 1 && e.First > 0:
		s = fmt.Sprintf("rule %d", e.First)
	default:
		s = plural(e.Rules, "rule")
	}
	if e.Goto {
		s += " goto"
	}
	return s
}
