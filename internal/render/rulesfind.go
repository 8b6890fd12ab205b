package render

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// FoundView says how found rules are shown.
type FoundView struct {
	From rules.Origin
	// Proto and Port are what was asked for where it is one alone, for the question
	// to ask behind a translation.
	Proto string
	Port  string
	Where string // what the question needs to ask the same rules again, with a blank before it
}

// Found prints each base chain as an object, and behind it the rules that could match.
func (p *JSON) Found(f *rules.Found, v FoundView) error {
	for i := range f.Stops {
		at := &f.Stops[i]
		if err := p.enc.Encode(new(at.Entry(v.From, f.Family))); err != nil {
			return err
		}
		for h := range at.Hits.All() {
			if err := p.enc.Encode(new(h.Entry(v.From, at, f.Family))); err != nil {
				return err
			}
		}
	}
	for h := range f.Apart.All() {
		if err := p.enc.Encode(new(h.Entry(v.From, nil, f.Family))); err != nil {
			return err
		}
	}
	return nil
}

// Found prints the rules that could match, by hook, below each other as jumps
// lead from one to the next.
func (t *Text) Found(f *rules.Found, v FoundView) error {
	t.apart(other)
	head := familyTitle(f.Family)
	if v.From.Netns != nil && t.opt.Netns {
		head += " in network namespace " + t.clean(v.From.Netns.Name)
	}
	t.put(line{{head, bold}}, 0)
	s := &foundSheet{Text: t, view: v}
	for i := range f.Stops {
		if i == 0 || f.Stops[i-1].Where() != f.Stops[i].Where() {
			s.empty()
			s.heading(f.Stops[i].Where())
		}
		if err := s.stop(&f.Stops[i]); err != nil {
			return err
		}
	}
	s.empty()
	s.apartFrom(&f.Apart)
	t.flow(2, line{{foundWords(f), dim}})
	return t.flush()
}

func familyTitle(fam ruleset.Family) string {
	if fam == ruleset.IP6 {
		return "IPv6"
	}
	return "IPv4"
}

func foundWords(f *rules.Found) string {
	yes, maybe := 0, 0
	for i := range f.Stops {
		for h := range f.Stops[i].Hits.All() {
			switch {
			case h.Behind != nil:
			case h.Truth == ruleset.Yes:
				yes++
			default:
				maybe++
			}
		}
	}
	return fmt.Sprintf("%s matched by all such packets, %s by some; %d looked at", rulesWord(yes), rulesWord(maybe), f.Judged)
}

func rulesWord(n int) string { return count(int64(n), "rule") }

// foundSheet is found rules in columns.
type foundSheet struct {
	*Text
	view   FoundView
	chain  int      // width of the column
	number int      // width of the column
	quiet  []string // chains of the hook where nothing was found

	translated bool // some of the packets have another destination by now
}

// heading names a hook. Behind a translation it says of which packets the rest is told.
func (s *foundSheet) heading(hook string) {
	words := line{{hook, bold}}
	if s.translated {
		words = append(words, span{"  of packets that no rule above translated", dim})
	}
	s.put(words, 0)
}

// empty says in which chains of a hook nothing was found.
func (s *foundSheet) empty() {
	if len(s.quiet) > 0 {
		s.flow(4, line{{"  no rule for them: " + strings.Join(s.quiet, ", "), dim}})
		s.quiet = nil
	}
}

func (s *foundSheet) stop(at *rules.FoundStop) error {
	if at.Hits.Len() == 0 && (at.Chain.Policy != ruleset.Drop || at.Behind != nil) {
		words := s.clean(modelTable(at.Table) + " " + at.Chain.Name)
		if at.Chain.Policy != "" {
			words += " (policy " + string(at.Chain.Policy) + ")"
		}
		s.quiet = append(s.quiet, words)
		return nil
	}
	s.flow(6, s.stopWords(at)...)
	if at.Behind != nil {
		s.flow(6, line{{s.clean("    no such packet comes here, behind " + s.takerWords(at.Behind)), yellow}})
	}
	s.measure(&at.Hits)
	for h := range at.Hits.All() {
		s.hit(h, at.Behind == nil)
		if len(s.buf) >= manyBytes {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return s.flush()
}

// manyBytes are written at once.
const manyBytes = 64 << 10

func (s *foundSheet) stopWords(at *rules.FoundStop) []line {
	words := []line{
		{{"  " + priorityWords(at.Table.Family, at.Chain.Base), dim}},
		{{s.clean(modelTable(at.Table) + " " + at.Chain.Name), bold}},
	}
	if at.Chain.Base.Type == "nat" {
		words = append(words, line{{"asked for a flow's first packet", dim}})
	}
	if at.Chain.Policy == "" {
		return words
	}
	policy := "policy " + string(at.Chain.Policy)
	switch at.Policy {
	case ruleset.Yes:
		policy += " for all of them"
	case ruleset.No:
		policy += ", which none of them comes to"
	}
	st := plain
	if at.Chain.Policy == ruleset.Drop && at.Policy != ruleset.No {
		st = red
	}
	return append(words, line{{policy, st}})
}

func (s *foundSheet) measure(hits *rules.HitList) {
	s.chain, s.number = 0, 0
	for h := range hits.All() {
		s.chain = max(s.chain, 2*h.Depth()+columns(s.clean(h.Chain.Name)))
		s.number = max(s.number, 1+len(strconv.Itoa(h.Rule.Number)))
	}
}

// hit prints a rule, what it depends on and what it does to addresses.
func (s *foundSheet) hit(h *rules.Hit, comes bool) {
	indent := strings.Repeat(" ", 4+2*h.Depth())
	head := pad(indent+s.clean(h.Chain.Name), 4+s.chain) + gap + pad("#"+strconv.Itoa(h.Rule.Number), s.number) + gap
	truth, st := "matches    ", plain
	if h.Truth != ruleset.Yes {
		truth = "may match  "
	}
	if h.Behind != nil {
		truth, st = "not reached", dim
	}
	textStyle := st
	if st == plain {
		textStyle = ruleStyle(h.Rule)
	}
	head += truth + gap
	text, below := s.ruleText(h.Chain, h.Rule, columns(head)), strings.Repeat(" ", 4+s.chain+len(gap))
	if s.opt.Width > 0 && s.opt.Width-columns(head) < leastRule {
		below = indent + "  " + gap
		if whole := s.ruleText(h.Chain, h.Rule, columns(below)); whole != text {
			s.put(line{{head, st}}, 0)
			head, text = below, whole
		}
	}
	s.put(line{{head, st}, {text, textStyle}}, 0)
	s.aside(h, comes, below)
}

// leastRule is the columns with fewer of which a rule that is cut there gets a
// line of its own.
const leastRule = 60

// aside prints what is to be said of a hit, below its text.
func (s *foundSheet) aside(h *rules.Hit, comes bool, indent string) {
	say := func(words string, st style) { s.flow(len(indent)+2, line{{indent + s.clean(words), st}}) }
	if h.Behind != nil {
		if comes {
			say("behind "+s.takerWords(h.Behind), dim)
		}
		return
	}
	if needs := h.Needs(); len(needs) > 0 && !s.obvious(h, needs) {
		say("needs: "+strings.Join(needs, "; "), dim)
	}
	for _, told := range h.Told {
		say(toldWords(told), dim)
	}
	if n := h.NAT(); n != nil {
		s.sayNAT(n, indent)
		s.translated = s.translated || n.Kind != ruleset.SNAT && n.Kind != ruleset.Masquerade
	}
}

// sayNAT says what a translation means for the question, and what to ask next, on
// a line of its own where it would be broken.
func (s *foundSheet) sayNAT(n *rules.Translation, indent string) {
	words, ask := s.natWords(n)
	ask = s.clean(ask)
	if ask == "" {
		s.flow(len(indent)+2, line{{indent + s.clean(words), yellow}})
		return
	}
	words += ": "
	if s.opt.Width == 0 || columns(indent+words+ask) <= s.opt.Width {
		s.put(line{{indent + words + ask, yellow}}, 0)
		return
	}
	s.put(line{{indent + words, yellow}}, 0)
	s.put(line{{indent + gap + ask, yellow}}, 0)
}

func toldWords(t rules.Told) string {
	words := "chain " + t.Chain + " is told further up"
	if t.At != nil {
		words += ", below " + t.At.Chain.Name + " at " + t.At.Where()
	}
	return words
}

// obvious: a rule whose whole match is what it needs says so itself.
func (s *foundSheet) obvious(h *rules.Hit, needs []string) bool {
	text := strings.TrimPrefix(h.Rule.Text, "-A "+h.Chain.Name+" ")
	if from, to := xtComment(text); from < to {
		text = text[:from] + strings.TrimPrefix(text[to:], " ")
	}
	rest, whole := strings.CutPrefix(text, strings.Join(needs, " "))
	for _, end := range []string{" -j ", " -g ", " " + string(h.Rule.Effect.Verdict), " counter"} {
		if whole && strings.HasPrefix(rest, end) {
			return true
		}
	}
	return false
}

func (s *foundSheet) takerWords(r *rules.Ref) string {
	where := modelTable(r.Table) + " " + r.Chain.Name
	if r.Rule == nil {
		return "the policy of " + where + ", which drops them"
	}
	return "#" + strconv.Itoa(r.Rule.Number) + " of " + where + ", where the last of them are taken"
}

// natWords say what the packets are looked for behind a translation, and the
// command that asks for them.
func (s *foundSheet) natWords(n *rules.Translation) (words, ask string) {
	switch n.Kind {
	case ruleset.SNAT, ruleset.Masquerade:
		return strings.TrimSpace("from here on the source may be another " + n.To), ""
	case ruleset.DNAT:
		if n.To == "" {
			return "from here on the destination may be another, as the rule says", ""
		}
		return "from here on the destination may be " + n.To, "pktrail rules find " + s.again(n.To)
	}
	return "from here on the destination may be another: " + string(n.Kind), ""
}

// again is the destination in the words of the next question.
func (s *foundSheet) again(to string) string {
	if a, err := netip.ParseAddr(to); err == nil && s.view.Port != "" {
		to += ":" + s.view.Port
		if a.Is6() {
			to = "[" + a.String() + "]:" + s.view.Port
		}
	}
	if s.view.Proto != "" {
		to += "/" + s.view.Proto
	}
	return to + s.view.Where
}

// apartFrom prints the rules that no such packet comes to.
func (s *foundSheet) apartFrom(hits *rules.HitList) {
	if hits.Len() == 0 {
		return
	}
	s.put(line{{"in chains that no such packet comes to", bold}}, 0)
	s.measure(hits)
	for h := range hits.All() {
		s.hit(h, true)
	}
}
