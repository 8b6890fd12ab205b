package nft

import (
	"github.com/pktrail/pktrail/internal/wire"
)

// lowered is a statement that was read as text. It adds to a rule what nft would
// make of it for the kernel: with the matches of headers that go without saying,
// and values as registers hold them.
type lowered func(*lowerer)

// lifted gives the rule's statements before they are settled: out of the
// kernel's expressions, or of the text that the rule was read from. Every call
// gives new ones, since to settle them changes them.
func (t *Table) lifted(r *Rule) []stmt {
	if r.written != nil {
		w := newLowerer(t)
		for _, add := range r.written {
			add(w)
		}
		return w.stmts
	}
	l := &lifter{table: t}
	list := wire.Attrs(r.exprs)
	for a, ok := list.Next(); ok; a, ok = list.Next() {
		if a.Type == listElem {
			l.expr(wire.Attrs(a.Data))
		}
	}
	return l.stmts
}

// lowerer gathers the statements of one rule, and follows which headers they
// tell, as src/evaluate.c does.
type lowerer struct {
	settler // whose tables of headers are used; it settles nothing here
	stmts   []stmt
}

func newLowerer(t *Table) *lowerer {
	w := &lowerer{}
	w.begin(t.Family)
	return w
}

func (w *lowerer) take(s stmt) { w.stmts = append(w.stmts, s) }
