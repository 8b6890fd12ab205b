package nft

import (
	"math/big"

	"github.com/pktrail/pktrail/ruleset"
)

// sight is what a match looks at, and what is done with it before it is compared.
type sight struct {
	fields []ruleset.Field
	loaded []*term // by field: what the register holds
	steps  []*term // on the one field, the last first: `& 0xff`, `>> 2`
	chosen choosing
	why    string // it cannot be told, if not empty
	link   func(index uint32) string
}

// choosing is a leaf that is not of the packet, whose values are count ones from
// a number on.
type choosing interface {
	comesOut() (from, count uint32)
}

// looking is a leaf whose field has another name than the leaf's own words, or
// whose value cannot be told from a packet: why is not empty then.
type looking interface {
	looksAt() (f ruleset.Field, why string)
}

// needing is a leaf that only packets of one protocol have: the kernel itself
// ends the rule for others. 0 for all.
type needing interface {
	needs() (proto uint8)
}

// needs adds the condition that a packet is of a protocol, unless it is there.
func (c *conditions) needs(proto uint8) {
	is := ruleset.Span(uint64(proto), uint64(proto))
	for _, have := range c.all {
		if len(have.Fields) == 1 && have.Fields[0] == ruleset.L4Proto && !have.Not && len(have.Rows) == 1 && have.Rows[0].Ranges[0] == is {
			return
		}
	}
	if proto != 0 {
		c.all = append(c.all, ruleset.Condition{Fields: []ruleset.Field{ruleset.L4Proto},
			Rows: []ruleset.Row{{Ranges: []ruleset.Range{is}}}, Text: "meta l4proto " + protocolWord(proto)})
	}
}

func protocolWord(proto uint8) string {
	name, _ := protocolName(uint64(proto))
	return name
}

func (c *conditions) sight(t *term) *sight {
	s := &sight{link: c.p.style.Names.Link}
	if t.kind != kindConcat {
		c.look(s, t)
		return s
	}
	for _, part := range t.list {
		c.look(s, part)
	}
	if len(s.steps) > 0 {
		s.why = "a part of what is looked up is masked first"
	}
	return s
}

func (c *conditions) look(s *sight, t *term) {
	s.loaded = append(s.loaded, t)
	for {
		switch {
		case t.kind == kindUnary:
			t = t.left
		case t.kind == kindBinop && numberOf(t.right) != nil:
			s.steps = append(s.steps, t)
			t = t.left
		case t.kind == kindLeaf:
			f, why := c.field(t)
			s.fields = append(s.fields, f)
			if n, ok := t.leaf.(needing); ok {
				c.needs(n.needs())
			}
			s.chosen, _ = t.leaf.(choosing)
			switch {
			case s.why != "":
			case t.misread:
				s.why = "shifts bytes in network byte order as if they were a number of the machine"
			default:
				s.why = why
			}
			return
		case t.kind == kindMap:
			s.why = "compares what a map gives"
			return
		default:
			s.why = "is computed from several values"
			return
		}
	}
}

func (c *conditions) field(t *term) (ruleset.Field, string) {
	l, ok := t.leaf.(looking)
	if !ok {
		return ruleset.Field(c.words(t.leaf)), ""
	}
	f, why := l.looksAt()
	if f == "" {
		f = ruleset.Field(c.words(t.leaf))
	}
	return f, why
}

// inHostOrder: the register holds the number in the machine's byte order.
func inHostOrder(t *term) bool {
	return t.order == orderHost && t.bits > 8 && !t.typ.isString()
}

// flags is a comparison of the bits of a mask with a value; nil for zero.
func (s *sight) flags(mask, value *term, not bool) ruleset.Condition {
	m, ok := maskOf(mask)
	v, known := ruleset.Value{}, true
	if value != nil {
		v, known = maskOf(value)
	}
	switch {
	case !ok || !known:
		return ruleset.Condition{Why: "flags that are no numbers"}
	case len(s.steps) > 0:
		return ruleset.Condition{Why: "is masked twice"}
	case m == ruleset.Value{} && v == ruleset.Value{}:
		return ruleset.Condition{Fields: s.fields, Rows: []ruleset.Row{{Ranges: []ruleset.Range{ruleset.Any()}}}, Not: not}
	case v.And(m) != v:
		return ruleset.Condition{Fields: s.fields, Not: not}
	}
	return ruleset.Condition{Fields: s.fields, Mask: m, Rows: []ruleset.Row{{Ranges: []ruleset.Range{ruleset.Only(v)}}}, Not: not}
}

func maskOf(t *term) (ruleset.Value, bool) {
	n := numberOf(t)
	if n == nil {
		return ruleset.Value{}, false
	}
	return valueOf(n)
}

// whole is all the values of a field.
func (s *sight) whole(n int) ruleset.Range {
	last, _ := valueOf(onesMask(min(s.loaded[n].bits, 128)))
	return ruleset.Range{To: last}
}

// compare is a comparison with values that stand in the rule itself.
func (s *sight) compare(op operator, right *term) ruleset.Condition {
	if op != opEq && op != opNeq || right.kind == kindRange {
		for _, l := range s.loaded {
			if inHostOrder(l) {
				return ruleset.Condition{Why: "compares a number byte by byte, in the machine's byte order"}
			}
		}
	}
	var rows []ruleset.Row
	switch op {
	case opEq, opNeq:
		row, why := s.row(right)
		if why != "" {
			return ruleset.Condition{Why: why}
		}
		rows = append(rows, row)
		if why = s.byName(rows, nil); why != "" {
			return ruleset.Condition{Why: why}
		}
	default:
		r, ok := s.beyond(op, right)
		if !ok {
			return ruleset.Condition{Why: "a comparison that is not known"}
		}
		rows = append(rows, ruleset.Row{Ranges: []ruleset.Range{r}})
	}
	return s.condition(rows, op == opNeq)
}

// beyond is the values that are less or more than one.
func (s *sight) beyond(op operator, right *term) (r ruleset.Range, ok bool) {
	n := numberOf(right)
	if n == nil || len(s.fields) != 1 {
		return r, false
	}
	r = s.whole(0)
	one := big.NewInt(1)
	switch op {
	case opLt:
		if n.Sign() == 0 {
			return nothing(), true
		}
		r.To, ok = valueOf(n.Sub(n, one))
	case opLte:
		r.To, ok = valueOf(n)
	case opGt:
		r.From, ok = valueOf(n.Add(n, one))
	case opGte:
		r.From, ok = valueOf(n)
	}
	return r, ok
}
