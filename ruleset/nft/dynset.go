package nft

import "github.com/pktrail/pktrail/internal/wire"

// Dynset adds a key that a register holds to a set, keeps it there, or takes it
// out (Op: NFT_DYNSET_OP_*). Timeout is in milliseconds. Exprs are what the new
// element is given, as a list of NFTA_LIST_ELEM.
type Dynset struct {
	Set               string
	Op, SregKey, Data uint32
	HasData           bool
	Timeout           uint64
	Exprs             []byte
}

func decodeDynset(f *fields) Expr {
	e := &Dynset{Set: f.text(1), Op: f.u32(3), SregKey: f.u32(4), Data: f.u32(5), HasData: f.has(5), Timeout: f.u64(6)}
	switch {
	case f.has(7):
		e.Exprs = wire.AppendAttr(nil, listElem, f[7])
	case f.has(10):
		e.Exprs = f[10]
	}
	return e
}

// Kind is the kernel's name of the expression.
func (e *Dynset) Kind() string { return "dynset" }

func (e *Dynset) lift(l *lifter) {
	set := l.table.setNamed(e.Set)
	if set == nil || e.Op > 2 {
		l.keep("dynset", "of a set that is not there")
		return
	}
	key := l.get(registerOf(e.SregKey))
	if key != nil && key.bits < set.key.bits {
		key = l.concatKey(registerOf(e.SregKey), set.key)
	}
	if key == nil {
		l.keep("dynset", noRegister)
		return
	}
	s := &dynsetStmt{set: newSetRef(set), op: e.Op, inner: innerStmts(l.table, wire.Attrs(e.Exprs))}
	s.key = &term{kind: kindElem, left: key, typ: key.typ, order: key.order, bits: key.bits, elem: &elemState{timeout: e.Timeout}}
	if e.HasData && set.data != nil {
		if s.data = l.keyOf(registerOf(e.Data), set.data); s.data == nil {
			l.keep("dynset", noRegister)
			return
		}
		s.data.setType(set.data.typ, set.data.order)
	}
	l.add(s)
}

// innerStmts are the counters, limits and such of an element or a set.
func innerStmts(t *Table, list wire.Attrs) []stmt {
	if len(list) == 0 {
		return nil
	}
	l := &lifter{table: t}
	for a, ok := list.Next(); ok; a, ok = list.Next() {
		if a.Type == listElem {
			l.expr(wire.Attrs(a.Data))
		}
	}
	return l.stmts
}

type dynsetStmt struct {
	set       *term
	op        uint32
	key, data *term
	inner     []stmt
}

func (s *dynsetStmt) isMeter() bool {
	return s.data == nil && len(s.inner) > 0 && s.set.set.isAnonymous()
}

func (s *dynsetStmt) settle(c *settler) {
	c.term(&s.key)
	if s.data != nil {
		c.term(&s.data)
	}
	c.add(s)
}

// ask: where the element cannot be added, or what it holds ends the rule, the
// rule ends (net/netfilter/nft_dynset.c: nft_dynset_eval).
func (s *dynsetStmt) ask(c *conditions) {
	const takesOut = 2 // NFT_DYNSET_OP_DELETE
	c.mapped(s, s.key.left, s.data)
	if s.op == takesOut {
		return
	}
	set := s.set.set
	why := blocking(s.inner)
	if why == "" {
		why = blocking(set.innerStmts())
	}
	if held := len(set.raw) + len(set.given); why == "" && set.Size > 0 && held >= int(set.Size) {
		why = "adds to a set that is full"
	}
	if why != "" {
		c.untold(s, why)
	}
}

func (s *dynsetStmt) print(p *printer) {
	if s.isMeter() {
		s.printMeter(p)
		return
	}
	p.s([...]string{"add", "update", "delete"}[s.op] + " ")
	p.term(s.set)
	p.s(" { ")
	p.term(s.key)
	s.printInner(p)
	if s.data != nil {
		p.s(" : ")
		p.term(s.data)
	}
	p.s(" }")
}

// printInner leaves out what counters hold: here they are a pattern.
func (s *dynsetStmt) printInner(p *printer) {
	was := p.stateless
	p.stateless = true
	for _, in := range s.inner {
		p.s(" ")
		in.print(p)
	}
	p.stateless = was
}

func (s *dynsetStmt) printMeter(p *printer) {
	p.s("meter ")
	p.term(s.set)
	p.s(" size ")
	p.n(uint64(s.set.set.Size))
	p.s(" { ")
	p.term(s.key)
	s.inner = s.inner[:1]
	s.printInner(p)
	p.s(" }")
}
