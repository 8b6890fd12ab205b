package nft

import "math/big"

// name gives a piece of the packet the name of its field, where the headers are
// known (src/payload.c: payload_expr_complete).
func (c *settler) name(t *term) {
	l := t.payload()
	if h := c.heads[l.base]; h == nil || h == headInet {
		return
	}
	head, below := c.stackedHead(l)
	for i, f := range head.fields {
		if f.bits == 0 || f.offset != l.offset-below || f.bits != t.bits || !c.icmpFits(f) {
			continue
		}
		t.typ, l.head, l.field = f.typ, head, i
		return
	}
}

func (c *settler) icmpFits(f field) bool {
	return f.icmp == icmpAny || c.icmp == 0 || c.icmp == f.icmp.icmpType()
}

// payloadMatch settles a comparison of a field (payload_match_postprocess).
func (c *settler) payloadMatch(t, field *term) {
	if t.kind == kindRelation && (t.op == opEq || t.op == opNeq) {
		if t.right.kind == kindValue {
			c.expand(t, field)
			return
		}
		if t.right.kind == kindSetRef && t.right.set.isAnonymous() {
			c.icmpBySet(field, t.right.set)
		}
	}
	c.name(field)
	if t.right != nil {
		t.right.setType(field.typ, field.order)
	}
	c.deps.killPayload(c.fam, field)
}

// icmpBySet: the first type in a set tells the kind of message (payload_icmp_check).
func (c *settler) icmpBySet(field *term, s *Set) {
	l := field.payload()
	head := c.heads[l.base]
	if l.base != baseTransport || field.bits != 8 || c.icmp != 0 || head != headICMP && head != headICMP6 {
		return
	}
	elems := s.list()
	if len(elems) == 0 || elems[0].kind != kindElem {
		return
	}
	key := elems[0].left
	if key.kind != kindValue || key.bits != 8 || head.fields[head.key].offset != l.offset {
		return
	}
	l.head, l.field = head, head.key
	c.icmp = uint8(key.uint())
}

// expand says one load of several fields that lie side by side as a match of
// each (payload_match_expand).
func (c *settler) expand(t, field *term) {
	base := field.payload().base
	from := len(c.out)
	for _, left := range c.fieldsIn(field) {
		right := t.right.splice(left.bits)
		right.setType(left.typ, left.order)
		l := left.payload()
		if l.known() && left.bits < l.head.fields[l.field].bits {
			whole := l.head.fields[l.field].bits
			right.val = new(big.Int).Lsh(right.val, uint(whole-left.bits))
			right.bits = whole
			right = newPrefix(right, left.bits)
		}
		s := &exprStmt{e: newRelation(t.op, left, right)}
		if t.op == opEq {
			c.update(s.e)
		}
		c.add(s)
		if c.isStacked(s.e, base) {
			base--
		}
		c.deps.killPayload(c.fam, left)
		if t.op == opEq && left.protocol {
			c.deps.store(s, s.e, base)
		}
	}
	if t.op == opNeq && len(c.out) > from+1 {
		differsSomewhere(c.out[from:])
	}
	c.cur = nil
}

// differsSomewhere: nft says `a != 1 b != 2` of one load that must not be both.
func differsSomewhere(parts []stmt) {
	first, _ := parts[0].(*exprStmt)
	for _, part := range parts {
		e, _ := part.(*exprStmt)
		e.asked = e != first
		first.either = append(first.either, e)
	}
}

// isStacked: the match tells of one more header of the same layer.
func (c *settler) isStacked(t *term, base headerBase) bool {
	head := c.heads[base]
	if head == nil || !t.left.protocol || t.op != opEq || t.right.kind != kindValue {
		return false
	}
	next := head.upper(t.right.uint())
	return next != nil && next.base == head.base
}

// fieldsIn takes a load apart into fields (src/payload.c: payload_expr_expand).
func (c *settler) fieldsIn(t *term) []*term {
	l := t.payload()
	var all []*term
	if h := c.heads[l.base]; h != nil && h != headUnknown {
		head, below := c.stackedHead(l)
		offset := l.offset - below
		for i, f := range head.fields {
			if f.bits == 0 || f.offset != offset || !c.icmpFits(f) {
				continue
			}
			one := namedPayload(head, i)
			all = append(all, one)
			if f.bits > t.bits {
				one.bits, t.bits = t.bits, 0
				return all
			}
			t.bits -= f.bits
			l.offset += f.bits
			offset += f.bits
			if t.bits == 0 {
				return all
			}
		}
		l.offset = offset
	}
	return append(all, rawPayload(l.base, l.offset, t.bits))
}
