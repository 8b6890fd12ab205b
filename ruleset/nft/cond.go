package nft

import (
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Conditions are what a packet must be for a rule of the table to match: one for
// each match, and for each statement that may end the rule. Those that a listing
// leaves out, because a later match implies them, are among them. It remembers
// what the sets hold, so it is not for several goroutines at once.
func (t *Table) Conditions(r *Rule) []ruleset.Condition {
	return t.asked(settleEvery(t.Family, t.lifted(r)), &Style{})
}

func (t *Table) asked(stmts []stmt, style *Style) []ruleset.Condition {
	c := &conditions{table: t, p: printer{style: style, fam: t.Family, stateless: style.Stateless}}
	var before written
	for _, s := range stmts {
		n := len(c.all)
		if a, ok := s.(asking); ok {
			a.ask(c)
		}
		for ; n < len(c.all); n++ {
			if before.touches(&c.all[n]) {
				untell(&c.all[n])
			}
		}
		before.note(c, s)
	}
	return c.all
}

// asking is a statement that may end the rule (NFT_BREAK). What it asks of a
// packet it adds to the conditions.
type asking interface{ ask(*conditions) }

// conditions gathers what the statements of a rule ask of a packet.
type conditions struct {
	table *Table
	p     printer
	all   []ruleset.Condition
}

// words are nft's for a statement or a leaf.
func (c *conditions) words(s interface{ print(*printer) }) string {
	c.p.b = c.p.b[:0]
	s.print(&c.p)
	return string(c.p.b)
}

// untold adds a condition that cannot be told from a packet.
func (c *conditions) untold(s stmt, why string) {
	c.all = append(c.all, ruleset.Condition{Why: why, Text: c.words(s)})
}

func (s *exprStmt) ask(c *conditions) {
	switch {
	case s.merged, s.asked:
		return
	case s.either != nil:
		s.askEither(c)
		return
	}
	cond := c.ofFamily(c.match(s.e))
	cond.Text = c.words(s)
	c.all = append(c.all, cond)
	c.implied(&cond)
}

func (s *exprStmt) askEither(c *conditions) {
	var any ruleset.Condition
	var words []string
	for _, e := range s.either {
		one := c.ofFamily(c.match(e.e))
		one.Text = c.words(e)
		any.Any, words = append(any.Any, one), append(words, one.Text)
	}
	any.Text = strings.Join(words, " or ")
	c.all = append(c.all, any)
}

func (c *conditions) match(e *term) ruleset.Condition {
	switch e.kind {
	case kindMap:
		return c.lookup(e.left, e.right, false)
	case kindRelation, kindFlagCompare:
		return c.relation(e)
	}
	return ruleset.Condition{Why: "a match of a kind that is not known"}
}

func (c *conditions) relation(e *term) ruleset.Condition {
	if e.right.kind == kindSetRef {
		return c.lookup(e.left, e.right, e.op == opNeq)
	}
	s := c.sight(e.left)
	switch {
	case s.why != "":
		return ruleset.Condition{Why: s.why}
	case e.kind == kindFlagCompare:
		return s.flags(e.right, e.value, e.op == opNeq)
	case e.op == opNone, e.op == opNeg:
		return s.flags(e.right, nil, e.op == opNone)
	}
	return s.compare(e.op, e.right)
}

// mapped adds what a statement asks that looks its values up in maps: a key that
// is not in one ends the rule (net/netfilter/nft_lookup.c: nft_lookup_eval).
func (c *conditions) mapped(s stmt, values ...*term) {
	for _, v := range values {
		for ; v != nil; v = v.left {
			if v.kind == kindMap {
				cond := c.lookup(v.left, v.right, false)
				cond.Chooses, cond.Text = false, c.words(s)
				c.all = append(c.all, cond)
			}
			if v.kind == kindRange || v.kind == kindBinop {
				c.mapped(s, v.right)
			}
		}
	}
}

// ofFamily says what a condition on the packet's family means in a table of this
// one. Behind IP's own hooks `meta protocol ip` is that the family is IPv4; in
// front of them the family is the hook's (net/netfilter/nft_meta.c: nft_pf).
func (c *conditions) ofFamily(cond ruleset.Condition) ruleset.Condition {
	switch c.table.Family {
	case ruleset.Bridge, ruleset.Netdev, ruleset.ARP:
		if n := slices.Index(cond.Fields, ruleset.NFProto); n >= 0 {
			return ofHook(cond, n, ruleset.Number(uint64(c.table.Family)))
		}
	default:
		if n := slices.Index(cond.Fields, metaProtocolField); n >= 0 {
			return ofPacket(cond, n)
		}
	}
	return cond
}

// ofHook puts the one value that a field has for all packets into the rows.
func ofHook(cond ruleset.Condition, n int, is ruleset.Value) ruleset.Condition {
	rows := make([]ruleset.Row, 0, len(cond.Rows))
	for _, r := range cond.Rows {
		if r.Ranges[n].Has(ruleset.Only(is.And(orAll(cond.Mask)))) {
			r.Ranges = slices.Clone(r.Ranges)
			r.Ranges[n] = ruleset.Any()
			rows = append(rows, r)
		}
	}
	cond.Rows = rows
	return cond
}

func orAll(mask ruleset.Value) ruleset.Value {
	if mask == (ruleset.Value{}) {
		return ruleset.Any().To
	}
	return mask
}

func ofPacket(cond ruleset.Condition, n int) ruleset.Condition {
	rows := slices.Clone(cond.Rows)
	for i := range rows {
		r := rows[i].Ranges[n]
		fam := etherFamily(r.From.Low)
		if fam == 0 || r.From != r.To || cond.Mask != (ruleset.Value{}) {
			return cond
		}
		rows[i].Ranges = slices.Clone(rows[i].Ranges)
		rows[i].Ranges[n] = ruleset.Span(uint64(fam), uint64(fam))
	}
	cond.Rows, cond.Fields = rows, slices.Clone(cond.Fields)
	cond.Fields[n] = ruleset.NFProto
	return cond
}

// implied adds what IPv6's next header tells of the protocol, by which packets
// are described.
func (c *conditions) implied(cond *ruleset.Condition) {
	if len(cond.Fields) != 1 || cond.Fields[0] != "ip6 nexthdr" || cond.Not || cond.Why != "" || cond.Mask != (ruleset.Value{}) {
		return
	}
	for _, r := range cond.Rows {
		if !isProtocol(r.Ranges[0]) {
			return
		}
	}
	c.all = append(c.all, ruleset.Condition{Fields: []ruleset.Field{ruleset.L4Proto}, Rows: cond.Rows, Text: cond.Text})
}

// isProtocol: the next header is the packet's protocol, unless it is one of the
// extension headers.
func isProtocol(r ruleset.Range) bool {
	switch r.From.Low {
	case 0, 43, 44, protoAHNum, 60, 135, 139, 140:
		return false
	}
	return r.From == r.To
}
