package check

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

// manyComparisons bounds what is compared in one chain.
const manyComparisons = 2_000_000

// shadowed finds rules that can never match, since one before them in their
// chain takes every packet that they would.
func shadowed(h *host) (found []doctor.Finding) {
	for _, t := range h.tables {
		ends := &enders{chains: h.chains[t], known: map[string]bool{}, rewrites: rewrites(t)}
		for _, c := range t.Chains {
			s := newShadows(ends)
			s.search(t, c)
			for _, r := range s.never {
				h.never[r] = true
			}
			if len(s.wrong) > 0 {
				found = append(found, shadowedFinding(t, c, s.wrong))
			}
			if len(s.idle) > 0 {
				found = append(found, redundantFinding(t, c, s.idle))
			}
			if s.stopped > 0 {
				found = append(found, doctor.Finding{
					ID: "rule-shadowed", Severity: doctor.Info, Certainty: doctor.Suspect,
					Title: fmt.Sprintf("%s is too long to compare every rule with every other: from rule %d on shadowed rules may be missing here", chainName(t, c), s.stopped),
				})
			}
		}
	}
	return found
}

func shadowedFinding(t *ruleset.Table, c *ruleset.Chain, evidence []doctor.Evidence) doctor.Finding {
	return doctor.Finding{
		ID: "rule-shadowed", Severity: doctor.Low, Certainty: doctor.Certain,
		Title:    fmt.Sprintf("%s of %s can never match: an earlier rule takes all their packets", count(len(evidence), "rule"), chainName(t, c)),
		Evidence: bounded(evidence),
		Fix:      []string{"delete the later rule, or move it before the one that takes its packets"},
	}
}

// endOfBridge: the last rule of a chain that ebtables-nft made is what ebtables
// calls the chain's policy.
func endOfBridge(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule) bool {
	return t.Family == ruleset.Bridge && c.Base == nil && len(r.When) == 0
}

// redundantFinding is no trouble: without these rules the same would become of
// every packet.
func redundantFinding(t *ruleset.Table, c *ruleset.Chain, evidence []doctor.Evidence) doctor.Finding {
	return doctor.Finding{
		ID: "rule-redundant", Severity: doctor.Info, Certainty: doctor.Certain,
		Title:    fmt.Sprintf("%s of %s can never match, and nothing is lost by it: an earlier rule takes all their packets", count(len(evidence), "rule"), chainName(t, c)),
		Evidence: bounded(evidence),
	}
}

// shadows are the rules so far of a chain that take packets for good, found by
// a value that they ask for.
type shadows struct {
	ends    *enders
	general []*ruleset.Rule
	exact   map[exactly][]*ruleset.Rule
	changed int // the last rule so far that may have changed what packets carry
	// rewritten is the last one that may have written into their headers.
	rewritten int
	never     []*ruleset.Rule // that can never match
	wrong     []doctor.Evidence
	idle      []doctor.Evidence // of rules that would change nothing
	left      int
	stopped   int // the rule from which on there was no time
}

type exactly struct {
	field ruleset.Field
	value ruleset.Value
}

func newShadows(ends *enders) *shadows {
	return &shadows{ends: ends, exact: map[exactly][]*ruleset.Rule{}, left: manyComparisons}
}

func (s *shadows) search(t *ruleset.Table, c *ruleset.Chain) {
	for i := range c.Rules {
		r := &c.Rules[i]
		if !r.Known {
			continue
		}
		facts, possible := factsOf(r)
		if by := s.taker(r, facts); by != nil && possible {
			s.note(r, by, net(r, by) || i == len(c.Rules)-1 && endOfBridge(t, c, r))
		}
		if s.left < 0 {
			s.stopped = r.Number
			return
		}
		if s.takes(r) {
			s.remember(r)
		}
		if changes(r) {
			s.changed = r.Number
		}
		if s.rewrites(r) {
			s.rewritten = r.Number
		}
	}
}

// note keeps that a rule can never match, since another takes its packets; meant
// where that is no fault.
func (s *shadows) note(r, by *ruleset.Rule, meant bool) {
	s.never = append(s.never, r)
	e := doctor.Evidence{What: fmt.Sprintf("rule %d: %s", r.Number, r.Text), Is: fmt.Sprintf("taken by rule %d: %s", by.Number, by.Text)}
	if meant || sameEnd(r, by) {
		s.idle = append(s.idle, e)
		return
	}
	s.wrong = append(s.wrong, e)
}

// sameEnd reports whether all that r does to a packet another does as well.
func sameEnd(r, by *ruleset.Rule) bool {
	if r.Text == by.Text {
		return true
	}
	e, o := &r.Effect, &by.Effect
	final := e.Verdict == ruleset.Accept || e.Verdict == ruleset.Drop || e.Verdict == ruleset.Return
	more := e.NAT != "" || o.NAT != "" || e.SetsMark || e.Rewrites || len(e.WritesSets) > 0
	return e.Known && final && e.Verdict == o.Verdict && e.Target == o.Target && !more && !doesMore(r.Text)
}

// doesMore reports whether a rule of nft does something beside its verdict.
func doesMore(text string) bool {
	return slices.ContainsFunc([]string{" log", " set ", " dup ", " quota ", " queue"}, func(word string) bool { return strings.Contains(" "+text, word) })
}

// net: a last rule for all packets that are left, behind a chain from which none
// comes back, stands there for the day on which one does.
func net(r, by *ruleset.Rule) bool {
	return len(r.When) == 0 && (by.Effect.Verdict == ruleset.Jump || by.Effect.Verdict == ruleset.Goto)
}

// rewrites reports whether headers of packets that go on behind a rule may be
// others than before: it writes into them, or a chain of the table does that it
// may call.
func (s *shadows) rewrites(r *ruleset.Rule) bool {
	calls := slices.ContainsFunc(ways(r, nil), func(w way) bool { return w.verdict == ruleset.Jump })
	return r.Effect.Rewrites || calls && s.ends.rewrites
}

// changes reports whether packets that go on behind a rule may be others than
// before: it, or a chain that it calls, sets their mark or more.
func changes(r *ruleset.Rule) bool {
	e := &r.Effect
	switch e.Verdict {
	case ruleset.Jump:
		return true
	case ruleset.Continue:
		return e.SetsMark || e.Target != "" && e.Target != "LOG" && e.Target != "NFLOG" || strings.Contains(r.Text, " set ")
	}
	return !e.Known
}

// lasting reports whether what a condition looks at stays as it is while a
// packet goes through chains, whatever their rules do but for nft's own
// statements that write headers.
func lasting(c *ruleset.Condition) bool {
	for _, f := range c.Fields {
		switch f {
		case ruleset.NFProto, ruleset.IPSource, ruleset.IPDest, ruleset.IP6Source, ruleset.IP6Dest, ruleset.L4Proto,
			ruleset.SourcePort, ruleset.DestPort, ruleset.ICMPType, ruleset.ICMPCode, ruleset.ICMP6Type, ruleset.ICMP6Code,
			ruleset.InName, ruleset.OutName, ruleset.InIndex, ruleset.OutIndex, ruleset.PhysIn, ruleset.PhysOut:
		default:
			return false
		}
	}
	return !slices.ContainsFunc(c.Any, func(one ruleset.Condition) bool { return !lasting(&one) })
}

// takes reports whether no packet that matches the rule comes to the next one,
// today and tomorrow: what sets hold changes.
func (s *shadows) takes(r *ruleset.Rule) bool {
	return s.ends.final(r) && !slices.ContainsFunc(r.When, passing)
}

// passing reports whether it changes which packets a condition takes.
func passing(c ruleset.Condition) bool {
	return c.Why != "" || c.Set != "" || c.Chooses || slices.ContainsFunc(c.Any, passing)
}

// remember keeps a rule by the value that it asks for that the fewest others do.
func (s *shadows) remember(r *ruleset.Rule) {
	var best *exactly
	for i := range r.When {
		if key, is := exact(&r.When[i]); is && (best == nil || len(s.exact[key]) < len(s.exact[*best])) {
			best = &key
		}
	}
	if best == nil {
		s.general = append(s.general, r)
		return
	}
	s.exact[*best] = append(s.exact[*best], r)
}

// exact is the one value that a condition leaves its field.
func exact(c *ruleset.Condition) (key exactly, is bool) {
	if len(c.Fields) != 1 || c.Mask != (ruleset.Value{}) || c.Not || len(c.Rows) != 1 {
		return exactly{}, false
	}
	only := c.Rows[0].Ranges[0]
	return exactly{c.Fields[0], only.From}, only.From == only.To
}

// taker is the first rule that takes all packets of r, or nil.
func (s *shadows) taker(r *ruleset.Rule, facts ruleset.Facts) (first *ruleset.Rule) {
	consider := func(candidates []*ruleset.Rule) {
		for _, a := range candidates {
			s.left--
			if (first == nil || a.Number < first.Number) && s.still(a) && covers(a, r, facts) {
				first = a
				return
			}
		}
	}
	consider(s.general)
	for field, ranges := range facts {
		if len(ranges) == 1 && ranges[0].From == ranges[0].To {
			consider(s.exact[exactly{field, ranges[0].From}])
		}
	}
	return first
}

// still reports whether what an earlier rule asked for is as it was.
func (s *shadows) still(a *ruleset.Rule) bool {
	if s.rewritten >= a.Number && len(a.When) > 0 {
		return false
	}
	return s.changed < a.Number || !slices.ContainsFunc(a.When, func(c ruleset.Condition) bool { return !lasting(&c) })
}

// covers reports whether a matches whatever b matches.
func covers(a, b *ruleset.Rule, facts ruleset.Facts) bool {
	for i := range a.When {
		if c := &a.When[i]; c.Judge(facts) != ruleset.Yes && !asks(b, c) {
			return false
		}
	}
	return true
}

// asks reports whether a rule has the same condition.
func asks(r *ruleset.Rule, c *ruleset.Condition) bool {
	for i := range r.When {
		d := &r.When[i]
		if d.Not == c.Not && d.Mask == c.Mask && d.Why == "" && c.Why == "" && reflect.DeepEqual(d.Fields, c.Fields) &&
			reflect.DeepEqual(d.Rows, c.Rows) && reflect.DeepEqual(d.Any, c.Any) {
			return true
		}
	}
	return false
}

// enders knows which rules and chains let no packet go on behind them.
type enders struct {
	chains map[string]*ruleset.Chain
	known  map[string]bool // false also while a chain is being looked at
	// rewrites: some rule of the table writes into headers.
	rewrites bool
}

func rewrites(t *ruleset.Table) bool {
	return slices.ContainsFunc(t.Chains, func(c *ruleset.Chain) bool {
		return slices.ContainsFunc(c.Rules, func(r ruleset.Rule) bool { return r.Effect.Rewrites })
	})
}

// final reports whether what matches the rule does not come to the next.
func (e *enders) final(r *ruleset.Rule) bool {
	for _, w := range ways(r, nil) {
		switch w.verdict {
		case ruleset.Accept, ruleset.Drop, ruleset.Reject, ruleset.Return, ruleset.Goto, ruleset.Stolen:
		case ruleset.Jump:
			if !e.chain(w.target) {
				return false
			}
		default:
			return false
		}
	}
	return r.Effect.Known
}

// chain reports whether no packet comes back from a chain.
func (e *enders) chain(name string) bool {
	if ends, known := e.known[name]; known {
		return ends
	}
	e.known[name] = false
	c := e.chains[name]
	if c == nil {
		return false
	}
	e.known[name] = e.keeps(c)
	return e.known[name]
}

func (e *enders) keeps(c *ruleset.Chain) bool {
	for i := range c.Rules {
		r := &c.Rules[i]
		for _, w := range ways(r, nil) {
			if w.verdict == ruleset.Return || w.verdict == ruleset.Unknown || w.verdict == ruleset.Goto && !e.chain(w.target) {
				return false
			}
		}
		if r.Known && len(r.When) == 0 && e.final(r) {
			return true
		}
	}
	return false
}
