package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/explain"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// group is the steps of one pass through one hook. Chains that nothing but
// their policy touched are quiet: their names share the title's line.
type group struct {
	hook    ruleset.Hook
	in, out string
	ct      string // conntrack's word on the packet at the beginning
	quiet   []string
	rows    []row
}

// row is one line below a hook.
type row struct {
	table, chain, rule string
	depth              int
	text               line
	isRule             bool  // text is a rule's, to be shortened with care
	style              style // of the cells
	tail               span  // stands after the text and is never cut
	aside              bool  // a change of the packet: no cells
}

// steps prints what happened at each hook, in aligned columns.
func (t *Text) steps(j *journey.Journey) {
	groups := t.groups(j)
	c := t.measure(groups)
	for i := range groups {
		g := &groups[i]
		t.put(t.title(g), t.opt.Width)
		table := ""
		for k := range g.rows {
			r := g.rows[k]
			if r.table == table {
				r.table = ""
			} else if r.table != "" {
				table = r.table
			}
			t.row(&r, c)
		}
	}
	t.doubts(j)
}

func (t *Text) title(g *group) line {
	l := line{{"  " + string(g.hook), bold}}
	if g.hook == "" {
		l = line{{"  hook not known", bold}}
	}
	if dev := t.devices(g.in, g.out); dev != "" {
		l = append(l, span{gap + t.clean(dev), plain})
	}
	if g.ct != "" {
		l = append(l, span{gap + t.clean(g.ct), dim})
	}
	if len(g.quiet) > 0 {
		l = append(l, span{gap + "policy accept: " + t.clean(briefly(g.quiet)), dim})
	}
	return l
}

func (t *Text) devices(in, out string) string {
	switch {
	case in != "" && out != "":
		return in + " " + t.marks.arrow + " " + out
	case in != "":
		return "in " + in
	case out != "":
		return "out " + out
	}
	return ""
}

// groups sorts the steps under their hooks, in the order in which they happened.
func (t *Text) groups(j *journey.Journey) []group {
	callers := explain.Callers(j.Steps)
	busy := busyChains(j.Steps)
	var groups []group
	for i := range j.Steps {
		s := &j.Steps[i]
		if s.Kind == journey.KindReturn && !hasPlace(s.Rule) && !decides(j, i) {
			continue
		}
		if len(groups) == 0 || opensGroup(&groups[len(groups)-1], s) {
			groups = append(groups, group{hook: s.Hook})
		}
		g := &groups[len(groups)-1]
		if g.in == "" {
			g.in = s.In
		}
		if g.out == "" {
			g.out = s.Out
		}
		switch led := slices.Contains(j.Outcome.Because, i); {
		case isQuiet(j, i, busy):
			g.quiet = append(g.quiet, chainName(s))
		case s.CT != nil && !led && len(g.rows) == 0 && g.ct == "":
			g.ct = stateWords(s.CT)
		default:
			g.rows = append(g.rows, t.stepRow(j, i, depth(callers, i)))
		}
	}
	return groups
}

func opensGroup(g *group, s *journey.Step) bool {
	if s.Hook == "" { // a change between two hooks stays where it was noticed
		return false
	}
	return g.hook != s.Hook || g.in != "" && s.In != "" && g.in != s.In || g.out != "" && s.Out != "" && g.out != s.Out
}

func depth(callers []int, i int) int {
	n := 0
	for c := callers[i]; c >= 0; c = callers[c] {
		n++
	}
	return n
}

// briefly joins names and says the words that neighbours share once:
// "legacy raw/mangle, inet fw early".
func briefly(names []string) string {
	var b strings.Builder
	last := ""
	for i, name := range names {
		head := name[:strings.LastIndex(name, " ")+1]
		switch {
		case i == 0:
			b.WriteString(name)
		case head == last:
			b.WriteString("/" + name[len(head):])
		default:
			b.WriteString(", " + name)
		}
		last = head
	}
	return b.String()
}

// chainKey tells base chains apart.
type chainKey struct {
	hook    ruleset.Hook
	backend ruleset.Backend
	family  string
	table   string
	chain   string
}

func keyOf(s *journey.Step) chainKey {
	return chainKey{s.Hook, s.Rule.Backend, s.Family, s.Rule.Table, s.Rule.Chain}
}

// busyChains are the chains of which more than a policy was met.
func busyChains(steps []journey.Step) map[chainKey]bool {
	busy := map[chainKey]bool{}
	for i := range steps {
		if steps[i].Rule != nil && steps[i].Kind != journey.KindPolicy {
			busy[keyOf(&steps[i])] = true
		}
	}
	return busy
}

func isQuiet(j *journey.Journey, i int, busy map[chainKey]bool) bool {
	s := &j.Steps[i]
	return s.Kind == journey.KindPolicy && s.Rule != nil && s.Verdict == ruleset.Accept &&
		!busy[keyOf(s)] && !decides(j, i) && !slices.Contains(j.Outcome.Because, i)
}

// decides reports whether step i ended the packet, or is the rule that let it
// pass. A policy that let it pass is no news.
func decides(j *journey.Journey, i int) bool {
	if j.Outcome.Step == nil || *j.Outcome.Step != i {
		return false
	}
	return j.Steps[i].Kind != journey.KindPolicy || j.Steps[i].Verdict != ruleset.Accept
}

func (t *Text) stepRow(j *journey.Journey, i, depth int) row {
	s := &j.Steps[i]
	r := row{depth: depth}
	switch {
	case s.NAT != nil:
		r = t.change(t.natWords(s.NAT), natDecider(s.NAT))
	case s.Mark != nil:
		r = t.change(markWords(s.Mark, t.marks.arrow), "")
	case s.CT != nil:
		r = t.change(line{{ctWords(s.CT), dim}}, "")
	case s.Device != nil:
		r = t.change(line{{s.Device.From + " " + t.marks.arrow + " " + s.Device.To, plain}}, s.Device.Why)
	case s.Rule != nil:
		r = t.ruleRow(s)
	default:
		r = t.change(line{{string(s.Kind), plain}}, "")
	}
	r.depth = depth
	switch {
	case decides(j, i):
		r.style = bold
		for k := range r.text {
			r.text[k].style = bold
		}
		r.tail = span{t.marks.decided + " " + string(j.Outcome.Result), resultStyle(j.Outcome.Result)}
	case slices.Contains(j.Outcome.Because, i):
		r.tail = span{t.marks.led, dim}
		if t.opt.Width == 0 || t.opt.Width >= wide {
			r.tail.text += " led there"
		}
	}
	return r
}

func (t *Text) ruleRow(s *journey.Step) row {
	r := row{table: t.clean(tableName(s)), chain: t.clean(s.Rule.Chain), rule: place(s)}
	if s.Rule.Doubt != "" {
		r.rule += "?"
	}
	switch {
	case s.Kind == journey.KindPolicy:
		r.text = line{{verdictWords(s), plain}}
		if s.Verdict == ruleset.Accept {
			r.style, r.text[0].style = dim, dim
		}
	case s.Rule.Text != "":
		r.text, r.isRule = line{{t.clean(explain.RuleText(s.Rule)), plain}}, true
	default:
		r.text = line{{t.clean(verdictWords(s)), plain}, {" (no text)", dim}}
	}
	return r
}

// change is a row about the packet itself.
func (t *Text) change(words line, why string) row {
	l := line{{t.marks.change + " ", dim}}
	for _, s := range words {
		l = append(l, span{t.clean(s.text), s.style})
	}
	if why != "" {
		l = append(l, span{"  " + t.clean(why), dim})
	}
	return row{text: l, aside: true}
}

func (t *Text) natWords(n *journey.NAT) line {
	var words []string
	words = append(words, side("src", n.Src, n.SPort, t.marks.arrow)...)
	words = append(words, side("dst", n.Dst, n.DPort, t.marks.arrow)...)
	return line{{strings.Join(words, ", "), plain}}
}

func natDecider(n *journey.NAT) string {
	if n.By == "entry" {
		return "decided by the flow's first packet"
	}
	return ""
}

func markWords(m *journey.Mark, arrow string) line {
	words := fmt.Sprintf("mark %#x %s %#x", m.From, arrow, m.To)
	if m.Mask != nil {
		words += fmt.Sprintf(" mask %#x", *m.Mask)
	}
	return line{{words, plain}}
}

// stateWords is what a rule usually asks conntrack for.
func stateWords(c *journey.CT) string {
	return strings.Join(strings.Fields("conntrack "+c.State+" "+c.Direction), " ")
}

func ctWords(c *journey.CT) string {
	words := append([]string{stateWords(c)}, c.Status...)
	if c.Zone != nil && *c.Zone != 0 {
		words = append(words, "zone "+strconv.Itoa(int(*c.Zone)))
	}
	if c.ID != nil {
		words = append(words, "id "+strconv.FormatUint(uint64(*c.ID), 10))
	}
	return strings.Join(words, " ")
}
