package correlate

import (
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// hooksOf is enum nf_inet_hooks.
var hooksOf = [...]ruleset.Hook{ruleset.Prerouting, ruleset.Input, ruleset.Forward, ruleset.Output, ruleset.Postrouting}

// log takes a message of NFLOG group 0: a line of legacy TRACE, or something
// that somebody else logs there.
func (s *space) log(e *event.Event) {
	l := &e.Log
	if l.Line.Table == "" || int(l.Hook) >= len(hooksOf) {
		if !s.info.Log {
			s.otherLog()
		}
		return
	}
	v := sight{nfproto: l.Family, in: l.In, out: l.Out, mark: l.Mark, ct: l.CT, at: nanos(e.Time)}
	// What is cut short is kept as far as it goes.
	v.packet, _ = packet.DecodeIP(l.Payload)
	_ = packet.DecodeLink(l.LinkHeader, &v.packet)
	if s.info.Log {
		s.story.tick(e.Time)
		s.tidy()
		s.lineStep(&v, &l.Line)
		return
	}
	hook := hooksOf[l.Hook]
	priority := linePriority(l.Line.Table, hook)
	t, sure := s.find(&v, hook, priority)
	if t == nil {
		s.stray(0, &v, e.Time)
		return
	}
	t.inferred = t.inferred || !sure
	s.legacyStep(t, &v, &l.Line, hook, priority)
}

// lineChain is the chain of a legacy line. Until an inventory names it, a chain
// with a built-in name is known by the hook that the line came from.
func (s *space) lineChain(family ruleset.Family, line *event.TraceLine) *chain {
	key := lineKey{family, line.Table, line.Chain}
	if c, ok := s.lineChains[key]; ok {
		return c
	}
	return s.chain(chainKey{ruleset.TableKey{Backend: ruleset.Legacy, Family: key.family, Name: key.table}, key.name})
}

// linePriority is where a legacy table hangs at a hook
// (include/uapi/linux/netfilter_ipv4.h: enum nf_ip_hook_priorities).
func linePriority(table string, hook ruleset.Hook) int32 {
	switch table {
	case "raw":
		return -300
	case "mangle":
		return -150
	case "nat":
		if hook == ruleset.Prerouting || hook == ruleset.Output {
			return -100
		}
		return 100
	case "security":
		return 50
	}
	return 0
}

// lineMeaning is what a legacy line stands for, as far as the rules tell.
type lineMeaning struct {
	kind    journey.Kind
	verdict ruleset.Verdict
	rule    *ruleset.Rule
	doubt   string
}

// line reads a TRACE line by the rules of its chain. The kernel calls a rule
// without matches whose target is a plain verdict `return` in a user chain and
// `policy` in a base chain, with its own number; only the number tells that it
// is a rule (net/ipv4/netfilter/ip_tables.c: get_chainname_rulenum).
func (c *chain) line(st *step) lineMeaning {
	r := c.text.byNumber(st.number)
	end := c.text != nil && int(st.number) == len(c.text.rules)+1
	switch {
	case c.text == nil && st.line == event.LineRule:
		return lineMeaning{kind: journey.KindRule, verdict: ruleset.Unknown}
	case c.text == nil:
		return lineMeaning{kind: kindOf(st.line), verdict: ruleset.Unknown,
			doubt: "the kernel's line does not tell a rule without matches from the end of the chain, only the rules do"}
	case st.line == event.LineRule && r != nil, r != nil && r.Effect.Bare:
		return lineMeaning{kind: journey.KindRule, verdict: ruleVerdict(r), rule: r}
	case st.line == event.LinePolicy && end:
		return lineMeaning{kind: journey.KindPolicy, verdict: orUnknown(c.policy)}
	case st.line == event.LineReturn && end:
		return lineMeaning{kind: journey.KindReturn, verdict: ruleset.Return}
	}
	return lineMeaning{kind: kindOf(st.line), verdict: ruleset.Unknown, rule: r,
		doubt: "the chain has changed since its rules were read"}
}

func kindOf(line event.LineType) journey.Kind {
	switch line {
	case event.LineReturn:
		return journey.KindReturn
	case event.LinePolicy:
		return journey.KindPolicy
	}
	return journey.KindRule
}

func ruleVerdict(r *ruleset.Rule) ruleset.Verdict {
	if !r.Effect.Known {
		return ruleset.Unknown
	}
	return orUnknown(r.Effect.Verdict)
}

func orUnknown(v ruleset.Verdict) ruleset.Verdict {
	if v == "" {
		return ruleset.Unknown
	}
	return v
}
