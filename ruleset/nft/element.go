package nft

import (
	"math/big"

	"github.com/pktrail/pktrail/internal/wire"
)

// elemState is what an element of a set has beside its key. Times are in milliseconds.
type elemState struct {
	timeout, expires uint64
	comment          string
	inner            []stmt
}

// Attributes of an element (enum nft_set_elem_attributes).
const (
	elemKey     = 1
	elemData    = 2
	elemFlags   = 3
	elemTimeout = 4
	elemExpires = 5
	elemUser    = 6
	elemExpr    = 7
	elemObjref  = 9
	elemKeyEnd  = 10
	elemExprs   = 11

	elemIntervalEnd = 1 // NFT_SET_ELEM_INTERVAL_END
	elemCatchAll    = 2 // NFT_SET_ELEM_CATCHALL
)

// list is the elements as they are printed: in order, and intervals put together.
func (s *Set) list() []*term {
	switch {
	case s.elems != nil:
		return s.elems
	case len(s.raw) == 0:
		return s.given
	}
	all := make([]*term, 0, len(s.raw))
	for _, raw := range s.raw {
		f := fieldsOf(raw)
		all = s.decodeElem(all, &f)
	}
	switch {
	case s.isInterval() && s.parts > 1:
		all = joinRanges(all)
	case s.isInterval():
		all = joinIntervals(all)
	default:
		sortElems(all)
	}
	s.elems = all
	return all
}

// decodeElem appends an element, and its end as one more if it is a range of
// several parts (src/netlink.c: netlink_delinearize_setelem).
func (s *Set) decodeElem(all []*term, f *fields) []*term {
	flags := f.u32(elemFlags)
	state := &elemState{timeout: f.u64(elemTimeout), expires: f.u64(elemExpires), comment: udataComment(f[elemUser])}
	switch {
	case f.has(elemExpr):
		state.inner = innerStmts(s.table, wire.AppendAttr(nil, listElem, f[elemExpr]))
	case f.has(elemExprs):
		state.inner = innerStmts(s.table, f[elemExprs])
	}
	var key *term
	switch {
	case f.has(elemKey):
		key = s.decodeKey(f.value(elemKey))
	case flags&elemCatchAll != 0:
		key = &term{kind: kindCatchAll, typ: s.key.typ, order: s.key.order, bits: s.key.bits}
	default:
		return all
	}
	isEnd := flags&elemIntervalEnd != 0
	all = append(all, s.element(key, state, f, isEnd))
	if !isEnd && f.has(elemKeyEnd) {
		all = append(all, s.element(s.decodeKey(f.value(elemKeyEnd)), state, f, true))
	}
	return all
}

func (s *Set) element(key *term, state *elemState, f *fields, isEnd bool) *term {
	e := &term{kind: kindElem, left: key, typ: key.typ, order: key.order, bits: key.bits, elem: state, isEnd: isEnd}
	var data *term
	switch {
	case s.data != nil && f.has(elemData):
		data = s.decodeData(f)
	case s.Flags&setObject != 0 && f.has(elemObjref):
		data = newValue(f[elemObjref])
		data.typ, data.order = typeString, orderHost
		data.switchOrder()
	}
	if data == nil {
		return e
	}
	return &term{kind: kindMapping, left: e, right: data, typ: e.typ, order: e.order, bits: e.bits, isEnd: isEnd}
}

func (s *Set) decodeKey(b []byte) *term {
	key := newValue(b)
	key.typ, key.order = s.key.typ, s.key.order
	if parts := key.typ.parts; len(parts) > 0 {
		return s.splitKey(key)
	}
	if !s.isInterval() && key.order == orderHost {
		key.switchOrder()
	}
	if key.typ.isBitmask() && key.val.Sign() != 0 {
		return key.flags()
	}
	return key
}

func (s *Set) splitKey(data *term) *term {
	all := &term{kind: kindConcat, typ: s.key.typ, bits: data.bits}
	for i, typ := range s.key.typ.parts {
		bits, order := typ.bits, typ.order
		if s.key.kind == kindConcat && i < len(s.key.list) {
			declared := s.key.list[i]
			typ, bits, order = declared.typ, declared.bits, declared.order
		}
		all.list = append(all.list, s.part(data, typ, bits, order))
	}
	return all
}

// part cuts one part off the bytes of a concatenation (src/netlink.c: concat_elem_expr).
func (s *Set) part(data *term, typ *dataType, bits int, order byteOrder) *term {
	whole := 8 * bytesOf(bits)
	e := data.splice(whole)
	e.typ, e.order, e.bits = typ, order, bits
	if typ.isString() || !s.isInterval() && order == orderHost {
		e.switchOrder()
	}
	data.skipPadding(whole)
	if typ.isBitmask() && e.val.Sign() != 0 {
		return e.flags()
	}
	return e
}

func (s *Set) decodeData(f *fields) *term {
	if code, chain, ok := f.verdict(elemData); ok {
		return newVerdict(code, chain)
	}
	data := newValue(f.value(elemData))
	data.typ, data.order = s.data.typ, s.data.order
	switch {
	case len(data.typ.parts) > 0:
		return s.splitData(data)
	case s.dataInterval:
		half := data.bits / 2
		from := data.splice(half)
		from.typ, from.order = data.typ, data.typ.order
		return rangeToPrefix(newRange(from, data))
	case data.order == orderHost:
		data.switchOrder()
	}
	return data
}

// splitData: a map of intervals gives all lower ends, and then all upper ones.
func (s *Set) splitData(data *term) *term {
	all := &term{kind: kindConcat, typ: data.typ, bits: data.bits}
	for _, typ := range data.typ.parts {
		all.list = append(all.list, s.part(data, typ, typ.bits, typ.order))
	}
	if !s.dataInterval {
		return all
	}
	for i, typ := range all.typ.parts {
		to := s.part(data, typ, typ.bits, typ.order)
		all.list[i] = reduceRange(newRange(all.list[i], to))
	}
	return all
}

func reduceRange(r *term) *term {
	if r.left.kind != kindValue || r.right.kind != kindValue {
		return r
	}
	if r.left.val.Cmp(r.right.val) == 0 {
		return r.left
	}
	if r.left.typ == typeIPAddr || r.left.typ == typeIP6Addr {
		return rangeToPrefix(r)
	}
	return r
}

// rangeToPrefix says a range as a prefix where it is one (src/netlink.c: range_expr_to_prefix).
func rangeToPrefix(r *term) *term {
	if r.left.kind != kindValue || r.right.kind != kindValue {
		return r
	}
	diff := new(big.Int).Xor(r.left.val, r.right.val)
	n := firstZero(diff, 0)
	if diff.BitLen() > n {
		return r
	}
	if low := firstOne(r.left.val); low >= 0 && low < n {
		return r
	}
	return newPrefix(r.left, r.left.bits-n)
}

// sortElems orders elements by the number that their key is.
func sortElems(all []*term) {
	keyed := make([]keyedElem, len(all))
	for i, e := range all {
		keyed[i] = keyedElem{e, sortValue(e.key())}
	}
	mergeSort(keyed, make([]keyedElem, len(all)))
	for i, k := range keyed {
		all[i] = k.elem
	}
}

type keyedElem struct {
	elem *term
	key  *big.Int
}

// mergeSort keeps nft's order of elements whose keys count as equal, such as
// sets of flags with the same lowest one: those of the second half come first
// (src/mergesort.c: list_expr_sort).
func mergeSort(all, spare []keyedElem) {
	if len(all) < 2 {
		return
	}
	half := (len(all) + 1) / 2
	mergeSort(all[:half], spare[:half])
	mergeSort(all[half:], spare[half:])
	copy(spare, all)
	left, right := spare[:half], spare[half:]
	for i := range all {
		if len(right) == 0 || len(left) > 0 && left[0].key.Cmp(right[0].key) < 0 {
			all[i], left = left[0], left[1:]
		} else {
			all[i], right = right[0], right[1:]
		}
	}
}

func sortValue(t *term) *big.Int {
	switch t.kind {
	case kindBinop, kindRange, kindPrefix:
		return sortValue(t.left)
	case kindConcat:
		return concatSortValue(t)
	case kindCatchAll:
		return new(big.Int).Lsh(big.NewInt(1), uint(max(t.bits, 8*maxKeyBytes)))
	}
	if t.val == nil {
		return new(big.Int)
	}
	return t.val
}

// concatSortValue: the bytes of all parts, read in host byte order.
func concatSortValue(t *term) *big.Int {
	var b []byte
	for _, part := range t.list {
		p := *part
		p.val = sortValue(part)
		one := p.bytes()
		if part.order == orderHost {
			reverse(one)
		}
		b = append(b, one...)
	}
	reverse(b)
	return new(big.Int).SetBytes(b)
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}
