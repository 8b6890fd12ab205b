package nft

import (
	"reflect"

	"github.com/pktrail/pktrail/ruleset"
)

// settler walks the statements of a rule in order, learns by them which headers
// the packet has, gives the terms their types, and leaves out the matches that
// later ones imply (src/netlink_delinearize.c: rule_parse_postprocess).
type settler struct {
	fam     ruleset.Family
	first   *protocol                // that the family begins with
	heads   [baseInner + 1]*protocol // by layer, as far as they are known
	stacked []*protocol              // VLAN headers below the link layer's
	icmp    uint8                    // the type of ICMP message; 0 while it is not known
	deps    dependencies
	inPart  bool // in a part of a concatenation or an element, where masks are taken off at once
	out     []stmt
	cur     *exprStmt
}

// exprStmt is a match.
type exprStmt struct {
	e      *term
	dead   bool // not listed: implied by a later one, or part of a merged one
	merged bool // listed in place of two, which are there too
	// either are all matches that one load was listed as which must differ somewhere
	// from a value: it is for the first of them to ask, and for the others not.
	either []*exprStmt
	asked  bool
}

func (s *exprStmt) print(p *printer) { p.term(s.e) }

// settleAll gives the statements of a rule of a family.
func settleAll(fam ruleset.Family, stmts []stmt) []stmt {
	return listed(settleEvery(fam, stmts))
}

// settleEvery is settleAll with those matches that a listing leaves out.
func settleEvery(fam ruleset.Family, stmts []stmt) []stmt {
	c := &settler{}
	c.begin(fam)
	for _, s := range stmts {
		c.cur = nil
		s.settle(c)
		c.deps.prev = c.cur
		if _, match := s.(*exprStmt); !match {
			c.deps.reset()
		}
	}
	return c.out
}

// begin takes what the family of the table tells of the headers.
func (c *settler) begin(fam ruleset.Family) {
	c.fam = fam
	switch fam {
	case ruleset.Bridge:
		c.first = headEther
	case ruleset.Netdev:
		c.first = headNetdev
	case ruleset.Inet:
		c.first = headInet
	case ruleset.IP:
		c.first = headIP
	case ruleset.IP6:
		c.first = headIP6
	case ruleset.ARP:
		c.first = headARP
	}
	if c.first != nil {
		c.heads[c.first.base] = c.first
	}
}

// listed leaves out what a listing does.
func listed(all []stmt) []stmt {
	kept := make([]stmt, 0, len(all))
	for _, s := range all {
		if e, ok := s.(*exprStmt); !ok || !e.dead {
			kept = append(kept, s)
		}
	}
	return kept
}

func (c *settler) add(s stmt) { c.out = append(c.out, s) }

func (s *exprStmt) settle(c *settler) {
	c.cur = s
	c.term(&s.e)
	if c.cur == nil { // it was one load of several fields: they are in its place
		return
	}
	if op, ok := mergesWith(s, c.deps.prev); ok {
		c.merge(s, op)
	}
	c.add(s)
}

// mergesWith: `>= 1` and then `<= 5` of the same kind of field were one range.
func mergesWith(s, prev *exprStmt) (operator, bool) {
	if prev == nil || s.e.kind != kindRelation || prev.e.kind != kindRelation ||
		!alike(withoutUnary(s.e.left), withoutUnary(prev.e.left)) {
		return 0, false
	}
	switch {
	case s.e.op == opLte && prev.e.op == opGte:
		return opEq, true
	case s.e.op == opGt && prev.e.op == opLt:
		return opNeq, true
	}
	return 0, false
}

func withoutUnary(t *term) *term {
	if t.kind == kindUnary {
		return t.left
	}
	return t
}

func alike(a, b *term) bool {
	return a.kind == b.kind && (a.kind != kindLeaf || reflect.TypeOf(a.leaf) == reflect.TypeOf(b.leaf))
}

func (c *settler) merge(s *exprStmt, op operator) {
	c.add(&exprStmt{e: s.e, dead: true})
	s.merged = true
	r := newRange(c.deps.prev.e.right.clone(), s.e.right.clone())
	r.typ, r.order = s.e.right.typ, s.e.right.order
	s.e = newRelation(op, s.e.left.clone(), r)
	c.deps.prev.dead = true
}

// term gives a term its types (expr_postprocess).
func (c *settler) term(at **term) {
	t := *at
	switch t.kind {
	case kindLeaf:
		c.leaf(t)
	case kindValue:
		*at = settleValue(t)
	case kindRelation:
		c.relation(at)
	case kindBinop:
		c.binop(at)
	case kindMap:
		if left := t.left; left.kind == kindBinop && left.op == opAnd && left.left.payload() != nil && left.right.kind == kindValue {
			c.unmaskTerm(t, &t.left)
		}
		c.term(&t.left)
		c.term(&t.right)
	case kindConcat:
		c.concat(t)
	case kindUnary:
		c.term(&t.left)
		t.typ, t.order = t.left.typ, orderUnknown
		if t.left.order == orderUnknown {
			t.order = orderHost
		}
	case kindRange:
		c.term(&t.left)
		c.term(&t.right)
	case kindPrefix:
		c.term(&t.left)
	case kindElem:
		was := c.inPart
		c.inPart = true
		c.term(&t.left)
		c.inPart = was
	}
}

func (c *settler) leaf(t *term) {
	switch l := t.leaf.(type) {
	case *payloadLeaf:
		c.name(t)
		c.deps.killPayload(c.fam, t)
	case *exthdrLeaf:
		c.deps.killExthdr(l)
	case *ctLeaf:
		c.settleCT(t, l)
	case *hashLeaf:
		if l.of != nil {
			c.term(&l.of)
		}
	}
}

// settleValue reads a value's bytes in the order of its type.
func settleValue(t *term) *term {
	if t.order == orderHost {
		t.switchOrder()
	}
	if t.typ.isString() {
		settleString(t)
	}
	if t.typ.isBitmask() && t.val.Sign() != 0 {
		return t.flags()
	}
	return t
}

// settleString: without a zero at its end a string is the begin of a name, and
// a star that belongs to the name is told apart (expr_postprocess_string).
func settleString(t *term) {
	b := t.bytes()
	if len(b) == 0 {
		return
	}
	s := t.text()
	switch {
	case b[0] != 0: // its last byte, as it is turned round
		t.setText(s + "*")
	case s != "" && s[len(s)-1] == '*':
		t.setText(s[:len(s)-1] + `\*`)
	}
}

func (t *term) setText(s string) {
	b := make([]byte, len(s))
	for i := range len(s) {
		b[len(s)-1-i] = s[i]
	}
	t.val.SetBytes(b)
	t.bits = 8 * len(b)
}

func (c *settler) concat(t *term) {
	was := c.inPart
	c.inPart = true
	var id uint32
	parts := t.typ.parts
	for i := range t.list {
		if i < len(parts) {
			t.list[i].setType(parts[i], parts[i].order)
		}
		c.term(&t.list[i])
		id = joinType(id, t.list[i].typ)
	}
	c.inPart = was
	if typ := concatType(id); typ != nil {
		t.typ = typ
	}
}

func (c *settler) binop(at **term) {
	t := *at
	c.term(&t.left)
	switch t.op {
	case opLShift, opRShift:
		t.right.setType(typeInteger, orderHost)
	case opAnd:
		t.right.setType(t.left.typ, t.left.order)
		if c.inPart && t.left.payload() != nil && t.right.kind == kindValue {
			c.unmaskTerm(t, at)
			return
		}
	default:
		t.right.setType(t.left.typ, t.left.order)
	}
	if t.left.kind == kindBinop && (t.left.op == opLShift || t.left.op == opRShift) {
		t.right.setType(typeHex, t.left.order) // what was shifted has the words of its type no more
	}
	c.term(&t.right)
	t.typ, t.order = t.left.typ, t.left.order
}

func (c *settler) relation(at **term) {
	t := *at
	if t.left.payload() != nil {
		c.payloadMatch(t, t.left)
		return
	}
	c.term(&t.left)
	t.right.setType(t.left.typ, t.left.order)
	c.term(&t.right)
	switch {
	case t.left.kind == kindBinop:
		c.maskedRelation(at)
	case t.left.kind == kindLeaf:
		c.learn(t)
	}
}

// learn takes what a match of the meta data or the connection tells about the
// headers (ct_meta_common_postprocess).
func (c *settler) learn(t *term) {
	var base headerBase
	switch l := t.left.leaf.(type) {
	case *metaLeaf:
		base = l.base
	case *ctLeaf:
		base = l.base
	default:
		return
	}
	if t.op != opEq || t.right.kind == kindRange || t.right.kind == kindSetRef {
		return
	}
	c.update(t)
	if base >= baseTransport {
		return
	}
	if c.deps.get(base) != nil && c.deps.metaImplies(c.fam, t) {
		c.deps.release(base)
	}
	if t.left.protocol && c.cur != nil {
		c.deps.store(c.cur, t, base)
	}
}

// update notes the header that a match tells (relational_expr_pctx_update).
func (c *settler) update(t *term) {
	if !t.left.protocol || t.right.kind != kindValue {
		return
	}
	switch l := t.left.leaf.(type) {
	case *payloadLeaf:
		c.updateByPayload(l, t.right.uint())
	case *metaLeaf:
		c.updateByMeta(l.key, t.right.uint())
	case *ctLeaf:
		if below := c.heads[l.base]; below != nil {
			if h := below.upper(t.right.uint()); h != nil {
				c.heads[l.base+1] = h
			}
		}
	}
}

func (c *settler) updateByPayload(l *payloadLeaf, n uint64) {
	below := c.heads[l.base]
	if below == nil {
		return
	}
	h := below.upper(n)
	switch {
	case h != nil:
		if h.base == below.base && h.base == baseLink && !l.stacked {
			c.stacked = append(c.stacked, below)
		}
		c.heads[h.base] = h
	case below == headICMP:
		c.icmp = uint8(n)
		if n == 0 {
			c.icmp = icmpEcho.icmpType()
		}
	case below == headICMP6:
		c.icmp = uint8(n)
		if n == uint64(icmp6Echo.icmpType())+1 {
			c.icmp = icmp6Echo.icmpType()
		}
	}
}

const arphrdEther = 1

func (c *settler) updateByMeta(key uint32, n uint64) {
	h := headUnknown
	base := baseNetwork
	switch key {
	case metaIIFType:
		if c.first == nil || c.first.base == baseLink && c.fam != ruleset.Inet && c.fam != ruleset.Netdev {
			return
		}
		base = baseLink
		if n == arphrdEther {
			h = headEther
		}
	case metaNFProto:
		if c.first == nil {
			return
		}
		if up := c.first.upper(n); up != nil && c.first.base == baseLink {
			h = up
		} else if n == uint64(c.fam) && c.first.base == baseNetwork {
			h = c.first
		}
	case metaL4Proto:
		base = baseTransport
		if up := transportHeader(n); up != nil {
			h = up
		}
	case metaProtocol:
		if c.fam != ruleset.Netdev && c.fam != ruleset.Bridge {
			return
		}
		if up := etherUpper(n); up != nil {
			h = up
		}
	default:
		return
	}
	c.heads[base] = h
}
