package render

import (
	"net/netip"
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
	case s.Kind == journey.KindPolicy:
		return "policy"
	case s.Rule.Number > 0:
		return "#" + strconv.Itoa(s.Rule.Number)
	case s.Rule.Handle > 0:
		return "handle " + strconv.FormatUint(s.Rule.Handle, 10)
	case s.Kind == journey.KindReturn:
		return "end"
	}
	return "#?"
}

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

// doubts says once a stream why a table's rules have no text, and once a
// journey why a text may be of another rule.
func (t *Text) doubts(j *journey.Journey) {
	said := map[string]bool{}
	for i := range j.Steps {
		s := &j.Steps[i]
		if s.Rule == nil {
			continue
		}
		if why := s.Rule.NoText; why != "" && s.Rule.Text == "" {
			words := "no texts of " + tableName(s) + ": " + why
			if !t.told[words] {
				t.told[words] = true
				t.flow(4, line{{"  " + words, dim}})
			}
		}
		if why := s.Rule.Doubt; why != "" {
			words := "? in " + tableName(s) + ": text may be of another rule: " + why
			if !said[words] {
				said[words] = true
				t.flow(4, line{{"  " + words, yellow}})
			}
		}
	}
}
