package nft

import (
	"math/big"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// row is a key as a range for each field; why is not empty where it is none.
func (s *sight) row(key *term) (r ruleset.Row, why string) {
	parts := []*term{key}
	if key.kind == kindConcat {
		parts = key.list
	}
	if key.kind != kindCatchAll && len(parts) != len(s.fields) {
		return r, "has not as many parts as what it is compared with"
	}
	for n := range s.fields {
		one := s.whole(n)
		if key.kind != kindCatchAll {
			var ok bool
			if one, ok = rangeOf(parts[n]); !ok {
				return r, "a value that is no number of 16 bytes"
			}
		}
		r.Ranges = append(r.Ranges, one)
	}
	return r, ""
}

// rangeOf is the values that a value, a prefix or a range stands for.
func rangeOf(t *term) (r ruleset.Range, ok bool) {
	switch t.kind {
	case kindPrefix:
		return prefixRange(t)
	case kindRange:
		from, ok := rangeOf(t.left)
		to, known := rangeOf(t.right)
		return ruleset.Range{From: from.From, To: to.To}, ok && known
	}
	if name, ok := linkName(t); ok {
		return ruleset.Only(ruleset.Name(name)), true
	}
	if t.kind == kindValue && t.typ.isString() {
		name := t.text()
		begin, wild := strings.CutSuffix(name, "*")
		if wild && strings.HasSuffix(begin, `\`) {
			begin, wild = begin[:len(begin)-1]+"*", false
		}
		return ruleset.Names(begin, wild), true
	}
	n := numberOf(t)
	if n == nil {
		return r, false
	}
	v, ok := valueOf(n)
	return ruleset.Only(v), ok
}

// nothing is a range without a value.
func nothing() ruleset.Range { return ruleset.Range{From: ruleset.Number(1)} }

// prefixRange: a value that has bits behind its prefix is equal to nothing.
func prefixRange(t *term) (r ruleset.Range, ok bool) {
	n := numberOf(t.left)
	if n == nil || t.prefix > t.left.bits {
		return r, false
	}
	free := onesMask(t.left.bits - t.prefix)
	if new(big.Int).And(n, free).Sign() != 0 {
		return nothing(), true
	}
	from, ok := valueOf(n)
	to, known := valueOf(new(big.Int).Or(n, free))
	return ruleset.Range{From: from, To: to}, ok && known
}

// numberOf is the number that a value is, or values that are joined by `|`; nil
// for what is no number.
func numberOf(t *term) *big.Int {
	switch t.kind {
	case kindValue:
		return new(big.Int).Set(t.val)
	case kindBinop:
		return joinedBits(t.op, t.left, t.right)
	case kindList:
		return joinedBits(opOr, t.list...)
	}
	return nil
}

func joinedBits(op operator, parts ...*term) *big.Int {
	all := new(big.Int)
	for _, part := range parts {
		n := numberOf(part)
		if n == nil || op != opOr {
			return nil
		}
		all.Or(all, n)
	}
	return all
}

func valueOf(n *big.Int) (v ruleset.Value, ok bool) {
	if n.IsUint64() {
		return ruleset.Number(n.Uint64()), true
	}
	if n.Sign() < 0 || n.BitLen() > 128 {
		return v, false
	}
	low := new(big.Int).And(n, onesMask(64))
	return ruleset.Value{High: new(big.Int).Rsh(n, 64).Uint64(), Low: low.Uint64()}, true
}

func bigOf(v ruleset.Value) *big.Int {
	n := new(big.Int).SetUint64(v.High)
	return n.Or(n.Lsh(n, 64), new(big.Int).SetUint64(v.Low))
}

// condition says rows of what is in the register as rows of the field.
func (s *sight) condition(rows []ruleset.Row, not bool) ruleset.Condition {
	c := ruleset.Condition{Fields: s.fields, Not: not, Rows: slices.DeleteFunc(rows, isNothing)}
	if len(s.steps) > 0 {
		if c.Mask, c.Rows, c.Why = s.undo(c.Rows); c.Why != "" {
			return ruleset.Condition{Why: c.Why}
		}
	}
	if len(c.Fields) == 1 {
		c.Rows = sorted(c.Rows)
	}
	return c
}

// isNothing: one of a row's ranges has no value.
func isNothing(r ruleset.Row) bool {
	return slices.ContainsFunc(r.Ranges, func(r ruleset.Range) bool { return r.From.Compare(r.To) > 0 })
}

// undo takes the steps back, so that the field itself is compared, under a mask.
func (s *sight) undo(rows []ruleset.Row) (mask ruleset.Value, back []ruleset.Row, why string) {
	field := s.steps[len(s.steps)-1].left
	all := onesMask(min(field.bits, 128))
	var m *big.Int
	for _, r := range rows {
		one, never, ok := s.undoRange(r.Ranges[0], all, &m)
		if !ok {
			return mask, nil, "is changed before it is compared"
		}
		if !never {
			r.Ranges = []ruleset.Range{one}
			back = append(back, r)
		}
	}
	if m == nil || m.Cmp(all) == 0 {
		return mask, back, ""
	}
	if m.Sign() == 0 { // nothing of the field is left: it is the same for all packets
		for i := range back {
			back[i].Ranges = []ruleset.Range{ruleset.Any()}
		}
	}
	mask, _ = valueOf(m)
	return mask, back, ""
}

// undoRange is undo for one range; m becomes the bits that are compared.
func (s *sight) undoRange(r ruleset.Range, all *big.Int, m **big.Int) (back ruleset.Range, never, ok bool) {
	from, to := bigOf(r.From), bigOf(r.To)
	if r.From != r.To && !s.keepsOrder() {
		return back, false, false
	}
	*m = new(big.Int).Set(all)
	for _, step := range s.steps {
		n := numberOf(step.right)
		if n == nil {
			return back, false, false
		}
		if r.From == r.To {
			never = unstep(step.op, from, *m, n, all) || never
			to.Set(from)
			continue
		}
		unstepMask(step.op, from, to, *m, n, all)
	}
	back.From, ok = valueOf(from)
	if ok {
		back.To, ok = valueOf(to)
	}
	return back, never, ok
}

// keepsOrder: only a mask, and after it perhaps a shift to the right, which keep
// larger numbers larger.
func (s *sight) keepsOrder() bool {
	switch len(s.steps) {
	case 1:
		return s.steps[0].op == opAnd || s.steps[0].op == opRShift
	case 2:
		return s.steps[0].op == opRShift && s.steps[1].op == opAnd
	}
	return false
}

// unstep finds the value before a step from the value v after it, of which the
// bits in m count; never: no value gives v.
func unstep(op operator, v, m, n, all *big.Int) (never bool) {
	rest := new(big.Int)
	switch op {
	case opAnd:
		rest.And(rest.AndNot(v, n), m)
		m.And(m, n)
	case opOr:
		rest.And(rest.AndNot(n, v), m)
		m.AndNot(m, n)
	case opXor:
		v.Xor(v, n)
	case opLShift:
		by := shift(n)
		rest.And(rest.And(v, onesMask(by)), m)
		v.Rsh(v, uint(by))
		m.Rsh(m, uint(by))
	case opRShift:
		by := shift(n)
		v.Lsh(v, uint(by))
		rest.And(rest.AndNot(v, all), new(big.Int).Lsh(m, uint(by)))
		m.And(m.Lsh(m, uint(by)), all)
	}
	v.And(v, m)
	return rest.Sign() != 0
}

// unstepMask is unstep for a range, whose order the step keeps.
func unstepMask(op operator, from, to, m, n, all *big.Int) {
	if op == opAnd {
		m.And(m, n)
		return
	}
	by := shift(n)
	from.Lsh(from, uint(by))
	to.Or(to.Lsh(to, uint(by)), onesMask(by))
	m.And(m.Lsh(m, uint(by)), all)
}

// shift is a number of bits to shift by; the kernel takes fewer than 32.
func shift(n *big.Int) int {
	if n.BitLen() > 5 {
		return 32
	}
	return int(n.Int64())
}

// sorted puts the rows of one field in order, and those together that overlap
// and decide the same. Of two that decide differently the first one holds.
func sorted(rows []ruleset.Row) []ruleset.Row {
	slices.SortStableFunc(rows, func(a, b ruleset.Row) int { return a.Ranges[0].From.Compare(b.Ranges[0].From) })
	out := rows[:0]
	for _, r := range rows {
		if n := len(out); n > 0 && out[n-1].Ranges[0].To.Compare(r.Ranges[0].From) >= 0 {
			if last := &out[n-1].Ranges[0]; last.To.Compare(r.Ranges[0].To) < 0 && out[n-1].Verdict == r.Verdict && out[n-1].Target == r.Target {
				last.To = r.Ranges[0].To
			}
			continue
		}
		out = append(out, r)
	}
	return out
}
