package nft

// Objref uses an object by name, or the one that a map gives for a key.
type Objref struct {
	Type  uint32
	Name  string
	Named bool
	Sreg  uint32
	Set   string
}

func decodeObjref(f *fields) Expr {
	return &Objref{Type: f.u32(1), Name: f.text(2), Named: f.has(2), Sreg: f.u32(3), Set: f.text(4)}
}

// Kind is the kernel's name of the expression.
func (e *Objref) Kind() string { return "objref" }

func (e *Objref) lift(l *lifter) {
	if e.Named {
		l.add(&objrefStmt{typ: e.Type, name: e.Name})
		return
	}
	set := l.table.setNamed(e.Set)
	if set == nil {
		l.keep("objref", "of a map that is not there")
		return
	}
	left := l.keyOf(registerOf(e.Sreg), set.key)
	if left == nil {
		l.keep("objref", noRegister)
		return
	}
	m := &term{kind: kindMap, left: left, right: newSetRef(set), typ: typeString, order: orderHost}
	l.add(&objrefStmt{typ: set.ObjType, byMap: m})
}

// Types of objects (NFT_OBJECT_*).
const (
	objCounter   = 1
	objQuota     = 2
	objCTHelper  = 3
	objLimit     = 4
	objCTTimeout = 7
	objSecmark   = 8
	objCTExpect  = 9
	objSynproxy  = 10
)

// objectWord is the word of a type of objects.
func objectWord(typ uint32) string {
	switch typ {
	case objCounter:
		return "counter"
	case objQuota:
		return "quota"
	case objCTHelper:
		return "ct helper"
	case objLimit:
		return "limit"
	case objCTTimeout:
		return "ct timeout"
	case objSecmark:
		return "secmark"
	case objCTExpect:
		return "ct expectation"
	case objSynproxy:
		return "synproxy"
	}
	return "unknown"
}

type objrefStmt struct {
	typ   uint32
	name  string
	byMap *term
}

func (s *objrefStmt) settle(c *settler) {
	if s.byMap != nil {
		c.term(&s.byMap)
	}
	c.add(s)
}

// ask: a quota or limit may end the rule, and so does a key that is not in the map.
func (s *objrefStmt) ask(c *conditions) {
	if s.byMap != nil {
		c.mapped(s, s.byMap)
	}
	switch s.typ {
	case objQuota:
		c.untold(s, (&Quota{}).untold())
	case objLimit:
		c.untold(s, (&Limit{}).untold())
	case objSynproxy:
		c.untold(s, synproxyAsks)
	}
}

func (s *objrefStmt) print(p *printer) {
	switch s.typ {
	case objCTHelper, objCTTimeout, objCTExpect:
		p.s(objectWord(s.typ) + " set ")
	case objSecmark:
		p.s("meta secmark set ")
	default:
		p.s(objectWord(s.typ) + " name ")
	}
	if s.byMap != nil {
		p.term(s.byMap)
		return
	}
	p.q(s.name)
}
