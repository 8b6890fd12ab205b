package tally

import "time"

// widths are those that a part of the time may have; each is a multiple of the
// one before, so that parts can be merged. The last suffices for all times that
// 64 bits hold in nanoseconds.
var widths = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 7 * day, 28 * day, 84 * day, 336 * day, 1680 * day, 3360 * day,
}

const (
	day       = 24 * time.Hour
	mostParts = 120
)

// timeline counts over time, in at most mostParts parts, whose width grows with
// the time seen.
type timeline struct {
	lines       int64
	first, last int64 // nanoseconds since 1970
	width       int   // which of widths
	base        int64 // number of the first part, counted from 1970 in widths
	parts       []int64
	from, to    int64 // the part that was hit last
	at          int
}

// inRange reports whether a time, and the part that it is in, can be told in
// nanoseconds since 1970: the years 1717 to 2222.
func inRange(at time.Time) bool {
	const most = 7_980_000_000
	s := at.Unix()
	return s > -most && s < most
}

func (t *timeline) add(ns int64) {
	if t.lines == 0 {
		t.first, t.last = ns, ns
	}
	t.lines++
	t.first, t.last = min(t.first, ns), max(t.last, ns)
	if ns < t.from || ns >= t.to {
		t.find(ns)
	}
	t.parts[t.at]++
}

// find makes the part of a time the one that is hit.
func (t *timeline) find(ns int64) {
	for !t.reach(t.number(ns)) {
		t.widen()
	}
	k := t.number(ns)
	w := int64(widths[t.width])
	t.at, t.from = int(k-t.base), k*w
	t.to = t.from + w
}

// number is that of the part which a time is in.
func (t *timeline) number(ns int64) int64 { return floorDiv(ns, int64(widths[t.width])) }

func floorDiv(n, d int64) int64 {
	q := n / d
	if n%d < 0 {
		q--
	}
	return q
}

// reach adds parts up to the one with a number; false where they would be too many.
func (t *timeline) reach(number int64) bool {
	if len(t.parts) == 0 {
		t.base, t.parts = number, append(make([]int64, 0, mostParts), 0)
		return true
	}
	first := min(t.base, number)
	last := max(t.base+int64(len(t.parts))-1, number)
	if last-first >= mostParts {
		return false
	}
	had := len(t.parts)
	t.parts = t.parts[:last-first+1]
	clear(t.parts[had:])
	if shift := int(t.base - first); shift > 0 {
		copy(t.parts[shift:], t.parts[:had])
		clear(t.parts[:shift])
	}
	t.base = first
	return true
}

// widen merges neighbours into parts of the next width.
func (t *timeline) widen() {
	factor := int64(widths[t.width+1] / widths[t.width])
	base := floorDiv(t.base, factor)
	merged := make([]int64, 0, mostParts)
	for i, n := range t.parts {
		k := int(floorDiv(t.base+int64(i), factor) - base)
		for len(merged) <= k {
			merged = append(merged, 0)
		}
		merged[k] += n
	}
	t.width++
	t.base, t.parts = base, merged
}
