package nft

import (
	"math/big"
	"slices"
)

// arrange puts elements in the order in which nft lists them, and says intervals
// in their shortest form.
func (s *Set) arrange() {
	ranges := slices.ContainsFunc(s.given, func(e *term) bool { return isRange(e.key()) })
	if ranges {
		s.Flags |= setInterval
	}
	for _, e := range s.given {
		e.splitFlags()
	}
	switch {
	case s.isInterval() && len(s.key.parts()) > 1:
		s.parts = len(s.key.parts())
		for _, e := range s.given {
			shortenParts(e.key())
		}
	case s.isInterval() && slices.ContainsFunc(s.given, func(e *term) bool { return !isNumber(e) }):
	case s.isInterval():
		s.given = joinIntervals(s.points())
	default:
		slices.SortStableFunc(s.given, func(a, b *term) int { return sortValue(a.key()).Cmp(sortValue(b.key())) })
	}
}

// isNumber: a key whose place among others is known.
func isNumber(e *term) bool {
	key := e.key()
	return key.kind == kindValue || key.kind == kindCatchAll || key.kind == kindRange && key.left.kind == kindValue ||
		key.kind == kindPrefix && key.left.kind == kindValue || key.kind == kindBinop
}

// splitFlags says the flags of keys one by one.
func (t *term) splitFlags() {
	switch {
	case t.left != nil && (t.kind == kindElem || t.kind == kindMapping):
		if t.left = t.left.flagged(); t.left.kind != kindValue {
			t.left.splitFlags()
		}
	case t.kind == kindConcat:
		for i, part := range t.list {
			t.list[i] = part.flagged()
		}
	}
}

// flagged is a value of a bitmask flag by flag.
func (t *term) flagged() *term {
	if t.kind == kindValue && t.typ.isBitmask() && t.val.Sign() != 0 {
		return t.flags()
	}
	return t
}

func isRange(t *term) bool {
	switch t.kind {
	case kindRange, kindPrefix:
		return true
	case kindConcat:
		return slices.ContainsFunc(t.list, isRange)
	case kindValue:
		return isWildcard(t)
	}
	return false
}

func isWildcard(t *term) bool {
	if !t.typ.isString() {
		return false
	}
	text := t.text()
	n := len(text)
	return n > 0 && text[n-1] == '*' && (n == 1 || text[n-2] != '\\')
}

func shortenParts(key *term) {
	for i, part := range key.list {
		if part.kind == kindRange {
			key.list[i] = partRange(part.left, part.right)
		}
	}
}

// points are the begin and the end of each element, as the kernel keeps them.
func (s *Set) points() (all []*term) {
	merge := s.data == nil && s.Flags&setObject == 0 && (s.autoMerge || s.isAnonymous())
	spans := make([]span, 0, len(s.given))
	for _, e := range s.given {
		if e.key().kind == kindCatchAll {
			all = append(all, e)
			continue
		}
		spans = append(spans, spanOf(e))
	}
	slices.SortStableFunc(spans, func(a, b span) int { return a.from.Cmp(b.from) })
	if merge {
		spans = merged(spans)
	}
	for _, sp := range spans {
		all = append(all, sp.points()...)
	}
	return all
}

// span is an element of an interval set.
type span struct {
	e        *term
	from, to *big.Int
}

// spanOf: names are compared byte by byte from their first one on.
func spanOf(e *term) span {
	key := e.key()
	switch key.kind {
	case kindRange:
		return span{e, key.left.val, key.right.val}
	case kindPrefix:
		low := onesMask(key.bits - key.prefix)
		from := new(big.Int).AndNot(key.left.val, low)
		return span{e, from, low.Or(low, from)}
	}
	if !key.typ.isString() {
		return span{e, sortValue(key), sortValue(key)}
	}
	r := inRegister(key)
	free := uint(max(key.typ.bits-r.bits, 0))
	from := new(big.Int).Lsh(r.val, free)
	return span{e, from, new(big.Int).Or(from, onesMask(int(free)))}
}

// merged joins elements that overlap or touch.
func merged(all []span) (out []span) {
	for _, s := range all {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if next := new(big.Int).Add(last.to, big.NewInt(1)); s.from.Cmp(next) <= 0 {
				if s.to.Cmp(last.to) > 0 {
					last.to = s.to
				}
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

func (s span) points() []*term {
	key := *s.e.key()
	key.kind, key.val, key.left, key.right, key.prefix = kindValue, s.from, nil, nil, 0
	if key.typ.isString() {
		key.bits = key.typ.bits
	}
	begin := withKey(s.e, &key)
	after := new(big.Int).Add(s.to, big.NewInt(1))
	if after.BitLen() > key.bits {
		return []*term{begin}
	}
	last := key
	last.val = after
	end := *withKey(s.e, &last)
	end.isEnd = true
	return []*term{begin, &end}
}
