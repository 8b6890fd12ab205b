package nft

import "math/big"

// Cmp ends the rule unless a register compares with Data as Op says (NFT_CMP_*).
type Cmp struct {
	Sreg, Op uint32
	Data     []byte
}

func decodeCmp(f *fields) Expr { return &Cmp{Sreg: f.u32(1), Op: f.u32(2), Data: f.value(3)} }

// Kind is the kernel's name of the expression.
func (e *Cmp) Kind() string { return "cmp" }

func (e *Cmp) lift(l *lifter) {
	ops := [...]operator{opEq, opNeq, opLt, opLte, opGt, opGte}
	left := l.get(registerOf(e.Sreg))
	if left == nil || int(e.Op) >= len(ops) {
		l.keep("cmp", noRegister)
		return
	}
	right := newValue(e.Data)
	switch {
	case left.bits > right.bits && !left.typ.isString():
		n := right.bits
		right.val.Lsh(right.val, uint(left.bits-n))
		right.bits = left.bits
		right = newPrefix(right, n)
	case left.bits > 0 && left.bits < right.bits:
		if left = l.concat(registerOf(e.Sreg), right.bits); left == nil {
			l.keep("cmp", noRegister)
			return
		}
		if right = splitLike(left.list, right); right == nil {
			l.keep("cmp", "its value is shorter than what it compares")
			return
		}
	}
	l.add(&exprStmt{e: newRelation(ops[e.Op], left, right)})
}

// Range ends the rule unless a register lies in From to To, or if Op is 1 (NFT_RANGE_NEQ).
type Range struct {
	Sreg, Op uint32
	From, To []byte
}

func decodeRange(f *fields) Expr {
	return &Range{Sreg: f.u32(1), Op: f.u32(2), From: f.value(3), To: f.value(4)}
}

// Kind is the kernel's name of the expression.
func (e *Range) Kind() string { return "range" }

func (e *Range) lift(l *lifter) {
	left := l.get(registerOf(e.Sreg))
	if left == nil || e.Op > 1 {
		l.keep("range", noRegister)
		return
	}
	op := opEq
	if e.Op == 1 {
		op = opNeq
	}
	l.add(&exprStmt{e: newRelation(op, left, newRange(newValue(e.From), newValue(e.To)))})
}

// Bitwise is (Sreg & Mask) ^ Xor, or a shift by Data, in Op (NFT_BITWISE_*).
// Newer kernels (6.13) also have and, or and xor of two registers.
type Bitwise struct {
	Sreg, Dreg, Op  uint32
	Mask, Xor, Data []byte
}

func decodeBitwise(f *fields) Expr {
	return &Bitwise{Sreg: f.u32(1), Dreg: f.u32(2), Mask: f.value(4), Xor: f.value(5), Op: f.u32(6), Data: f.value(7)}
}

// Kind is the kernel's name of the expression.
func (e *Bitwise) Kind() string { return "bitwise" }

func (e *Bitwise) lift(l *lifter) {
	left := l.get(registerOf(e.Sreg))
	switch {
	case left == nil:
		l.keep("bitwise", noRegister)
	case e.Op == 0:
		l.set(registerOf(e.Dreg), e.boolean(left))
	case e.Op == 1 || e.Op == 2:
		if left.bits > 8 && !left.loadedAsNumber() || e.Op == 1 && left.bits%32 != 0 {
			left.innermost().misread = true
		}
		by := newValue(e.Data)
		by.order = orderHost
		l.set(registerOf(e.Dreg), newBinop(opLShift+operator(e.Op-1), left, by))
	default:
		l.keep("bitwise", "an operation that is not known")
	}
}

// loadedAsNumber: the register that the term stands for holds it in the machine's
// byte order, before the term has its type.
func (t *term) loadedAsNumber() bool {
	switch t.kind {
	case kindUnary:
		return !t.left.loadedAsNumber()
	case kindBinop:
		return t.left.loadedAsNumber()
	}
	return t.order == orderHost
}

// innermost is the field that a chain of operations begins with.
func (t *term) innermost() *term {
	for t.kind == kindUnary || t.kind == kindBinop {
		t = t.left
	}
	return t
}

// boolean finds `& mask ^ xor | or` again, of which the kernel keeps
// mask and xor only (netlink_parse_bitwise_bool).
func (e *Bitwise) boolean(left *term) *term {
	mask, xor := newValue(e.Mask), newValue(e.Xor)
	or := new(big.Int)
	if firstZero(mask.val, 0) != mask.bits || xor.val.Sign() != 0 {
		or.And(mask.val, xor.val)
		or.Xor(or, xor.val)
		xor.val.And(xor.val, mask.val)
		mask.val.Or(mask.val, or)
	}
	t := left
	if left.bits <= 0 || firstZero(mask.val, 0) != left.bits {
		t = newBinop(opAnd, t, mask)
	}
	if xor.val.Sign() != 0 {
		t = newBinop(opXor, t, xor)
	}
	if or.Sign() != 0 {
		o := newValue(e.Xor)
		o.val = or
		t = newBinop(opOr, t, o)
	}
	return t
}

// Byteorder turns the bytes of a register round.
type Byteorder struct {
	Sreg, Dreg uint32
	Hton       bool
}

func decodeByteorder(f *fields) Expr {
	return &Byteorder{Sreg: f.u32(1), Dreg: f.u32(2), Hton: f.u32(3) == 1}
}

// Kind is the kernel's name of the expression.
func (e *Byteorder) Kind() string { return "byteorder" }

func (e *Byteorder) lift(l *lifter) {
	arg := l.get(registerOf(e.Sreg))
	if arg == nil {
		l.keep("byteorder", noRegister)
		return
	}
	l.set(registerOf(e.Dreg), &term{kind: kindUnary, left: arg, typ: typeInvalid, bits: arg.bits})
}
