package nft

import "math/big"

// maskedRelation says a match under a mask in the words that were typed: flags,
// a prefix, or a field that is shorter than whole bytes (relational_binop_postprocess).
func (c *settler) maskedRelation(at **term) {
	t := *at
	bin, right := t.left, t.right
	switch {
	case bin.op == opAnd && (t.op == opEq || t.op == opNeq) && right.typ.isBitmask():
		flagsRelation(at)
	case bin.left.typ.prefix && bin.op == opAnd && right.kind == kindValue && isPrefixMask(bin.right):
		t.left = bin.left
		t.right = newPrefix(right, prefixOf(bin.right))
	case bin.op == opAnd && bin.right.kind == kindValue:
		c.unmaskTerm(t, &t.left)
	case bin.op == opRShift && bin.left.kind == kindBinop && bin.left.op == opAnd &&
		bin.right.kind == kindValue && bin.left.right.kind == kindValue:
		c.unmaskTerm(bin, &bin.left)
		if bin.right.isZero() {
			t.left = bin.left
		}
	}
}

// flagsRelation: `tcp flags & (syn | ack) != 0` is `tcp flags syn,ack`,
// `… == syn` is `tcp flags syn / syn,ack`.
func flagsRelation(at **term) {
	t := *at
	bin, right := t.left, t.right
	switch {
	case right.kind == kindValue && right.isZero():
		t.left, t.right = bin.left, bin.right.listed()
		if t.op == opNeq {
			t.op = opNone
		} else {
			t.op = opNeg
		}
	case right.kind == kindValue && bin.right.kind == kindValue && right.val.Cmp(bin.right.val) == 0:
	case right.kind == kindValue || right.kind == kindBinop:
		*at = &term{kind: kindFlagCompare, op: t.op, left: bin.left, right: bin.right.listed(), value: right.listed(),
			typ: bin.left.typ, order: bin.left.order, bits: bin.left.bits}
	}
}

// isPrefixMask: only the upper bits are set, or none.
func isPrefixMask(mask *term) bool {
	if mask.kind != kindValue {
		return false
	}
	low := firstOne(mask.val)
	return low < 0 || firstZero(mask.val, low+1) >= mask.bits
}

func prefixOf(mask *term) int {
	low := firstOne(mask.val)
	if low < 0 {
		return 0
	}
	return firstZero(mask.val, low+1) - low
}

// unmaskTerm takes the mask off a field that has no whole bytes: `at`, inside t,
// becomes the field itself, and the values that it is compared with move along.
func (c *settler) unmaskTerm(t *term, at **term) {
	bin := *at
	field, mask := bin.left, bin.right
	if mask.kind != kindValue || field.kind != kindLeaf {
		return
	}
	var shift int
	var ok bool
	switch l := field.leaf.(type) {
	case *payloadLeaf:
		shift, ok = c.trim(field, l, mask)
	case *exthdrLeaf:
		shift, ok = l.unmask(field, mask)
	}
	if !ok {
		return
	}
	right := t.right
	shiftBy(field.bits, mask.bits, right, shift)
	*at = field
	if field.payload() != nil {
		c.payloadMatch(t, field)
	} else if right != nil {
		right.setType(field.typ, field.order)
	}
}

// shiftBy moves values that were compared under a mask to where the field is.
func shiftBy(bits, maskBits int, t *term, shift int) {
	if t == nil {
		return
	}
	switch t.kind {
	case kindValue:
		t.val = new(big.Int).Rsh(t.val, uint(shift))
		t.bits = bits
	case kindRange:
		shiftBy(bits, maskBits, t.left, shift)
		shiftBy(bits, maskBits, t.right, shift)
	case kindSetRef:
		if !t.set.isAnonymous() {
			return
		}
		for _, e := range t.set.list() {
			shiftBy(bits, maskBits, e.key(), shift)
		}
	}
}

// trim looks for a field that the mask cuts out (src/payload.c: payload_expr_trim).
func (c *settler) trim(t *term, l *payloadLeaf, mask *term) (shift int, ok bool) {
	low := firstOne(mask.val)
	if low < 0 || c.heads[l.base] == nil {
		return 0, false
	}
	high := firstZero(mask.val, low+1)
	head, below := c.stackedHead(l)
	skip := 8*bytesOf(mask.bits) - high
	offset, left, n := l.offset-below+skip, t.bits, 0
	for _, f := range head.fields {
		if f.bits == 0 || f.offset != offset {
			continue
		}
		if f.bits > left {
			return 0, false
		}
		left -= f.bits
		offset += f.bits
		n += f.bits
		if left == 0 {
			return 0, false
		}
		if low+n == high {
			l.offset += skip
			l.bits, t.bits = n, n
			return low, true
		}
	}
	return 0, false
}

// stackedHead is the link layer's header that an offset lies in, and where it begins.
func (c *settler) stackedHead(l *payloadLeaf) (h *protocol, below int) {
	top := c.heads[l.base]
	if l.base != baseLink || l.offset < top.bits {
		return top, 0
	}
	rest := l.offset
	for _, s := range c.stacked {
		if rest < s.bits {
			return s, below
		}
		rest -= s.bits
		below += s.bits
	}
	return top, below
}

// unmask finds the field that a write under a mask changes: the packet is
// loaded, masked, the value put in, and written back.
func (c *settler) unmask(s *payloadStmt) {
	e := s.val
	if e.kind != kindBinop {
		return
	}
	switch {
	case e.left.kind == kindBinop:
		c.unmaskWrite(s, e)
	case e.left.payload() != nil && e.right.kind == kindValue && (e.op == opAnd || e.op == opOr):
		c.unmaskWhole(s, e)
	}
}

// unmaskWrite: (field & mask) | value.
func (c *settler) unmaskWrite(s *payloadStmt, e *term) {
	bin := e.left
	l := bin.left.payload()
	if e.op != opOr || bin.op != opAnd || l == nil || e.right.kind != kindValue || bin.right.kind != kindValue ||
		l.base != s.field.payload().base || l.offset != s.field.payload().offset {
		return
	}
	was := bin.right.val
	m := onesMask(bin.left.bits)
	m.Xor(m, was)
	bin.right.val = m.Xor(m, e.right.val)
	c.unmaskTerm(e, &e.left)
	if e.left.payload() == nil || !e.left.payload().known() {
		bin.right.val = was
		return
	}
	s.field, s.val = e.left, e.right
}

// unmaskWhole: all bits of the field are cleared, or set.
func (c *settler) unmaskWhole(s *payloadStmt, e *term) {
	field, value := e.left, e.right
	if e.op == opAnd {
		m := onesMask(field.bits)
		value.val = m.Xor(m, value.val)
	}
	if shift, ok := c.trim(field, field.payload(), value); ok {
		shiftBy(field.bits, value.bits, value, shift)
		c.name(field)
		value.setType(field.typ, field.order)
	}
	if !field.payload().known() {
		return
	}
	if e.op == opAnd {
		value.val = new(big.Int)
	}
	s.field, s.val = field, value
}
