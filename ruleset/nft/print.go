package nft

import (
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// printer appends nft's words to a buffer.
type printer struct {
	b         []byte
	style     *Style
	stateless bool
	numeric   bool // inside a range: no words for values
	inline    bool // rules in braces on one line
	fam       ruleset.Family
	remark    []string // on the rule at hand, in iptables' words
}

func (p *printer) s(s string)  { p.b = append(p.b, s...) }
func (p *printer) n(n uint64)  { p.b = strconv.AppendUint(p.b, n, 10) }
func (p *printer) i(n int64)   { p.b = strconv.AppendInt(p.b, n, 10) }
func (p *printer) x(n uint64)  { p.b = strconv.AppendUint(p.b, n, 16) }
func (p *printer) q(s string)  { p.b = append(append(append(p.b, '"'), s...), '"') }
func (p *printer) sp(s string) { p.b = append(append(p.b, ' '), s...) }

func (p *printer) handle(h uint64) {
	if p.style.Handles {
		p.s(" # handle ")
		p.n(h)
	}
}

// remarks ends a rule with what its xt statements say in iptables' words.
func (p *printer) remarks() {
	if len(p.remark) > 0 {
		p.s(" # iptables: " + strings.Join(p.remark, " "))
		p.remark = nil
	}
}

// term prints any term (src/expression.c: expr_print).
func (p *printer) term(t *term) {
	switch t.kind {
	case kindValue:
		p.value(t)
	case kindVerdict:
		printVerdict(p, t)
	case kindLeaf:
		t.leaf.print(p)
	case kindPrefix:
		p.term(t.left)
		p.s("/")
		p.i(int64(t.prefix))
	case kindRange:
		p.rangeOf(t)
	case kindConcat:
		p.joined(t.list, " . ")
	case kindList:
		p.joined(t.list, ",")
	case kindSetRef:
		p.setRef(t.set)
	case kindElem:
		p.element(t)
	case kindCatchAll:
		p.s("*")
	case kindMapping:
		p.term(t.left)
		p.s(" : ")
		p.term(t.right)
	case kindMap:
		p.mapped(t)
	case kindUnary:
		p.term(t.left)
	case kindBinop, kindRelation:
		p.operation(t)
	case kindFlagCompare:
		p.flagCompare(t)
	}
}

func (p *printer) joined(list []*term, delim string) {
	for i, t := range list {
		if i > 0 {
			p.s(delim)
		}
		p.term(t)
	}
}

func (p *printer) rangeOf(t *term) {
	was := p.numeric
	p.numeric = true
	p.term(t.left)
	p.s("-")
	p.term(t.right)
	p.numeric = was
}

func (p *printer) setRef(s *Set) {
	switch {
	case s.isMeter():
		p.s(s.Name)
	case s.isAnonymous():
		p.elements(s)
	default:
		p.s("@")
		p.s(s.Name)
	}
}

func (p *printer) mapped(t *term) {
	p.term(t.left)
	if t.right.set != nil && t.right.set.isVerdictMap() {
		p.s(" vmap ")
	} else {
		p.s(" map ")
	}
	p.term(t.right)
}

// operation prints `left op right`; == is left out where it goes without saying.
func (p *printer) operation(t *term) {
	p.operand(t, t.left)
	word := operatorWords[t.op]
	if word == "" || t.op == opEq && !mustSayEqual(t) {
		p.s(" ")
	} else {
		p.sp(word)
		p.s(" ")
	}
	p.operand(t, t.right)
}

func mustSayEqual(t *term) bool {
	return t.right.typ.isBitmask() && t.right.kind == kindValue || t.left.kind == kindBinop
}

func (p *printer) operand(of, t *term) {
	if t.kind != kindBinop || precedence(of.op) == 0 || precedence(of.op) >= precedence(t.op) {
		p.term(t)
		return
	}
	p.s("(")
	p.term(t)
	p.s(")")
}

func precedence(op operator) int {
	switch op {
	case opLShift, opRShift:
		return 1
	case opAnd:
		return 2
	case opXor:
		return 3
	case opOr:
		return 4
	}
	return 0
}

func (p *printer) flagCompare(t *term) {
	p.term(t.left)
	if t.op == opNeq {
		p.s(" !=")
	}
	p.s(" ")
	p.term(t.value)
	p.s(" / ")
	p.term(t.right)
}
