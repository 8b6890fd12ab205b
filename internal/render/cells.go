package render

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// cells is the columns' widths of one journey. Where they leave no room for
// the text of a rule, it stands on a line of its own.
type cells struct {
	table, chain, rule int
	stacked            bool
}

const (
	rowIndent = 4
	gap       = "  "
	leastText = 36  // columns that a rule's text needs beside the cells
	wide      = 100 // columns from which on signs are explained in words
	leastCut  = 8   // columns that are left of a text even where there is no room
)

func (t *Text) measure(groups []group) cells {
	var c cells
	for i := range groups {
		for k := range groups[i].rows {
			r := &groups[i].rows[k]
			if r.aside {
				continue
			}
			c.table = max(c.table, columns(r.table))
			c.chain = max(c.chain, 2*r.depth+columns(r.chain))
			c.rule = max(c.rule, columns(r.rule))
		}
	}
	c.stacked = t.opt.Width > 0 && c.textAt()+leastText > t.opt.Width
	return c
}

// textAt is the column at which the texts begin.
func (c cells) textAt() int { return rowIndent + c.table + c.chain + c.rule + 3*len(gap) }

func (t *Text) row(r *row, c cells) {
	if r.aside {
		at := rowIndent + 2*r.depth
		if !c.stacked && c.table > 0 {
			at += c.table + len(gap)
		}
		t.text(line{{strings.Repeat(" ", at), plain}}, r)
		return
	}
	indent := strings.Repeat(" ", 2*r.depth)
	tableStyle := r.style
	if tableStyle == plain {
		tableStyle = dim
	}
	left := line{{strings.Repeat(" ", rowIndent), plain}}
	if c.stacked {
		if r.table != "" {
			left = append(left, span{r.table + gap, tableStyle})
		}
		left = append(left, span{indent + r.chain + gap, r.style}, span{r.rule + gap, r.style})
		if left.width()+r.text.width()+columns(gap+r.tail.text) > t.opt.Width {
			t.put(left, t.opt.Width)
			left = line{{strings.Repeat(" ", rowIndent+2*r.depth+4), plain}}
		}
		t.text(left, r)
		return
	}
	left = append(left, span{pad(r.table, c.table) + gap, tableStyle},
		span{pad(indent+r.chain, c.chain) + gap, r.style}, span{pad(r.rule, c.rule) + gap, r.style})
	t.text(left, r)
}

// text writes a row's text after what stands left of it, and the tail uncut.
func (t *Text) text(left line, r *row) {
	words, tail := r.text, line(nil)
	if r.tail.text != "" {
		tail = line{{gap, plain}, r.tail}
	}
	if t.opt.Width > 0 {
		room := max(t.opt.Width-left.width()-tail.width(), leastCut)
		if r.isRule {
			words = line{{shorten(words[0].text, room, t.marks.ellipsis), words[0].style}}
		} else {
			words = words.cut(room, t.marks.ellipsis)
		}
	}
	l := append(left, words...)
	t.put(append(l, tail...), 0)
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(n-columns(s), 0)) }

// tableName is the table as its own tool calls it, "legacy" before those that
// nft does not see.
func tableName(s *journey.Step) string {
	if s.Rule.Backend == ruleset.Legacy {
		return "legacy " + s.Rule.Table
	}
	return strings.TrimSpace(s.Family + " " + s.Rule.Table)
}

// chainName is a base chain in few words: iptables names them after their hooks.
func chainName(s *journey.Step) string {
	if s.Rule.Dialect == ruleset.Iptables && strings.EqualFold(s.Rule.Chain, string(s.Hook)) {
		return tableName(s)
	}
	return tableName(s) + " " + s.Rule.Chain
}

func hasPlace(r *journey.Rule) bool { return r != nil && (r.Number > 0 || r.Handle > 0) }

// place is where in its chain a rule stands.
func place(s *journey.Step) string {
	switch {
	case s.Kind == journey.KindPolicy && mayBeRule(s):
		return "policy or #" + strconv.Itoa(s.Rule.Number)
	case s.Kind == journey.KindPolicy:
		return "policy"
	case s.Kind == journey.KindReturn && mayBeRule(s):
		return "end or #" + strconv.Itoa(s.Rule.Number)
	case s.Rule.Number > 0:
		return "#" + strconv.Itoa(s.Rule.Number)
	case s.Rule.Handle > 0:
		return "handle " + strconv.FormatUint(s.Rule.Handle, 10)
	case s.Kind == journey.KindReturn:
		return "end"
	}
	return "#?"
}

// mayBeRule: the rules are not known, and a legacy line that names the end of a
// chain may stand for a rule.
func mayBeRule(s *journey.Step) bool { return s.Rule.Number > 0 && s.Rule.NoText != "" }

func verdictWords(s *journey.Step) string {
	switch {
	case s.Verdict == "":
		return "verdict not known"
	case s.Rule.Target != "" && (s.Verdict == ruleset.Jump || s.Verdict == ruleset.Goto):
		return string(s.Verdict) + " " + s.Rule.Target
	case s.Rule.Target != "" && !strings.EqualFold(s.Rule.Target, string(s.Verdict)):
		return s.Rule.Target + ", " + string(s.Verdict)
	}
	return string(s.Verdict)
}

// side is the change of one end of the packet.
func side(name string, addr *journey.Change[netip.Addr], port *journey.Change[uint16], arrow string) []string {
	switch {
	case addr != nil && port != nil:
		return []string{name + " " + endpoint(addr.From, &port.From) + " " + arrow + " " + endpoint(addr.To, &port.To)}
	case addr != nil:
		return []string{name + " " + addr.From.String() + " " + arrow + " " + addr.To.String()}
	case port != nil:
		return []string{name + " port " + strconv.Itoa(int(port.From)) + " " + arrow + " " + strconv.Itoa(int(port.To))}
	}
	return nil
}

// doubts says once a stream why a table's rules have no text, and what its lines
// then do not tell, and once a journey why a text may be of another rule.
func (t *Text) doubts(j *journey.Journey) {
	for _, r := range gather(j, t.told, func(r *journey.Rule) string { return textless(r, r.NoText) }) {
		t.flow(4, line{{"  no texts of " + r.where + ": " + r.words, dim}})
	}
	for _, r := range gather(j, t.told, func(r *journey.Rule) string { return textless(r, r.Doubt) }) {
		t.flow(4, line{{"  ? in " + r.where + ": " + r.words, yellow}})
	}
	for _, r := range gather(j, map[reason]bool{}, func(r *journey.Rule) string {
		if r.Text == "" {
			return ""
		}
		return r.Doubt
	}) {
		t.flow(4, line{{"  ? in " + r.where + ": text may be of another rule: " + r.words, yellow}})
	}
}

func textless(r *journey.Rule, words string) string {
	if r.Text != "" {
		return ""
	}
	return words
}

// reason is words that hold for some tables.
type reason struct{ words, where string }

// gather asks the rules of a journey for words that were not told of their table
// yet, and names the tables for which they are the same together.
func gather(j *journey.Journey, told map[reason]bool, ask func(*journey.Rule) string) []reason {
	var reasons []reason
	for i := range j.Steps {
		s := &j.Steps[i]
		if s.Rule == nil || ask(s.Rule) == "" {
			continue
		}
		r := reason{ask(s.Rule), tableName(s)}
		if told[r] {
			continue
		}
		told[r] = true
		if k := slices.IndexFunc(reasons, func(have reason) bool { return have.words == r.words }); k >= 0 {
			reasons[k].where += ", " + r.where
		} else {
			reasons = append(reasons, r)
		}
	}
	return reasons
}
