package nft

import (
	"math/big"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
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
		return joinFields(w.stmts)
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
	heads    settler // what is known of the headers; it settles nothing here
	table    *Table
	stmts    []stmt
	conflict string // why nft would not take the rule
}

func newLowerer(t *Table) *lowerer {
	w := &lowerer{table: t}
	w.heads.begin(t.Family)
	return w
}

func (w *lowerer) add(s stmt) { w.stmts = append(w.stmts, s) }

// operand is a term as registers hold it, with the matches it needs before it.
func (w *lowerer) operand(t *term) *term {
	c := *t
	switch t.kind {
	case kindValue:
		return inRegister(t)
	case kindLeaf:
		w.needs(t)
		return t.clone()
	case kindSetRef:
		return w.setRef(t)
	case kindMap:
		return w.mapped(t)
	case kindBinop:
		return w.binop(t)
	case kindConcat, kindList:
		c.list = nil
		for _, part := range t.list {
			c.list = append(c.list, w.operand(part))
		}
		return &c
	}
	for _, side := range []**term{&c.left, &c.right, &c.value} {
		if *side != nil {
			*side = w.operand(*side)
		}
	}
	return &c
}

// inRegister turns the bytes of a value round that the kernel keeps in host
// byte order. A name without a star ends in zeros.
func inRegister(t *term) *term {
	c := t.clone()
	switch {
	case c.typ.isString():
		text := c.text()
		n := len(text)
		switch {
		case n > 0 && text[n-1] == '*' && (n < 2 || text[n-2] != '\\'):
			c.val, c.bits = new(big.Int).SetBytes([]byte(text[:n-1])), 8*(n-1)
		default:
			if n > 1 && text[n-1] == '*' {
				text = text[:n-2] + "*"
			}
			whole := make([]byte, max(bytesOf(t.bits), len(text)+1, 16))
			copy(whole, text)
			c.val, c.bits = new(big.Int).SetBytes(whole), 8*len(whole)
		}
		c.order = orderHost
	case c.order == orderHost:
		c.switchOrder()
	}
	return c
}

func (w *lowerer) setRef(t *term) *term {
	s := t.set
	if s == nil {
		if s = w.table.setNamed(t.chain); s == nil {
			s = &Set{Name: t.chain, key: newNumber(0, t.bits, t.typ, t.order)}
		}
	}
	return newSetRef(s)
}

func (w *lowerer) mapped(t *term) *term {
	c := *t
	c.left, c.right = w.operand(t.left), w.operand(t.right)
	if s := c.right.set; s != nil && s.data == nil && s.Flags&setObject == 0 {
		s.data = newNumber(0, t.bits, t.typ, t.order) // of a map that is not there
	}
	return &c
}

// binop folds what is done to a field with numbers as the kernel does: it keeps
// one mask and one number for exclusive or.
func (w *lowerer) binop(t *term) *term {
	if !isBoolean(t) {
		c := *t
		c.left, c.right = w.operand(t.left), w.operand(t.right)
		return &c
	}
	field, mask, xor := folded(t)
	left := w.operand(field)
	was := left.bits
	left.bits = 8 * bytesOf(max(was, xor.BitLen()))
	wide := *left
	e := &Bitwise{Mask: numberBytes(mask, &wide), Xor: numberBytes(xor, &wide)}
	folded := e.boolean(left)
	left.bits = was
	return folded
}

// isBoolean: `field & 1`, and not of two fields, or a shift.
func isBoolean(t *term) bool {
	return t.kind == kindBinop && (t.op == opAnd || t.op == opOr || t.op == opXor) &&
		t.right.kind == kindValue && t.left.kind != kindValue && t.left.bits > 0
}

// folded is a field under `& mask ^ xor`.
func folded(t *term) (field *term, mask, xor *big.Int) {
	if !isBoolean(t) {
		return t, onesMask(8 * maxKeyBytes), new(big.Int)
	}
	field, mask, xor = folded(t.left)
	n := t.right.val
	switch t.op {
	case opAnd:
		mask.And(mask, n)
		xor.And(xor, n)
	case opOr:
		mask.AndNot(mask, n)
		xor.Or(xor, n)
	case opXor:
		xor.Xor(xor, n)
	}
	return field, mask, xor
}

// numberBytes are the bytes of a number as a register holds it beside a field.
func numberBytes(n *big.Int, field *term) []byte {
	v := &term{kind: kindValue, typ: field.typ, bits: field.bits, order: field.order, val: new(big.Int).And(n, onesMask(field.bits))}
	if v.order == orderHost {
		v.switchOrder()
	}
	return v.bytes()
}

// match adds a comparison, or a lookup in a map of verdicts.
func (w *lowerer) match(t *term) {
	if t.kind == kindMap {
		w.add(&exprStmt{e: w.operand(t)})
		return
	}
	field, right := t.left, t.right
	if t.kind == kindRelation {
		field, right = transferred(field, right)
	}
	left, op := w.operand(field), t.op
	switch {
	case t.kind == kindFlagCompare:
		left = newBinop(opAnd, left, inRegister(t.right))
		right = t.value
	case (op == opNone || op == opNeg) && right.typ.isBitmask() && right.kind == kindValue:
		left = newBinop(opAnd, left, inRegister(right))
		right = newNumber(0, right.bits, right.typ, right.order)
		if op == opNone {
			op = opNeq
		} else {
			op = opEq
		}
	case op == opNone:
		op = opEq
	}
	value := w.compared(&left, op, right)
	e := newRelation(op, left, value)
	w.add(&exprStmt{e: e})
	w.learn(e, right)
}

// transferred does to a number what would undo an operation on the field
// (src/evaluate.c: binop_transfer).
func transferred(left, right *term) (*term, *term) {
	for left.kind == kindBinop && right.kind == kindValue && left.right.kind == kindValue && left.left.kind != kindValue {
		by, n := left.right, right.clone()
		switch shift := uint(by.uint()); {
		case left.op == opXor:
			n.val.Xor(n.val, by.val)
		case left.op == opLShift && shift < 1024 && (n.isZero() || n.val.TrailingZeroBits() >= shift):
			n.val.Rsh(n.val, shift)
		case left.op == opRShift && shift < 1024 && n.val.BitLen()+int(shift) <= left.bits:
			n.val.Lsh(n.val, shift)
		default:
			return left, right
		}
		left, right = left.left, n
	}
	return left, right
}

// compared is the right side. Numbers in host byte order are turned round before
// the kernel can tell which is more.
func (w *lowerer) compared(left **term, op operator, right *term) *term {
	l := *left
	ordered := op == opLt || op == opGt || op == opLte || op == opGte || right.kind == kindRange
	if !ordered || l.order != orderHost || l.typ.isString() {
		return w.operand(right)
	}
	*left = &term{kind: kindUnary, left: l, typ: typeInvalid, bits: l.bits}
	return right.clone()
}

// learn notes what a match tells of the headers.
func (w *lowerer) learn(e, right *term) {
	if l := e.left.payload(); l != nil && e.op == opEq && right.kind == kindSetRef && right.set != nil && len(right.set.given) > 0 {
		w.learnICMP(l, right.set.given[0].key())
	}
	if e.op != opEq || e.left.kind != kindLeaf || right.kind != kindValue {
		return
	}
	c := *e
	c.right = right
	w.heads.update(&c)
}

// learnICMP notes the kind of message by the first type in a set.
func (w *lowerer) learnICMP(l *payloadLeaf, first *term) {
	if (l.head == headICMP || l.head == headICMP6) && l.field == l.head.key && first.kind == kindValue {
		w.heads.updateByPayload(l, first.uint())
	}
}

// needs adds the matches without which a field is not where it is said to be.
func (w *lowerer) needs(t *term) {
	switch l := t.leaf.(type) {
	case *payloadLeaf:
		if l.head != headUnknown && l.head != headTH {
			w.needsHeader(l.head)
			w.needsICMP(l)
		}
	case *exthdrLeaf:
		w.needsOption(l)
	case *hashLeaf:
		if l.of != nil {
			w.operand(l.of)
		}
	}
}

func (w *lowerer) needsOption(l *exthdrLeaf) {
	switch l.op {
	case exthdrIPv6:
		w.needsHeader(headIP6)
	case exthdrIPv4:
		w.needsHeader(headIP)
	}
}

// needsHeader is src/payload.c: payload_gen_dependency.
func (w *lowerer) needsHeader(h *protocol) {
	have := w.heads.heads[h.base]
	switch {
	case have == h:
	case h == headVLAN && w.hasStacked(h):
	case h == headEther && have != headEther && w.table.Family != ruleset.Bridge && !w.hasStacked(h):
		w.imply(newMeta(metaIIFType), arphrdEther)
	case h == headVLAN && (have == headEther || have == nil || have == headNetdev || have == headInet):
		w.needsHeader(headEther)
		w.imply(namedPayload(headEther, headEther.key), etherVLAN)
	case h == headEther:
	case have == nil || have == headUnknown && h.base == baseTransport:
		w.needsFamily(h)
		w.implyAbove(h, h)
	default:
		w.conflict = "it asks for " + have.name + " and " + h.name + " at once"
	}
}

func (w *lowerer) hasStacked(h *protocol) bool {
	for _, s := range w.heads.stacked {
		if s == h {
			return true
		}
	}
	return false
}

// needsFamily: each kind of ICMP is of one family.
func (w *lowerer) needsFamily(h *protocol) {
	of := map[*protocol]*protocol{headICMP: headIP, headICMP6: headIP6}[h]
	if of != nil && w.heads.heads[baseNetwork] == nil {
		w.implyAbove(of, h)
	}
}

// implyAbove asks the layer below for the header, on behalf of a field's.
func (w *lowerer) implyAbove(h, on *protocol) {
	below := w.heads.heads[h.base-1]
	if h.base == baseTransport {
		w.implyBy(newMeta(metaL4Proto), h, transportHeader, 255)
		return
	}
	switch {
	case below == headVLAN:
		w.implyBy(namedPayload(headVLAN, headVLAN.key), h, etherUpper, 1<<16-1)
	case below == headEther && w.table.Family == ruleset.Bridge && on != headIP && on != headIP6:
		w.implyBy(namedPayload(headEther, headEther.key), h, etherUpper, 1<<16-1)
	case w.table.Family == ruleset.Inet:
		w.implyBy(newMeta(metaNFProto), h, headInet.upper, 255)
	default:
		w.implyBy(newMeta(metaProtocol), h, etherUpper, 1<<16-1)
	}
}

func (w *lowerer) implyBy(key *term, h *protocol, upper func(uint64) *protocol, last uint64) {
	for n := range last + 1 {
		if upper(n) == h {
			w.imply(key, n)
			return
		}
	}
	w.conflict = h.name + " cannot be here"
}

func (w *lowerer) imply(key *term, n uint64) {
	v := newNumber(n, key.bits, key.typ, key.order)
	w.heads.update(newRelation(opEq, key, v))
	w.add(&exprStmt{e: newRelation(opEq, key, inRegister(v))})
}

// needsICMP asks for the kind of message that has the field (src/payload.c:
// payload_gen_icmp_dependency).
func (w *lowerer) needsICMP(l *payloadLeaf) {
	need := l.head.fields[l.field].icmp
	if need == icmpAny || w.heads.icmp == need.icmpType() {
		return
	}
	key := namedPayload(l.head, l.head.key)
	w.heads.icmp = need.icmpType()
	if need != icmpEcho && need != icmp6Echo {
		w.add(&exprStmt{e: newRelation(opEq, key, newNumber(uint64(need.icmpType()), 8, key.typ, key.order))})
		return
	}
	other := uint64(0)
	if need == icmp6Echo {
		other = 129
	}
	s := &Set{Flags: setAnonymous | setConstant, key: newNumber(0, 8, key.typ, key.order)}
	for _, n := range []uint64{uint64(need.icmpType()), other} {
		v := newNumber(n, 8, key.typ, key.order)
		s.given = append(s.given, &term{kind: kindElem, left: v, typ: v.typ, order: v.order, bits: 8, elem: &elemState{}})
	}
	sortElems(s.given)
	w.add(&exprStmt{e: newRelation(opEq, key, newSetRef(s))})
}
