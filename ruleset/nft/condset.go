package nft

import (
	"math/bits"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// lookup is the condition that a key is in a set or map, or is not.
func (c *conditions) lookup(key, of *term, not bool) ruleset.Condition {
	if of.kind != kindSetRef {
		return ruleset.Condition{Why: "looks into what is no set"}
	}
	s, set := c.sight(key), of.set
	cond := ruleset.Condition{Why: s.why}
	if s.why == "" || s.chooses() {
		held := s.among(set)
		if held.blocks != "" {
			c.all = append(c.all, ruleset.Condition{Why: held.blocks, Text: c.setWords(of)})
		}
		cond = s.byChance(held.cond)
	}
	cond.Not, cond.Chooses = not, set.isVerdictMap() && len(cond.Rows) > 0
	if !set.isAnonymous() {
		cond.Set = set.Name
	}
	return cond
}

// chooses: one number that is not of the packet is looked up.
func (s *sight) chooses() bool { return s.chosen != nil && len(s.fields) == 1 && len(s.steps) == 0 }

// byChance is a lookup of what cannot be told: it is certain to find something
// where the set holds all that may come out.
func (s *sight) byChance(c ruleset.Condition) ruleset.Condition {
	if s.why == "" || c.Why != "" {
		return c
	}
	from, count := s.chosen.comesOut()
	next := ruleset.Number(uint64(from))
	for _, r := range c.Rows {
		if r.Ranges[0].From.Compare(next) <= 0 && r.Ranges[0].To.Compare(next) >= 0 {
			next = after(r.Ranges[0].To)
		}
	}
	if next.Compare(ruleset.Number(uint64(from)+uint64(count))) < 0 {
		c.Why = s.why
		return c
	}
	c.Rows = slices.Clone(c.Rows)
	for i := range c.Rows {
		c.Rows[i].Ranges = []ruleset.Range{ruleset.Any()}
	}
	return c
}

func (c *conditions) setWords(t *term) string {
	c.p.b = c.p.b[:0]
	c.p.term(t)
	return string(c.p.b)
}

// heldRows are the elements of a set as rows. Those of named ones are kept for
// the next rule that looks the same fields up.
type heldRows struct {
	fields []ruleset.Field
	host   []bool // by field: the register holds it in the machine's byte order
	cond   ruleset.Condition
	// blocks: what elements hold is run when they are found, and may end the rule
	// (include/net/netfilter/nf_tables.h: nft_set_elem_update_expr).
	blocks string
}

func (s *sight) among(set *Set) *heldRows {
	var host []bool
	for _, l := range s.loaded {
		host = append(host, inHostOrder(l))
	}
	if h := set.held; h != nil && len(s.steps) == 0 && slices.Equal(h.fields, s.fields) && slices.Equal(h.host, host) {
		return h
	}
	h := &heldRows{fields: s.fields, host: host}
	s.fill(h, set)
	if len(s.steps) == 0 && !set.isAnonymous() {
		set.held = h
	}
	return h
}

// fill turns the elements of a set into rows.
func (s *sight) fill(h *heldRows, set *Set) {
	elems := set.list()
	if !set.isAnonymous() {
		set.elems = nil
	}
	h.blocks = blocking(set.innerStmts())
	rows := make([]ruleset.Row, 0, len(elems))
	var rest *ruleset.Row
	for _, e := range elems {
		row, why := s.element(set, h.host, e)
		switch {
		case why != "":
			h.cond = ruleset.Condition{Why: why}
			return
		case e.key().kind == kindCatchAll:
			rest = &row
		default:
			rows = append(rows, row)
		}
		if h.blocks == "" {
			h.blocks = blocking(e.state().inner)
		}
	}
	if why := s.byName(rows, rest); why != "" {
		h.cond = ruleset.Condition{Why: why}
		return
	}
	if rest != nil {
		rows = withRest(rows, *rest)
	}
	h.cond = s.condition(rows, false)
}

func (s *sight) element(set *Set, host []bool, e *term) (row ruleset.Row, why string) {
	row, why = s.row(e.key())
	if why == "" && e.key().kind != kindCatchAll {
		why = s.turn(set, host, &row)
	}
	if e.kind == kindMapping && e.right.kind == kindVerdict {
		row.Verdict, row.Target = verdictWord(e.right.verdict), e.right.chain
	}
	return row, why
}

// state is what an element, or a mapping from one, has beside its key.
func (t *term) state() elemState {
	if t.kind == kindMapping {
		t = t.left
	}
	if t.elem == nil {
		return elemState{}
	}
	return *t.elem
}

// blocking says why one of the statements of an element may end the rule; empty
// where none does.
func blocking(inner []stmt) string {
	for _, in := range inner {
		if w, ok := in.(interface{ untold() string }); ok {
			return w.untold()
		}
	}
	return ""
}

// turn swaps the bytes of values that the set holds in another byte order than
// the register does, as the kernel compares bytes.
func (s *sight) turn(set *Set, host []bool, row *ruleset.Row) string {
	if len(set.raw) == 0 { // of text, where values are what they say
		return ""
	}
	for n := range row.Ranges {
		if s.loaded[n].bits <= 8 || s.loaded[n].typ.isString() || set.holdsHostOrder(n) == host[n] {
			continue
		}
		r := &row.Ranges[n]
		if r.From != r.To || s.loaded[n].bits > 64 {
			return "is in another byte order than the set's ranges"
		}
		r.From = ruleset.Number(bits.ReverseBytes64(r.From.Low) >> (64 - 8*bytesOf(s.loaded[n].bits)))
		r.To = r.From
	}
	return ""
}

// holdsHostOrder tells the byte order of a part of the set's keys: ranges are in
// network byte order, whatever the type.
func (s *Set) holdsHostOrder(part int) bool {
	key := s.key
	order := key.order
	switch {
	case key.kind == kindConcat && part < len(key.list):
		order = key.list[part].order
	case part < len(key.typ.parts):
		order = key.typ.parts[part].order
	}
	return order == orderHost && !s.isInterval()
}

// withRest adds what holds where no other row does: of one field the gaps.
func withRest(rows []ruleset.Row, rest ruleset.Row) []ruleset.Row {
	if len(rest.Ranges) != 1 {
		return append(rows, rest)
	}
	rows = sorted(rows)
	gaps := make([]ruleset.Row, 0, 2*len(rows)+1)
	from, last := rest.Ranges[0].From, rest.Ranges[0].To
	add := func(to ruleset.Value) {
		if from.Compare(to) <= 0 {
			gap := rest
			gap.Ranges = []ruleset.Range{{From: from, To: to}}
			gaps = append(gaps, gap)
		}
	}
	for _, r := range rows {
		if r.Ranges[0].From != from && from.Compare(r.Ranges[0].From) < 0 {
			add(before(r.Ranges[0].From))
		}
		gaps = append(gaps, r)
		if r.Ranges[0].To.Compare(last) >= 0 {
			return gaps
		}
		from = after(r.Ranges[0].To)
	}
	add(last)
	return gaps
}

// before is one less, of what is not 0.
func before(v ruleset.Value) ruleset.Value {
	low, borrow := bits.Sub64(v.Low, 1, 0)
	return ruleset.Value{High: v.High - borrow, Low: low}
}

// after is one more, of what is not the last.
func after(v ruleset.Value) ruleset.Value {
	low, carry := bits.Add64(v.Low, 1, 0)
	return ruleset.Value{High: v.High + carry, Low: low}
}

// verdictWord is nft's word for a verdict of a rule or an element.
func verdictWord(code int32) ruleset.Verdict {
	switch code {
	case verdictContinue, verdictBreak:
		return ruleset.Continue
	case verdictJump:
		return ruleset.Jump
	case verdictGoto:
		return ruleset.Goto
	case verdictReturn:
		return ruleset.Return
	}
	words := [...]ruleset.Verdict{ruleset.Drop, ruleset.Accept, ruleset.Stolen, ruleset.Queue}
	if n := code & 0xff; int(n) < len(words) {
		return words[n]
	}
	return ruleset.Unknown
}
