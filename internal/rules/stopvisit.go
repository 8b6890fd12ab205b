package rules

import (
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// stopVisit is a base chain to which packets that are asked for come, with what
// is known of them there.
type stopVisit struct {
	Stop
	forms []ruleset.Facts
	only  string
	table *tableVisit
}

// tableVisit is what the walks of a table's base chains share.
type tableVisit struct {
	chains map[string]*node
	// varying are the fields of which something else is known below one base chain
	// than below another.
	varying []ruleset.Field
}

// node is a chain, and its last visit.
type node struct {
	chain *ruleset.Chain
	visit visit
	told  *stopVisit // below which its last visit, at another, was found to hold as well
	met   bool       // some packets come to it, or would if none were taken before
}

func newTableVisit(t *ruleset.Table) *tableVisit {
	v := &tableVisit{chains: make(map[string]*node, len(t.Chains))}
	nodes := make([]node, len(t.Chains))
	for i, c := range t.Chains {
		nodes[i].chain = c
		v.chains[c.Name] = &nodes[i]
	}
	return v
}

// visitsOf are the base chains that packets come to, in their order.
func visitsOf(q *Question, tables []*ruleset.Table) (all []*stopVisit) {
	known := map[*ruleset.Table]*tableVisit{}
	first := map[*ruleset.Table]*stopVisit{}
	for _, s := range Stops(tables) {
		forms, comes := q.at(s.Table.Family, s.Chain.Base.Hook)
		if !comes {
			continue
		}
		if asksNAT(s.Table.Family, s.Chain.Base) {
			forms = begun(forms)
		}
		v := &stopVisit{Stop: s, table: known[s.Table]}
		v.forms, v.only = q.through(s.Table.Family, s.Chain.Base, ported(forms))
		if v.table == nil {
			v.table = newTableVisit(s.Table)
			known[s.Table], first[s.Table] = v.table, v
		}
		v.table.compare(first[s.Table], v)
		all = append(all, v)
	}
	return all
}

// begun is what is known besides of packets in chains of nat: they are whole, or
// the first piece, and begin a flow (net/netfilter/nf_nat_core.c: nf_nat_inet_fn).
func begun(forms []ruleset.Facts) (known []ruleset.Facts) {
	const related, fresh = 4, 8
	for _, f := range forms {
		g := with(f, ruleset.Fragment, firstFragments()...)
		g[ruleset.CTState] = []ruleset.Range{ruleset.Span(related, related), ruleset.Span(fresh, fresh)}
		known = append(known, g)
	}
	return known
}

// ported adds that packets have ports, where their protocol has some and they are
// no later fragments.
func ported(forms []ruleset.Facts) (known []ruleset.Facts) {
	for _, f := range forms {
		for _, port := range []ruleset.Field{ruleset.SourcePort, ruleset.DestPort} {
			if f[ruleset.Fragment] != nil && f[port] == nil && hasPorts(f[ruleset.L4Proto]) {
				f = with(f, port, ruleset.Span(0, 0xffff))
			}
		}
		known = append(known, f)
	}
	return known
}

// hasPorts: TCP, UDP, DCCP, SCTP or UDP-Lite, and nothing else.
func hasPorts(protocols []ruleset.Range) bool {
	with := []ruleset.Range{ruleset.Span(6, 6), ruleset.Span(17, 17), ruleset.Span(33, 33), ruleset.Span(132, 132), ruleset.Span(136, 136)}
	return len(protocols) > 0 && !slices.ContainsFunc(protocols, func(r ruleset.Range) bool { return !slices.Contains(with, r) })
}

// compare adds the fields of which a and b know different things.
func (t *tableVisit) compare(a, b *stopVisit) {
	for i := range min(len(a.forms), len(b.forms)) {
		t.differ(a.forms[i], b.forms[i])
		t.differ(b.forms[i], a.forms[i])
	}
}

func (t *tableVisit) differ(a, b ruleset.Facts) {
	for field, known := range a {
		if !slices.Equal(known, b[field]) && !slices.Contains(t.varying, field) {
			t.varying = append(t.varying, field)
		}
	}
}

// varies reports whether a rule asks for a field of which something else is known
// elsewhere.
func (t *tableVisit) varies(r *ruleset.Rule) bool { return len(t.varying) > 0 && t.asks(r.When) }

func (t *tableVisit) asks(when []ruleset.Condition) bool {
	for i := range when {
		for _, f := range when[i].Fields {
			if slices.Contains(t.varying, f) {
				return true
			}
		}
		if t.asks(when[i].Any) {
			return true
		}
	}
	return false
}

// alike reports whether as much is known of packets below both, but for the fields
// that vary.
func (v *stopVisit) alike(o *stopVisit) bool { return v.only == o.only && len(v.forms) == len(o.forms) }
