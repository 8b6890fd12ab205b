package rules

import (
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// joined sorts ranges and makes one of those that overlap or touch.
func joined(all []ruleset.Range) []ruleset.Range {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b ruleset.Range) int { return a.From.Compare(b.From) })
	var out []ruleset.Range
	for _, r := range all {
		if n := len(out); n > 0 && out[n-1].To.Compare(before(r.From)) >= 0 {
			if out[n-1].To.Compare(r.To) < 0 {
				out[n-1].To = r.To
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// others are the values of so many bits that the sorted ranges leave.
func others(all []ruleset.Range, bits int) (out []ruleset.Range) {
	next, last := ruleset.Value{}, highest(bits)
	for _, r := range all {
		if next.Compare(r.From) < 0 {
			out = append(out, ruleset.Range{From: next, To: before(r.From)})
		}
		if r.To.Compare(last) >= 0 {
			return out
		}
		next = after(r.To)
	}
	return append(out, ruleset.Range{From: next, To: last})
}

// shared is what two lists of sorted ranges have in common.
func shared(a, b []ruleset.Range) (out []ruleset.Range) {
	for _, r := range a {
		for _, s := range b {
			if !r.Meets(s) {
				continue
			}
			if r.From.Compare(s.From) > 0 {
				s.From = r.From
			}
			if r.To.Compare(s.To) < 0 {
				s.To = r.To
			}
			out = append(out, s)
		}
	}
	return out
}

func highest(bits int) ruleset.Value {
	if bits <= 64 {
		return ruleset.Number(1<<bits - 1)
	}
	return ruleset.Value{High: 1<<(bits-64) - 1, Low: ^uint64(0)}
}

// before is one less; zero stays.
func before(v ruleset.Value) ruleset.Value {
	switch {
	case v == ruleset.Value{}:
		return v
	case v.Low == 0:
		return ruleset.Value{High: v.High - 1, Low: ^uint64(0)}
	}
	return ruleset.Value{High: v.High, Low: v.Low - 1}
}

// after is one more of a value that is not the last.
func after(v ruleset.Value) ruleset.Value {
	if v.Low == ^uint64(0) {
		return ruleset.Value{High: v.High + 1}
	}
	return ruleset.Value{High: v.High, Low: v.Low + 1}
}
