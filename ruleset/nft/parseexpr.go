package nft

import (
	"math"
	"math/big"
	"net/netip"
	"strconv"
)

// comparison reads the operator before the right side; opNone where there is none.
func (p *textReader) comparison() operator {
	if p.tok.kind == tokenWord {
		switch p.word("eq", "ne", "lt", "gt", "le", "ge") {
		case "eq":
			return opEq
		case "ne":
			return opNeq
		case "lt":
			return opLt
		case "gt":
			return opGt
		case "le":
			return opLte
		case "ge":
			return opGte
		}
		return opNone
	}
	for op := opEq; op <= opNeg; op++ {
		if p.accept(operatorWords[op]) {
			return op
		}
	}
	return opNone
}

// binary tells the operator that joins two terms, without going on behind it.
func (p *textReader) binary() operator {
	if p.tok.kind != tokenWord && p.tok.kind != tokenMark {
		return opNone
	}
	switch p.tok.text {
	case "&", "and":
		return opAnd
	case "|", "or":
		return opOr
	case "^", "xor":
		return opXor
	case "<<", "lshift":
		return opLShift
	case ">>", "rshift":
		return opRShift
	}
	return opNone
}

// left reads what a match looks at, or a statement sets. Behind a dot there may
// also be a value, which is looked up as it is.
func (p *textReader) left() *term {
	first := true
	return p.joinedTypes(func() *term {
		if !first && p.tok.kind != tokenWord && p.tok.kind != tokenMark {
			return p.constant()
		}
		first = false
		return p.combined(nil, 4)
	})
}

// constant reads a value whose type nothing tells.
func (p *textReader) constant() *term {
	of := newNumber(0, 32, typeInteger, orderUnknown)
	switch p.tok.kind {
	case tokenAddress:
		if a, err := netip.ParseAddr(p.tok.text); err == nil {
			p.advance()
			typ := typeIP6Addr
			if a.Is4() {
				typ = typeIPAddr
			}
			return newLeaf(plainLeaf(addrText(a)), typ, orderBig, typ.bits)
		}
	case tokenNumber:
		n := p.number(math.MaxUint32)
		return newLeaf(plainLeaf(strconv.FormatUint(n, 10)), of.typ, of.order, of.bits)
	case tokenText:
		return newLeaf(plainLeaf(`"`+p.text()+`"`), of.typ, of.order, of.bits)
	}
	p.fail("nothing that a set can be asked for", "a field or a value was expected")
	return p.nothing()
}

// combined reads terms that are joined by operators which bind at least as
// tightly as a level. Of is what numbers are of; nil before the first field.
func (p *textReader) combined(of *term, level int) *term {
	if p.nested++; p.nested > maxNested {
		p.fail("expressions inside of expressions, too deep", "say it with fewer")
	}
	defer func() { p.nested-- }()
	t := p.operand(of)
	for p.bad == nil {
		op := p.binary()
		if op == opNone || precedence(op) > level {
			return t
		}
		p.advance()
		side := of
		if side == nil || t.kind != kindValue && p.tok.kind == tokenAddress {
			side = t
		}
		if op == opLShift || op == opRShift {
			side = newNumber(0, 32, typeInteger, orderHost)
		}
		t = fold(op, t, p.combined(side, precedence(op)-1))
	}
	return t
}

// fold joins two terms, numbers at once.
func fold(op operator, a, b *term) *term {
	if a.kind != kindValue || b.kind != kindValue || a.typ.isString() {
		return newBinop(op, a, b)
	}
	n := new(big.Int)
	switch op {
	case opLShift:
		n.And(n.Lsh(a.val, uint(b.uint()&1023)), onesMask(8*bytesOf(a.bits)))
	case opRShift:
		n.Rsh(a.val, uint(b.uint()&1023))
	case opAnd:
		n.And(a.val, b.val)
	case opOr:
		n.Or(a.val, b.val)
	case opXor:
		n.Xor(a.val, b.val)
	}
	c := *a
	c.val = n
	return &c
}

// operand reads a value, a field, a set, or an expression in parentheses.
func (p *textReader) operand(of *term) *term {
	switch {
	case p.accept("("):
		t := p.combined(of, 4)
		p.expect(")")
		return t
	case of == nil:
		return p.field()
	}
	if t, ok := p.value(of); ok || p.bad != nil {
		if t == nil {
			return p.nothing()
		}
		return t
	}
	if p.tok.is("@") {
		return p.setOrPiece(of)
	}
	if p.tok.kind == tokenWord && p.startsField() {
		return p.field()
	}
	p.failValue(of)
	return p.nothing()
}

// failValue says what a value of the type looks like.
func (p *textReader) failValue(of *term) {
	name := of.typ.name
	var words []string
	for typ := of.typ; typ != nil; typ = typ.base {
		words = append(words, symbolNames(typ.names)...)
	}
	hint := "a value of type " + name + " was expected"
	if near := nearest(p.tok.text, words); near != "" {
		hint = "did you mean " + near + "?"
	}
	switch {
	case p.tok.kind == tokenWord && (of.typ == typeIPAddr || of.typ == typeIP6Addr):
		p.fail("names of hosts are not looked up", "an address was expected")
	case p.tok.kind == tokenWord && of.typ == typeInetService:
		p.fail("a service whose port is not known", "its number was expected")
	default:
		p.fail("no value of type "+name, hint)
	}
}

// setOrPiece reads `@name`, or `@th,16,16`.
func (p *textReader) setOrPiece(of *term) *term {
	m := p.mark()
	p.advance()
	name := p.name()
	if p.tok.is(",") && p.tok.glued && (name == "ll" || name == "nh" || name == "th" || name == "ih") {
		p.back(m)
		return p.rawField()
	}
	return &term{kind: kindSetRef, chain: name, typ: of.typ, order: of.order, bits: of.bits}
}

// valueOf reads a value, a prefix, a range, or flags with operators between them.
func (p *textReader) valueOf(of *term) *term {
	t := p.combined(of, 4)
	if p.bad != nil || t.kind != kindValue {
		return t
	}
	switch {
	case p.tok.is("/") && !t.typ.isBitmask():
		return p.prefix(t)
	case p.accept("-"):
		to := p.combined(t, 4)
		if p.bad == nil && (to.kind != kindValue || to.val.Cmp(t.val) < 0) {
			p.fail("a range that ends before it begins", "the smaller value comes first")
		}
		return newRange(t, to)
	}
	return t
}

// prefix reads the length of a prefix, or a mask.
func (p *textReader) prefix(t *term) *term {
	p.advance()
	if p.tok.kind == tokenAddress {
		mask, ok := p.address(t)
		if !ok || !isPrefixMask(mask) {
			p.fail("a mask that is no prefix", "the length of a prefix, as in /24")
			return t
		}
		return networkOf(t, prefixOf(mask))
	}
	n := int(p.number(uint64(max(t.bits, 0))))
	if n == t.bits {
		return t
	}
	return networkOf(t, n)
}

// networkOf is a prefix, whose address keeps what its mask leaves.
func networkOf(t *term, n int) *term {
	t.val = new(big.Int).AndNot(t.val, onesMask(t.bits-n))
	return newPrefix(t, n)
}

// right reads what a field is compared with or set to.
func (p *textReader) right(of *term) *term {
	if p.tok.is("{") {
		return p.ownSet(of)
	}
	parts := of.parts()
	one := func(i int) *term {
		if i < len(parts) {
			return p.valueOf(parts[i])
		}
		return p.valueOf(parts[0])
	}
	list := []*term{one(0)}
	for p.bad == nil && p.tok.is(".") {
		p.advance()
		list = append(list, one(len(list)))
	}
	t := list[0]
	if len(list) > 1 {
		t = joinTerms(list)
		if len(parts) == len(list) {
			t.typ, t.bits = of.typ, of.bits
		}
	}
	switch {
	case p.bad != nil:
		return t
	case p.word("map") != "":
		return p.mapOf(t, of)
	case of.typ.isBitmask() && p.tok.is(","):
		return p.flagList(t, of)
	}
	return t
}

// flagList reads `established,related`.
func (p *textReader) flagList(t, of *term) *term {
	for p.bad == nil && p.accept(",") {
		p.newlines()
		next := p.valueOf(of)
		if p.bad == nil && (t.kind != kindValue || next.kind != kindValue) {
			p.fail("a list of what has no flags", "flags were expected")
			return t
		}
		t = fold(opOr, t, next)
	}
	return t
}

// ownSet reads a set without a name.
func (p *textReader) ownSet(of *term) *term {
	s := &Set{Flags: setAnonymous | setConstant, table: p.table, key: of}
	if one := p.elementsOf(s); one != nil && one.kind != kindConcat && one.kind != kindCatchAll {
		return one
	}
	return &term{kind: kindSetRef, set: s, typ: of.typ, order: of.order, bits: of.bits}
}

// mapOf reads what stands behind map: the name of one, or what it maps.
func (p *textReader) mapOf(key, data *term) *term {
	m := &term{kind: kindMap, left: key, typ: data.typ, order: data.order, bits: data.bits}
	if p.tok.is("@") {
		m.right = p.setOrPiece(key)
		return m
	}
	s := &Set{Flags: setAnonymous | setConstant | setMap, table: p.table, key: key, data: data}
	p.elementsOf(s)
	m.right = &term{kind: kindSetRef, set: s, typ: key.typ, order: key.order, bits: key.bits}
	return m
}

// vmapOf reads what stands behind vmap.
func (p *textReader) vmapOf(key *term) *term {
	return p.mapOf(key, newNumber(0, 128, typeVerdict, orderUnknown))
}

// verdict reads what a rule or an element of a map decides.
func (p *textReader) verdict() *term {
	words := map[string]int32{"accept": 1, "drop": 0, "continue": verdictContinue, "break": verdictBreak,
		"return": verdictReturn, "jump": verdictJump, "goto": verdictGoto, "queue": 3}
	word := p.expectWord("accept", "drop", "continue", "break", "return", "jump", "goto", "queue")
	code := words[word]
	chain := ""
	if word == "jump" || word == "goto" {
		chain = p.name()
	}
	return newVerdict(code, chain)
}

// flagCompare reads the mask behind `tcp flags syn /`.
func (p *textReader) flagCompare(left, value *term, op operator) *term {
	mask := p.flagList(p.valueOf(left), left)
	return &term{kind: kindFlagCompare, op: op, left: left, value: value, right: mask, typ: left.typ, order: left.order, bits: left.bits}
}

// matching reads a match, a lookup in a map of verdicts, or what sets a field.
func (p *textReader) matching() lowered {
	left := p.left()
	switch {
	case p.bad != nil:
		return nil
	case p.word("vmap") != "":
		t := p.vmapOf(left)
		return func(w *lowerer) { w.match(t) }
	case p.word("set") != "":
		return p.setting(left)
	}
	op := p.comparison()
	if op == opNone && p.tok.endsStatement() {
		p.fail("what the field is compared with is missing", "a value of type "+left.typ.name+" was expected")
		return nil
	}
	right := p.right(left)
	if p.bad != nil {
		return nil
	}
	t := newRelation(op, left, right)
	if p.tok.is("/") && left.typ.isBitmask() && right.kind == kindValue {
		p.advance()
		if op == opNone {
			op = opEq
		}
		t = p.flagCompare(left, right, op)
	}
	if isConstant(left) {
		p.fail("a value is compared with a value", "a field was expected")
	}
	return func(w *lowerer) { w.match(t) }
}

func isConstant(t *term) bool { return t.kind == kindValue }

// setting reads what a field is set to.
func (p *textReader) setting(left *term) lowered {
	right := p.right(left)
	if p.bad != nil {
		return nil
	}
	if left.kind == kindLeaf {
		switch l := left.leaf.(type) {
		case *metaLeaf:
			return func(w *lowerer) { w.add(&metaStmt{key: l, val: w.operand(right)}) }
		case *ctLeaf:
			return func(w *lowerer) { w.add(&ctStmt{key: l, val: w.operand(right)}) }
		case *payloadLeaf:
			return func(w *lowerer) { w.add(&payloadStmt{field: w.operand(left), val: w.operand(right)}) }
		case *exthdrLeaf:
			return func(w *lowerer) { w.add(&exthdrStmt{field: left.clone(), val: right.clone()}) }
		}
	}
	p.fail("this cannot be set", "meta, ct or a field of the packet")
	return nil
}

func symbolNames(all []symbol) (names []string) {
	for _, s := range all {
		names = append(names, s.name)
	}
	return names
}

// nearest is the word that is meant by one with a letter or two wrong; "" where none is near.
func nearest(got string, words []string) string {
	best, at := "", 1+min(2, len(got)/2)
	for _, w := range words {
		if d := distance(got, w, at); d < at {
			best, at = w, d
		}
	}
	return best
}

// distance is how many letters must be changed, added or left out; at most limit.
func distance(a, b string, limit int) int {
	if len(a) > 64 || len(b) > 64 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
