package ipset

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// rows are the members as rows of a condition, without what their exceptions
// take out; why says why that cannot be told.
func (s *Set) rows(cols []column) (rows []ruleset.Row, why string) {
	if s.Type == "bitmap:port" {
		return s.eitherProtocol(cols), ""
	}
	if !slices.ContainsFunc(s.Elements, func(e Element) bool { return e.NoMatch }) {
		return s.plain(cols), ""
	}
	at := slices.IndexFunc(cols, func(c column) bool { return c.net })
	switch {
	case at < 0 || slices.ContainsFunc(cols[at+1:], func(c column) bool { return c.net }):
		return nil, "has exceptions in two dimensions"
	case slices.ContainsFunc(s.Elements, func(e Element) bool { return e.Wildcard }):
		return nil, "has exceptions, and members for the beginning of interfaces' names"
	}
	return s.withoutExceptions(cols, at), ""
}

func (s *Set) plain(cols []column) []ruleset.Row {
	rows := make([]ruleset.Row, len(s.Elements))
	all := make([]ruleset.Range, len(s.Elements)*len(cols))
	for i := range s.Elements {
		r := all[i*len(cols):][:len(cols):len(cols)]
		for n, c := range cols {
			r[n] = c.of(&s.Elements[i])
		}
		rows[i].Ranges = r
	}
	return rows
}

func ranges(cols []column, e *Element) []ruleset.Range {
	r := make([]ruleset.Range, len(cols))
	for i, c := range cols {
		r[i] = c.of(e)
	}
	return r
}

func (s *Set) eitherProtocol(cols []column) (rows []ruleset.Row) {
	for i := range s.Elements {
		for _, proto := range []uint8{protoTCP, protoUDP} {
			e := s.Elements[i]
			e.Proto = proto
			rows = append(rows, ruleset.Row{Ranges: ranges(cols, &e)})
		}
	}
	return rows
}

// networkRow is a member, or an exception from others.
type networkRow struct {
	ranges    []ruleset.Range
	exception bool
}

// withoutExceptions looks at the members that are the same in all fields but the
// network, the one at an index: there the longest that fits decides
// (net/netfilter/ipset/ip_set_hash_gen.h: mtype_test_cidrs).
func (s *Set) withoutExceptions(cols []column, at int) (rows []ruleset.Row) {
	all := make([]networkRow, len(s.Elements))
	for i := range s.Elements {
		all[i] = networkRow{ranges(cols, &s.Elements[i]), s.Elements[i].NoMatch}
	}
	slices.SortStableFunc(all, func(a, b networkRow) int {
		return cmp.Or(compareBeside(a.ranges, b.ranges, at),
			a.ranges[at].From.Compare(b.ranges[at].From), b.ranges[at].To.Compare(a.ranges[at].To))
	})
	for len(all) > 0 {
		n := 1
		for n < len(all) && compareBeside(all[0].ranges, all[n].ranges, at) == 0 {
			n++
		}
		for _, r := range left(all[:n], at) {
			row := ruleset.Row{Ranges: slices.Clone(all[0].ranges)}
			row.Ranges[at] = r
			rows = append(rows, row)
		}
		all = all[n:]
	}
	return rows
}

// compareBeside compares all fields but one.
func compareBeside(a, b []ruleset.Range, but int) int {
	for i := range a {
		if i == but {
			continue
		}
		if c := cmp.Or(a[i].From.Compare(b[i].From), a[i].To.Compare(b[i].To)); c != 0 {
			return c
		}
	}
	return 0
}

// left is what the networks leave where exceptions are taken out. They are
// sorted by where they begin, the wider one first, and lie in each other or apart.
func left(nets []networkRow, at int) []ruleset.Range {
	sweep := sweep{at: at}
	for _, n := range nets {
		r := n.ranges[at]
		for len(sweep.open) > 0 && sweep.top().ranges[at].To.Compare(r.From) < 0 {
			sweep.close()
		}
		sweep.begin(n)
	}
	for len(sweep.open) > 0 {
		sweep.close()
	}
	return sweep.out
}

// sweep goes over networks from the lowest address on.
type sweep struct {
	at   int
	open []networkRow // those that the address lies in, the longest last
	next ruleset.Value
	over bool // behind the last address there is
	out  []ruleset.Range
}

func (s *sweep) top() networkRow { return s.open[len(s.open)-1] }

func (s *sweep) begin(n networkRow) {
	from := n.ranges[s.at].From
	if len(s.open) > 0 && s.next.Compare(from) < 0 {
		s.emit(minusOne(from))
	}
	s.next = from
	s.open = append(s.open, n)
}

func (s *sweep) close() {
	to := s.top().ranges[s.at].To
	if !s.over && s.next.Compare(to) <= 0 {
		s.emit(to)
		next, more := plusOne(to)
		s.next, s.over = next, !more
	}
	s.open = s.open[:len(s.open)-1]
}

// emit is for the addresses from the next one to the given one.
func (s *sweep) emit(to ruleset.Value) {
	if !s.top().exception {
		s.out = append(s.out, ruleset.Range{From: s.next, To: to})
	}
}

func plusOne(v ruleset.Value) (ruleset.Value, bool) {
	low, carry := bits.Add64(v.Low, 1, 0)
	high, over := bits.Add64(v.High, 0, carry)
	return ruleset.Value{High: high, Low: low}, over == 0
}

func minusOne(v ruleset.Value) ruleset.Value {
	low, borrow := bits.Sub64(v.Low, 1, 0)
	return ruleset.Value{High: v.High - borrow, Low: low}
}

// disjoint sorts rows of one field and joins those that meet.
func disjoint(rows []ruleset.Row) []ruleset.Row {
	slices.SortFunc(rows, func(a, b ruleset.Row) int { return a.Ranges[0].From.Compare(b.Ranges[0].From) })
	out := rows[:0]
	for _, row := range rows {
		r := row.Ranges[0]
		if n := len(out); n > 0 && out[n-1].Ranges[0].Meets(r) {
			if last := &out[n-1].Ranges[0]; last.To.Compare(r.To) < 0 {
				last.To = r.To
			}
			continue
		}
		out = append(out, row)
	}
	return out
}
