package render

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// RulesView says what is shown of rules.
type RulesView struct {
	From     rules.Origin
	Counters bool
}

// Rules prints each chain as an object, and behind it each of its rules.
func (p *JSON) Rules(l *rules.Layout, v RulesView) error {
	for i := range l.Places {
		at := &l.Places[i]
		if err := p.calls(at.Before, v); err != nil {
			return err
		}
		if !at.Folded {
			if err := p.chain(at.Entry(v.From), at.Table, at.Chain, v); err != nil {
				return err
			}
		}
		if err := p.leaves(at.Reached, true, v); err != nil {
			return err
		}
		if err := p.calls(at.Behind, v); err != nil {
			return err
		}
	}
	return p.leaves(l.Unreached, false, v)
}

func (p *JSON) calls(all []rules.Call, v RulesView) error {
	for i := range all {
		e := all[i].Entry(v.From)
		if err := p.enc.Encode(&e); err != nil {
			return err
		}
	}
	return nil
}

func (p *JSON) leaves(all []rules.Leaf, reached bool, v RulesView) error {
	for i := range all {
		if err := p.chain(all[i].Entry(v.From, reached), all[i].Table, all[i].Chain, v); err != nil {
			return err
		}
	}
	return nil
}

func (p *JSON) chain(e rules.ChainEntry, t *ruleset.Table, c *ruleset.Chain, v RulesView) error {
	if !v.Counters {
		e.Seen = rules.Seen{}
	}
	if err := p.enc.Encode(&e); err != nil {
		return err
	}
	for i := range c.Rules {
		r := rules.Ref{Table: t, Chain: c, Rule: &c.Rules[i]}.Entry(v.From)
		if !v.Counters {
			r.Seen = rules.Seen{}
		}
		if err := p.enc.Encode(&r); err != nil {
			return err
		}
	}
	return nil
}

// Rules prints chains by hook and priority, each with its rules, and behind a
// base chain those that it leads to.
func (t *Text) Rules(l *rules.Layout, v RulesView) error {
	t.apart(other)
	if v.From.Netns != nil && t.opt.Netns {
		t.put(line{{"network namespace " + t.clean(v.From.Netns.Name), bold}}, 0)
	}
	s := &ruleSheet{Text: t, view: v}
	s.measure(l)
	for i := range l.Places {
		if err := s.place(l, i); err != nil {
			return err
		}
	}
	if len(l.Unreached) > 0 {
		if len(l.Places) > 0 {
			t.put(nil, 0)
		}
		t.put(line{{"reached by no rule of a base chain", bold}}, 0)
	}
	for i := range l.Unreached {
		if err := s.leaf(&l.Unreached[i], true); err != nil {
			return err
		}
	}
	for _, b := range l.Bare {
		t.put(line{{"table " + t.clean(modelTable(b)) + " has no chains", dim}}, 0)
	}
	if len(l.Places)+len(l.Unreached)+len(l.Bare) == 0 {
		t.put(line{{"no rules", dim}}, 0)
	}
	return t.flush()
}

// ruleSheet is rules in columns.
type ruleSheet struct {
	*Text
	view                   RulesView
	number, packets, bytes int // widths of the columns
	counted                bool
	headed                 bool
}

func (s *ruleSheet) measure(l *rules.Layout) {
	s.number, s.packets, s.bytes = 1, len("packets"), len("bytes")
	for i := range l.Places {
		s.measureChain(l.Places[i].Chain)
		s.measureLeaves(l.Places[i].Reached)
	}
	s.measureLeaves(l.Unreached)
}

func (s *ruleSheet) measureLeaves(all []rules.Leaf) {
	for i := range all {
		s.measureChain(all[i].Chain)
	}
}

func (s *ruleSheet) measureChain(c *ruleset.Chain) {
	s.number = max(s.number, len(strconv.Itoa(len(c.Rules))))
	for i := range c.Rules {
		if n := c.Rules[i].Counter; n != nil && s.view.Counters {
			s.counted = true
			s.packets = max(s.packets, digits(n.Packets))
			s.bytes = max(s.bytes, digits(n.Bytes))
		}
	}
}

func digits(n uint64) (d int) {
	for d = 1; n >= 10; d++ {
		n /= 10
	}
	return d
}

func (s *ruleSheet) place(l *rules.Layout, i int) error {
	p := &l.Places[i]
	if i == 0 || l.Places[i-1].Where() != p.Where() {
		if i > 0 {
			s.put(nil, 0)
		}
		s.put(line{{p.Where(), bold}}, 0)
	}
	s.calls(p.Before)
	s.flow(6, s.baseWords(p)...)
	if !p.Folded {
		if err := s.rules(p.Chain); err != nil {
			return err
		}
	}
	for k := range p.Reached {
		if err := s.leaf(&p.Reached[k], false); err != nil {
			return err
		}
	}
	s.calls(p.Behind)
	return nil
}

// baseWords are a base chain's priority, name, policy and what is to be minded.
func (s *ruleSheet) baseWords(p *rules.Place) []line {
	b := p.Chain.Base
	words := []line{{{"  " + priorityWords(p.Table.Family, b), dim}}}
	words = append(words, line{{s.clean(modelTable(p.Table) + " " + p.Chain.Name), bold}})
	if b.Type == "nat" || b.Type == "route" {
		words = append(words, line{{"type " + b.Type, plain}})
	}
	if len(b.Device) > 0 {
		words = append(words, line{{s.clean("device " + strings.Join(b.Device, ", ")), plain}})
	}
	if p.Chain.Policy != "" {
		words = append(words, s.policyWords(p.Chain))
	}
	if p.Runs != b.Priority {
		words = append(words, line{{fmt.Sprintf("NAT asks it, at %d", p.Runs), dim}})
	}
	if p.Tied {
		words = append(words, line{{"as others of this priority: the one made last runs first", dim}})
	}
	return words
}

func (s *ruleSheet) policyWords(c *ruleset.Chain) line {
	st := plain
	if c.Policy == ruleset.Drop {
		st = red
	}
	words := line{{"policy " + string(c.Policy), st}}
	if n := c.PolicyCounter; n != nil && s.view.Counters {
		words = append(words, span{fmt.Sprintf(": %d packets, %d bytes", n.Packets, n.Bytes), plain})
	}
	return words
}

// leaf prints a chain that rules lead to, and which.
func (s *ruleSheet) leaf(f *rules.Leaf, unreached bool) error {
	head := "  chain " + f.Chain.Name
	if unreached {
		head = "  " + modelTable(f.Table) + " " + f.Chain.Name
	}
	words := []line{{{"  " + s.clean(head), bold}}}
	if f.Ways > 0 {
		words = append(words, line{{s.clean("from " + s.fromWords(f)), dim}})
	}
	if len(f.Chain.Rules) == 0 {
		words = append(words, line{{"empty", dim}})
	}
	s.flow(6, words...)
	return s.rules(f.Chain)
}

func (s *ruleSheet) fromWords(f *rules.Leaf) string {
	var all []string
	for _, r := range f.From {
		all = append(all, r.Chain.Name+" #"+strconv.Itoa(r.Rule.Number))
	}
	words := strings.Join(all, ", ")
	if more := f.Ways - len(f.From); more > 0 {
		words += fmt.Sprintf(" and %d more", more)
	}
	return words
}

const sheetBlock = 1 << 16 // bytes of rules that are written together

func (s *ruleSheet) rules(c *ruleset.Chain) error {
	if len(c.Rules) > 0 && s.counted && !s.headed {
		s.headed = true
		s.put(line{{"      " + left("#", s.number) + gap + left("packets", s.packets) + gap + left("bytes", s.bytes), dim}}, 0)
	}
	for i := range c.Rules {
		s.rule(c, &c.Rules[i])
		if len(s.buf) > sheetBlock {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *ruleSheet) rule(c *ruleset.Chain, r *ruleset.Rule) {
	head := "      " + left(strconv.Itoa(r.Number), s.number) + gap
	if s.counted {
		packets, bytes := "-", "-"
		if n := r.Counter; n != nil {
			packets, bytes = strconv.FormatUint(n.Packets, 10), strconv.FormatUint(n.Bytes, 10)
		}
		head += left(packets, s.packets) + gap + left(bytes, s.bytes) + gap
	}
	s.put(line{{head, dim}, {s.ruleText(c, r, len(head)), ruleStyle(r)}}, 0)
}

// ruleText is a rule's text without its chain, cut to the width beside so many columns.
func (t *Text) ruleText(c *ruleset.Chain, r *ruleset.Rule, beside int) string {
	text := t.clean(strings.TrimPrefix(r.Text, "-A "+c.Name+" "))
	if text == "-A "+c.Name {
		text = "(no match, no target)"
	}
	if t.opt.Width == 0 {
		return text
	}
	return shorten(text, max(t.opt.Width-beside, leastCut), t.marks.ellipsis)
}

func ruleStyle(r *ruleset.Rule) style {
	if r.Effect.Verdict == ruleset.Drop || r.Effect.Verdict == ruleset.Reject {
		return red
	}
	return plain
}

// left pads in front.
func left(s string, n int) string { return strings.Repeat(" ", max(n-len(s), 0)) + s }

// modelTable names a table with its family, "legacy" before those that nft does not see.
func modelTable(t *ruleset.Table) string {
	words := t.Family.String() + " " + t.Name
	if t.Backend == ruleset.Legacy {
		return "legacy " + words
	}
	return words
}

// priorityWords are nft's name of a priority, and the number.
func priorityWords(fam ruleset.Family, b *ruleset.Base) string {
	n := strconv.Itoa(int(b.Priority))
	if name := priorityName(fam, b); name != "" {
		return name + " (" + n + ")"
	}
	return "priority " + n
}

// priorityName is that of nft(8): names of bridges are other numbers.
func priorityName(fam ruleset.Family, b *ruleset.Base) string {
	if fam == ruleset.Bridge {
		return map[int32]string{-300: "dstnat", -200: "filter", 100: "out", 300: "srcnat"}[b.Priority]
	}
	if fam == ruleset.ARP || fam == ruleset.Netdev {
		return map[int32]string{0: "filter"}[b.Priority]
	}
	name := map[int32]string{-300: "raw", -150: "mangle", -100: "dstnat", 0: "filter", 50: "security", 100: "srcnat"}[b.Priority]
	if name == "srcnat" && b.Hook != ruleset.Postrouting && b.Hook != ruleset.Input ||
		name == "dstnat" && b.Hook != ruleset.Prerouting && b.Hook != ruleset.Output {
		return ""
	}
	return name
}
