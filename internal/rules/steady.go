package rules

import (
	"cmp"

	"github.com/pktrail/pktrail/ruleset"
)

// steady is how far what a question says of packets at one rule was so at the
// rules before. What it says is of packets as they come to a rule.
type steady struct {
	wavers     bool // rules may change it at any place
	translates bool // NAT may change it, at the places of NAT
}

func steadyFor(q *Question, tables []*ruleset.Table) (s steady) {
	marks, headers, addresses := q.mentions()
	for _, t := range tables {
		for _, c := range t.Chains {
			s.translates = s.translates || addresses && nats(t, c, q.Family)
			for i := range c.Rules {
				e := &c.Rules[i].Effect
				s.wavers = s.wavers || marks && e.SetsMark || headers && e.Rewrites
			}
		}
	}
	return s
}

// nats reports whether a base chain brings NAT to packets of a family: it
// translates whatever a flow was given before, also against its rules of today.
func nats(t *ruleset.Table, c *ruleset.Chain, fam ruleset.Family) bool {
	return c.Base != nil && c.Base.Type == "nat" && (t.Family == fam || t.Family == ruleset.Inet)
}

// mentions tells what the question is about: the mark, what stands in headers,
// and of this what NAT changes.
func (q *Question) mentions() (marks, headers, addresses bool) {
	marks = q.mark != nil
	for _, f := range q.Forms {
		for field := range f {
			switch field {
			case ruleset.Mark:
				marks = true
			case ruleset.InName, ruleset.OutName:
			case ruleset.IPSource, ruleset.IPDest, ruleset.IP6Source, ruleset.IP6Dest, ruleset.SourcePort, ruleset.DestPort:
				headers, addresses = true, true
			default:
				headers = true
			}
		}
	}
	return marks, headers, addresses
}

// end is a stop that no packet goes on from, and the rule or policy that drops
// the last of them.
type end struct {
	at  Stop
	ref *Ref
}

type ends struct {
	steady
	all []end
}

// add keeps what drops all packets at a stop, if those at later ones are the
// same. A chain of nat is asked for the first packet of a flow alone.
func (e *ends) add(s Stop, ref *Ref) {
	if !e.wavers && s.Chain.Base.Type != "nat" {
		e.all = append(e.all, end{s, ref})
	}
}

// before is what dropped all packets on each way to a stop.
func (e *ends) before(s *Stop) *Ref {
	if layerOf(s.Table.Family, s.Chain.Base.Hook) != ipLayer {
		return nil
	}
	hook := s.Chain.Base.Hook
	if ref := e.at(hook, s); ref != nil {
		return ref
	}
	switch hook {
	case ruleset.Input, ruleset.Forward:
		return e.at(ruleset.Prerouting, s)
	case ruleset.Postrouting:
		if e.at(ruleset.Output, s) != nil {
			return cmp.Or(e.at(ruleset.Forward, s), e.at(ruleset.Prerouting, s))
		}
	}
	return nil
}

// at is what drops every packet at a hook of IP before it comes to a stop.
func (e *ends) at(hook ruleset.Hook, s *Stop) *Ref {
	for i := range e.all {
		one := &e.all[i].at
		if one.Chain.Base.Hook == hook && layerOf(one.Table.Family, hook) == ipLayer && !one.Ties(s) && e.same(one, s) {
			return e.all[i].ref
		}
	}
	return nil
}

// same reports whether packets have the same addresses at both stops.
func (e *ends) same(a, b *Stop) bool {
	if !e.translates {
		return true
	}
	first, second := a.side(), b.side()
	return first == second && first != unsure && (first == within || a.Chain.Base.Hook == b.Chain.Base.Hook)
}

// side is where a stop lies of the place at its hook where NAT translates.
type side uint8

const (
	unsure side = iota // NAT's own priority: which is first the kernel does not tell
	outside
	within // behind the translation of the destination, and before that of the source
)

func (s *Stop) side() side {
	place, before, behind := int32(100), within, outside // NF_IP_PRI_NAT_SRC
	switch s.Chain.Base.Hook {
	case ruleset.Forward:
		return within
	case ruleset.Prerouting, ruleset.Output:
		place, before, behind = -100, outside, within // NF_IP_PRI_NAT_DST
	}
	switch {
	case s.Runs < place:
		return before
	case s.Runs > place:
		return behind
	case s.Chain.Base.Type == "nat":
		return before
	}
	return unsure
}
