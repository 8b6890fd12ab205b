package correlate

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// conclude says what became of the packet, as far as what was heard tells.
func (t *trip) conclude(j *journey.Journey) {
	o := &j.Outcome
	o.Because = []int{}
	doubtPassed(j.Steps)
	settle(j.Steps)
	if t.decided(j) {
		return
	}
	o.Step = lastVerdict(j.Steps)
	if t.missing&(missingLost|missingCrowded) != 0 {
		o.Result, o.Why = journey.ResultUnknown, "what came last was not heard: "+strings.Join(j.Missing, "; ")
		return
	}
	o.Result, o.Why = t.fate()
	switch {
	case o.Result != journey.ResultUnknown:
	case t.cut:
		ended := "the trace ended while this packet was on its way"
		if t.sp.info.Log {
			ended = "the packet lines of the log end while this packet was on its way"
		}
		if !t.ambiguous() {
			o.Why = ended
		}
		j.Complete, j.Missing = false, append(j.Missing, ended)
	case t.awaited():
		j.Complete = false
		j.Missing = append(j.Missing, fmt.Sprintf("what came after %s, if anything did: nothing was heard of it for %s", t.hook, t.sp.c.opt.Quiet))
	}
}

// awaited reports whether some chain would have told of the packet, had it come
// there: it was dropped between the hooks, or is held somewhere for longer than we wait.
func (t *trip) awaited() bool {
	if t.silent(t.hook, t.priority) != nil {
		return true
	}
	for _, hook := range []ruleset.Hook{ruleset.Input, ruleset.Forward, ruleset.Postrouting} {
		if t.hook != ruleset.Input && t.hook != hook && t.silent(hook, lowest) != nil {
			return true
		}
	}
	return false
}

// decided looks for the verdict that took the packet off its way.
func (t *trip) decided(j *journey.Journey) bool {
	for i := len(j.Steps) - 1; i >= 0; i-- {
		st := &j.Steps[i]
		if st.Kind != journey.KindRule && st.Kind != journey.KindPolicy {
			continue
		}
		o := &j.Outcome
		switch st.Verdict {
		case ruleset.Drop:
			o.Result = journey.Dropped
		case ruleset.Reject:
			o.Result, o.With = journey.Rejected, st.Rule.Effect.RejectWith
		case ruleset.Queue:
			o.Result = journey.Queued
		case ruleset.Stolen:
			o.Result, o.Why = journey.ResultUnknown, "a rule took the packet over (verdict stolen); what it did with it netfilter does not tell"
		default:
			return false
		}
		o.Step = &i
		return true
	}
	return false
}

// doubtPassed doubts legacy steps that would have ended the way of a packet that
// was seen further on.
func doubtPassed(steps []journey.Step) {
	last := lastVerdict(steps)
	for i := range steps {
		st := &steps[i]
		if last == nil || i >= *last || st.Rule == nil || st.Rule.Backend != ruleset.Legacy {
			continue
		}
		if st.Verdict != ruleset.Drop && st.Verdict != ruleset.Reject {
			continue
		}
		r := *st.Rule
		r.Doubt = "the packet went on behind it: the chain has changed since its rules were read"
		st.Rule, st.Verdict = &r, ruleset.Unknown
	}
}

func lastVerdict(steps []journey.Step) *int {
	for i := len(steps) - 1; i >= 0; i-- {
		switch k := steps[i].Kind; {
		case k == journey.KindRule, k == journey.KindPolicy, k == journey.KindReturn && steps[i].Verdict == ruleset.Unknown:
			return &i
		}
	}
	return nil
}

// fate concludes from how far the packet came and who would have reported it
// further on.
func (t *trip) fate() (journey.Result, string) {
	s := t.sp
	if t.ambiguous() {
		last := &t.steps[len(t.steps)-1]
		return journey.ResultUnknown, fmt.Sprintf("the last line of it names the end of chain %s in table %s (legacy), and may stand for rule %d there, one without any match: --rules FILE tells which",
			last.chain.name, last.chain.table.Name, last.number)
	}
	if !s.knows(t.nfproto) {
		return journey.ResultUnknown, fmt.Sprintf("last seen in %s; the chains of this %s are not known, so neither is who would have reported it next", t.hook, s.kind())
	}
	if c := t.silent(t.hook, t.priority); c != nil {
		return journey.ResultUnknown, fmt.Sprintf("not seen again in %s: %s comes next there and did not report it", t.hook, c.words())
	}
	switch t.hook {
	case ruleset.Input:
		return journey.Delivered, ""
	case ruleset.Forward:
		return t.leave(journey.Forwarded)
	case ruleset.Output:
		return t.leave(journey.Sent)
	case ruleset.Postrouting:
		if t.firstIn == 0 || t.out == 0 {
			return journey.Sent, ""
		}
		return journey.Forwarded, ""
	case ruleset.Prerouting:
		return journey.ResultUnknown, t.afterPrerouting()
	}
	return journey.ResultUnknown, fmt.Sprintf("last seen in %s, and nothing behind it reports packets", t.hook)
}

// kind is what a space stands for, in words.
func (s *space) kind() string {
	if s.info.Log {
		return "host"
	}
	return "namespace"
}

// ambiguous reports whether the last that was heard is a line that names the end of
// a chain, and may stand for a rule of it.
func (t *trip) ambiguous() bool {
	if !t.sp.info.Log || len(t.steps) == 0 {
		return false
	}
	last := &t.steps[len(t.steps)-1]
	return last.line != 0 && last.line != event.LineRule && last.chain.text == nil
}

// leave concludes for a packet that passed all of forward or output.
func (t *trip) leave(r journey.Result) (journey.Result, string) {
	if c := t.silent(ruleset.Postrouting, lowest); c != nil {
		return journey.ResultUnknown, fmt.Sprintf("not seen again after %s: %s in postrouting did not report it", t.hook, c.words())
	}
	return r, ""
}

// arrived reports whether nothing more can be heard of the packet.
func (t *trip) arrived() bool {
	if t.ended {
		return true
	}
	result, _ := t.fate()
	return result != journey.ResultUnknown
}

// lowest is below every priority.
const lowest = -1 << 31

func (t *trip) afterPrerouting() string {
	in, fwd := t.silent(ruleset.Input, lowest), t.silent(ruleset.Forward, lowest)
	if fwd == nil {
		fwd = t.silent(ruleset.Postrouting, lowest)
	}
	switch {
	case t.now.IsFragment():
		return "one part of a fragmented packet, last seen in prerouting: defragmentation keeps it until the others have come"
	case in != nil && fwd != nil:
		return fmt.Sprintf("not seen again after prerouting: neither %s (to this host) nor %s (forwarded) reported it. "+
			"The routing decision lies between: no route, reverse-path filter, forwarding off, TTL", in.words(), fwd.words())
	case in != nil:
		return fmt.Sprintf("not handed to this host, or %s in input would have reported it; it was forwarded, which no chain here reports, or routing dropped it", in.words())
	case fwd != nil:
		return fmt.Sprintf("not forwarded, or %s would have reported it; it was handed to this host, which no chain here reports, or routing dropped it", fwd.words())
	}
	return "last seen in prerouting: routing comes next, and no chain behind it would report the packet"
}

// silent is the first base chain at a hook, behind a priority, that reports every
// traced packet which passes. One that did not was never reached.
func (t *trip) silent(hook ruleset.Hook, after int32) *chain {
	var first *chain
	for _, c := range t.sp.bases {
		if c.base.Hook != hook || c.base.Priority <= after || !sees(c.table.Family, t.nfproto) {
			continue
		}
		if first == nil || c.base.Priority < first.base.Priority {
			first = c
		}
	}
	return first
}

func (c *chain) words() string {
	if c.own != nil {
		return "our own chain at priority " + fmt.Sprint(c.own.Priority)
	}
	if c.table.Backend == ruleset.Legacy {
		return fmt.Sprintf("chain %s of legacy table %s", c.name, c.table.Name)
	}
	return fmt.Sprintf("chain %s of table %s %s", c.name, c.table.Family, c.table.Name)
}
