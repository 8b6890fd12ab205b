package nft

// Lookup ends the rule unless a register's value is in a set; of a map it loads
// what the value maps to into Dreg, which may be the verdict.
type Lookup struct {
	Set        string
	Sreg, Dreg uint32
	IsMap      bool
	Inverted   bool
}

func decodeLookup(f *fields) Expr {
	return &Lookup{Set: f.text(1), Sreg: f.u32(2), Dreg: f.u32(3), IsMap: f.has(3), Inverted: f.u32(5)&1 != 0}
}

// Kind is the kernel's name of the expression.
func (e *Lookup) Kind() string { return "lookup" }

func (e *Lookup) lift(l *lifter) {
	set := l.table.setNamed(e.Set)
	if set == nil {
		l.keep("lookup", "of a set that is not there")
		return
	}
	left := l.keyOf(registerOf(e.Sreg), set.key)
	if left == nil {
		l.keep("lookup", noRegister)
		return
	}
	right := newSetRef(set)
	if !e.IsMap {
		op := opEq
		if e.Inverted {
			op = opNeq
		}
		l.add(&exprStmt{e: newRelation(op, left, right)})
		return
	}
	m := &term{kind: kindMap, left: left, right: right, typ: typeInvalid}
	if r := registerOf(e.Dreg); r != 0 {
		if set.data != nil {
			m.bits = 0
		}
		l.set(r, m)
		return
	}
	l.add(&exprStmt{e: m})
}

// Immediate loads a value, or ends the rule with a verdict.
type Immediate struct {
	Dreg    uint32
	Data    []byte
	Verdict int32
	Chain   string
	Decides bool
}

func decodeImmediate(f *fields) Expr {
	e := &Immediate{Dreg: f.u32(1), Data: f.value(2)}
	e.Verdict, e.Chain, e.Decides = f.verdict(2)
	return e
}

// Kind is the kernel's name of the expression.
func (e *Immediate) Kind() string { return "immediate" }

func (e *Immediate) lift(l *lifter) {
	if !e.Decides {
		l.set(registerOf(e.Dreg), newValue(e.Data))
		return
	}
	if bound := l.table.binding(e.Chain); bound != nil {
		l.add(&chainStmt{verdict: e.Verdict, chain: bound, table: l.table})
		return
	}
	l.add(&verdictStmt{newVerdict(e.Verdict, e.Chain)})
}

func newVerdict(code int32, chain string) *term {
	return &term{kind: kindVerdict, typ: typeVerdict, verdict: code, chain: chain}
}

// verdictStmt is a verdict of its own.
type verdictStmt struct{ verdict *term }

func (s *verdictStmt) print(p *printer)  { printVerdict(p, s.verdict) }
func (s *verdictStmt) settle(c *settler) { c.add(s) }

// chainStmt jumps to a chain without a name, whose rules stand in the rule itself.
type chainStmt struct {
	verdict int32
	chain   *Chain
	table   *Table
}

func (s *chainStmt) print(p *printer) {
	word := "goto"
	if s.verdict == verdictJump {
		word = "jump"
	}
	p.s(word + " ")
	p.boundRules(s.table, s.chain)
}

func (s *chainStmt) settle(c *settler) { c.add(s) }
