package nft

import (
	"math/big"
	"sort"
)

// joinIntervals makes intervals of elements that are their begins and ends
// (src/segtree.c: interval_map_decompose).
func joinIntervals(all []*term) []*term {
	var points []*term
	var catchAll *term
	for _, e := range all {
		if e.key().kind == kindCatchAll {
			catchAll = e
		} else if e.key().kind == kindValue {
			points = append(points, e)
		}
	}
	sort.SliceStable(points, func(i, j int) bool {
		if c := points[i].key().val.Cmp(points[j].key().val); c != 0 {
			return c < 0
		}
		return points[i].isEnd && !points[j].isEnd
	})
	out := closeIntervals(withEnds(points))
	if catchAll != nil {
		out = append(out, catchAll)
	}
	return out
}

// withEnds gives an interval that the next one's begin ends an end of its own.
func withEnds(points []*term) []*term {
	var all []*term
	open := false
	for _, p := range points {
		switch {
		case p.isEnd:
			open = false
		case open:
			end := *p
			end.isEnd = true
			all = append(all, &end)
		default:
			open = true
		}
		all = append(all, p)
	}
	return all
}

func closeIntervals(points []*term) []*term {
	var out []*term
	var low *term
	for _, p := range points {
		if low == nil {
			if !p.isEnd {
				low = p
			}
			continue
		}
		last := new(big.Int).Sub(p.key().val, big.NewInt(1))
		out = append(out, interval(low, last))
		low = nil
		if !p.isEnd {
			low = p
		}
	}
	if low == nil {
		return out
	}
	return append(out, interval(low, onesMask(low.key().bits)))
}

// interval says an element from low to last in the shortest form (add_interval).
func interval(low *term, last *big.Int) *term {
	key := low.key()
	size := new(big.Int).Sub(last, key.val)
	if size.Sign() <= 0 {
		if key.typ.isString() {
			key.switchOrder()
		}
		return low
	}
	free := firstZero(size, 0)
	aligned := size.BitLen() == free && new(big.Int).And(key.val, size).Sign() == 0
	switch {
	case aligned && key.typ.prefix:
		return withKey(low, newPrefix(key, key.bits-free))
	case aligned && key.typ.isString():
		return withKey(low, wildcard(key, free))
	}
	to := *key
	to.val = last
	return withKey(low, newRange(key, &to))
}

// wildcard is a name of which only the begin is given: `eth*`.
func wildcard(key *term, free int) *term {
	b := key.bytes()
	if free%8 == 0 {
		n := 0
		for n < len(b) && b[n] != 0 {
			n++
		}
		if n > 0 && n < len(b) {
			w := *key
			w.val, w.order = new(big.Int), orderHost
			w.setText(string(b[:n]) + "*")
			return &w
		}
	}
	return newPrefix(key, key.bits-free)
}

// withKey is an element with another form of its key.
func withKey(e *term, key *term) *term {
	c := *e
	if e.kind == kindMapping {
		c.left = withKey(e.left, key)
		return &c
	}
	c.left = key
	return &c
}

// joinRanges makes ranges, part by part, of elements that are followed by their
// ends (src/segtree.c: concat_range_aggregate).
func joinRanges(all []*term) []*term {
	var out []*term
	for i := 0; i < len(all); i++ {
		e := all[i]
		if i+1 >= len(all) || !all[i+1].isEnd || e.key().kind != kindConcat {
			out = append(out, e)
			continue
		}
		i++
		from, to := e.key().list, all[i].key().list
		key := *e.key()
		key.list = nil
		for n := range min(len(from), len(to)) {
			key.list = append(key.list, partRange(from[n], to[n]))
		}
		out = append(out, withKey(e, &key))
	}
	return out
}

func partRange(from, to *term) *term {
	if from.kind != kindValue || to.kind != kindValue || from.val.Cmp(to.val) == 0 {
		return to
	}
	isText := from.typ.isString()
	a, b := from, to
	if isText {
		a, b = from.clone(), to.clone()
		a.switchOrder()
		b.switchOrder()
	}
	prefix := prefixLength(a.val, b.val, from.bits)
	switch {
	case isText && prefix >= 0 && prefix%8 == 0:
		w := *from
		w.val = new(big.Int)
		text := a.bytes()[:prefix/8]
		w.setText(string(text) + "*")
		return &w
	case prefix < 0 || !from.typ.prefix:
		return newRange(from, to)
	}
	return newPrefix(from, prefix)
}

// prefixLength is how many bits two numbers have in common, if the rest is all
// zeros in one and all ones in the other; else -1.
func prefixLength(a, b *big.Int, bits int) int {
	n := 0
	for n < bits && a.Bit(n) == 0 && b.Bit(n) == 1 {
		n++
	}
	if new(big.Int).Rsh(a, uint(n)).Cmp(new(big.Int).Rsh(b, uint(n))) != 0 {
		return -1
	}
	return bits - n
}
