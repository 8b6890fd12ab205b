package nft

import (
	"encoding/binary"
	"math/big"
	"slices"
)

// termKind is what a term is.
type termKind uint8

const (
	kindValue termKind = iota
	kindVerdict
	kindPrefix
	kindRange
	kindLeaf // a field of the packet, of the meta data, …: see leaf
	kindConcat
	kindList
	kindSetRef
	kindElem
	kindCatchAll
	kindMapping
	kindMap
	kindUnary
	kindBinop
	kindRelation
	kindFlagCompare
)

// operator joins terms.
type operator uint8

const (
	opNone operator = iota // `tcp flags syn,ack`
	opLShift
	opRShift
	opAnd
	opOr
	opXor
	opEq
	opNeq
	opLt
	opGt
	opLte
	opGte
	opNeg // `tcp flags ! syn,ack`
)

// words are the operators as they are printed; opNone has none.
var operatorWords = [...]string{
	opLShift: "<<", opRShift: ">>", opAnd: "&", opOr: "|", opXor: "^",
	opEq: "==", opNeq: "!=", opLt: "<", opGt: ">", opLte: "<=", opGte: ">=", opNeg: "!",
}

// term is a part of a statement: a value, a field, or what joins them.
type term struct {
	kind  termKind
	typ   *dataType
	order byteOrder
	bits  int
	op    operator

	val    *big.Int // kindValue: the number that its bytes are in network byte order, until they are switched
	prefix int      // kindPrefix: bits of the mask over left
	// left and right of what has two sides. kindUnary, kindElem and kindPrefix
	// have left only; a map looks left up in right.
	left, right *term
	value       *term   // kindFlagCompare: left is compared with value under right
	list        []*term // kindConcat, kindList
	leaf        leaf
	set         *Set // kindSetRef
	elem        *elemState
	verdict     int32
	chain       string

	protocol bool // a match of it tells the protocol of the next header
	misread  bool // shifted by the kernel as if it were a number of the machine
	isEnd    bool // of an interval: itself not in it any more
}

// leaf is what a rule can look at.
type leaf interface {
	print(*printer)
	copied() leaf
}

// newValue is bytes whose type is not known yet.
func newValue(b []byte) *term {
	return &term{kind: kindValue, typ: typeInvalid, bits: 8 * len(b), val: new(big.Int).SetBytes(b)}
}

func newNumber(n uint64, bits int, t *dataType, order byteOrder) *term {
	return &term{kind: kindValue, typ: t, order: order, bits: bits, val: new(big.Int).SetUint64(n)}
}

func newLeaf(l leaf, t *dataType, order byteOrder, bits int) *term {
	return &term{kind: kindLeaf, typ: t, order: order, bits: bits, leaf: l}
}

func newBinop(op operator, left, right *term) *term {
	return &term{kind: kindBinop, op: op, left: left, right: right, typ: left.typ, order: left.order, bits: left.bits}
}

func newRelation(op operator, left, right *term) *term {
	return &term{kind: kindRelation, op: op, left: left, right: right, typ: typeVerdict}
}

func newRange(from, to *term) *term {
	return &term{kind: kindRange, left: from, right: to, typ: from.typ, order: from.order, bits: from.bits}
}

func newPrefix(t *term, prefix int) *term {
	return &term{kind: kindPrefix, left: t, prefix: prefix, typ: t.typ, order: t.order, bits: t.bits}
}

// newSetRef refers to a set; one without a name is the rule's own.
func newSetRef(s *Set) *term {
	if s.isAnonymous() {
		s = s.fresh()
	}
	return &term{kind: kindSetRef, set: s, typ: s.key.typ}
}

func (t *term) clone() *term {
	if t == nil {
		return nil
	}
	c := *t
	if t.val != nil {
		c.val = new(big.Int).Set(t.val)
	}
	c.left, c.right, c.value = t.left.clone(), t.right.clone(), t.value.clone()
	if t.leaf != nil {
		c.leaf = t.leaf.copied()
	}
	c.list = slices.Clone(t.list)
	for i := range c.list {
		c.list[i] = c.list[i].clone()
	}
	return &c
}

// setType gives a term, and the values that it is made of, their type.
func (t *term) setType(typ *dataType, order byteOrder) {
	t.typ, t.order = typ, order
	switch t.kind {
	case kindPrefix, kindMapping:
		t.left.setType(typ, order)
	case kindRange:
		t.left.setType(typ, order)
		t.right.setType(typ, order)
	}
}

func (t *term) payload() *payloadLeaf {
	if t.kind != kindLeaf {
		return nil
	}
	p, _ := t.leaf.(*payloadLeaf)
	return p
}

func (t *term) meta() *metaLeaf {
	if t.kind != kindLeaf {
		return nil
	}
	m, _ := t.leaf.(*metaLeaf)
	return m
}

func (t *term) exthdr() *exthdrLeaf {
	if t.kind != kindLeaf {
		return nil
	}
	e, _ := t.leaf.(*exthdrLeaf)
	return e
}

// key is the term that an element, or a mapping from one, is found by.
func (t *term) key() *term {
	for t.kind == kindMapping || t.kind == kindElem {
		t = t.left
	}
	return t
}

// splice cuts the first bits off a value, as registers hold them.
func (t *term) splice(bits int) *term {
	bits = min(bits, t.bits)
	s := &term{kind: kindValue, typ: typeInvalid, bits: bits}
	s.val = new(big.Int).Rsh(t.val, uint(t.bits-bits))
	t.val = new(big.Int).And(t.val, onesMask(t.bits-bits))
	t.bits -= bits
	return s
}

// skipPadding drops what fills the last register of a part up.
func (t *term) skipPadding(bits int) {
	if pad := paddedBits(bits) - bits; pad > 0 && pad <= t.bits {
		t.splice(pad)
	}
}

// switchOrder turns the bytes of a value round.
func (t *term) switchOrder() {
	if t.val == nil {
		return
	}
	b := t.bytes()
	slices.Reverse(b)
	t.val.SetBytes(b)
}

// bytes is the value in network byte order, all its bits; what does not fit is cut off.
func (t *term) bytes() []byte {
	n := bytesOf(t.bits)
	if t.val.BitLen() > 8*n {
		return new(big.Int).And(t.val, onesMask(8*n)).FillBytes(make([]byte, n))
	}
	return t.val.FillBytes(make([]byte, n))
}

func (t *term) uint() uint64 {
	if t.val == nil {
		return 0
	}
	return t.val.Uint64()
}

func (t *term) isZero() bool { return t.val != nil && t.val.Sign() == 0 }

// onesMask is a number of the lowest n bits.
func onesMask(n int) *big.Int {
	one := big.NewInt(1)
	return new(big.Int).Sub(new(big.Int).Lsh(one, uint(max(n, 0))), one)
}

// firstOne is the lowest bit that is set, or -1.
func firstOne(v *big.Int) int {
	if v.Sign() == 0 {
		return -1
	}
	return int(v.TrailingZeroBits())
}

// firstZero is the lowest bit from a place on that is not set.
func firstZero(v *big.Int, from int) int {
	for v.Bit(from) != 0 {
		from++
	}
	return from
}

// flags turns a value of a bitmask into its flags, joined by `|`.
func (t *term) flags() *term {
	var all *term
	for n := range t.val.BitLen() {
		if t.val.Bit(n) == 0 {
			continue
		}
		flag := &term{kind: kindValue, typ: t.typ, order: t.order, bits: t.bits, val: new(big.Int).Lsh(big.NewInt(1), uint(n))}
		if all == nil {
			all = flag
		} else {
			all = newBinop(opOr, all, flag)
		}
	}
	if all == nil {
		return t
	}
	return all
}

// listed takes flags that are joined by `|` apart again.
func (t *term) listed() *term {
	if t.kind != kindBinop || t.op != opOr {
		return t
	}
	l := &term{kind: kindList, typ: t.typ}
	l.add(t)
	return l
}

func (t *term) add(flags *term) {
	if flags.kind == kindBinop && flags.op == opOr {
		t.add(flags.left)
		t.add(flags.right)
		return
	}
	t.list = append(t.list, flags)
}

func hostU32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}
