package correlate

import (
	"maps"
	"math"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// A log and a capture hold no trace ids and no chains of ours. There a packet
// begins with its first line, and a line belongs to the open packet with its
// bytes, or with what translation leaves of them, that can come to the line's
// place next: the order of hooks, tables and, within a base chain, of rules.

// atLog is how a space of a log keeps its time.
type atLog struct {
	newest time.Time
	era    int // counts jumps back in time: another file, a clock that was set
	names  map[string]uint32
	named  uint32                  // how many names have got a number
	room   int                     // how many names and chains there may be until those of no use are forgotten
	texts  map[ruleset.Family]bool // families of which tables were read
}

const (
	// firstName numbers interfaces that a log names, away from those of the kernel.
	firstName = 1 << 24
	// eraJump is how far a log's time may go back by the kernel's writing from
	// several CPUs, or by syslog's whole seconds.
	eraJump = time.Minute
	// usualRoom is more interfaces and chains than hosts have; a log that goes on for
	// long names more, one after the other.
	usualRoom = 1 << 15
)

func (s *space) describeLog(n *event.Namespace) {
	s.netns = nil
	s.info.Links = maps.Clone(n.Links)
	if s.info.Links == nil {
		s.info.Links = map[uint32]string{}
	}
	s.story.names, s.story.texts = map[string]uint32{}, map[ruleset.Family]bool{}
	s.story.room = usualRoom
}

// tick takes note of the time of an event of a log.
func (l *atLog) tick(at time.Time) {
	switch {
	case at.After(l.newest):
		l.newest = at
	case l.newest.Sub(at) > eraJump:
		l.newest = at
		l.era++
	}
}

// number is the index under which the space keeps an interface that a log names.
func (s *space) number(name string) uint32 {
	if name == "" {
		return 0
	}
	n, ok := s.story.names[name]
	if !ok {
		n = firstName + s.story.named
		s.story.named++
		s.story.names[name], s.info.Links[n] = n, name
	}
	return n
}

// tidy forgets, when there are many, interfaces that no open packet has met, and
// chains of which nothing is known but their names: steps keep their own.
func (s *space) tidy() {
	if len(s.story.names) < s.story.room && len(s.chains) < s.story.room {
		return
	}
	used := map[uint32]bool{}
	for _, t := range s.c.trips {
		if t.sp != s {
			continue
		}
		used[t.in], used[t.out], used[t.firstIn] = true, true, true
		for i := range t.steps {
			used[t.steps[i].in], used[t.steps[i].out] = true, true
		}
	}
	for name, n := range s.story.names {
		if !used[n] {
			delete(s.story.names, name)
			delete(s.info.Links, n)
		}
	}
	for key, c := range s.chains {
		if c.text == nil && c.base == nil && !c.known {
			delete(s.chains, key)
			delete(s.lineChains, lineKey{key.table.Family, key.table.Name, key.name})
		}
	}
	s.story.room = max(usualRoom, 2*max(len(s.story.names), len(s.chains)))
}

// line takes a line of a log. Only TRACE lines make journeys; for others see Logged.
func (s *space) line(e *event.Event) {
	l := e.Line
	if l.Trace.Table == "" {
		return
	}
	v := s.lineSight(l, e.Time)
	s.lineStep(&v, &l.Trace)
}

func (s *space) lineSight(l *event.LogLine, at time.Time) sight {
	s.story.tick(written(l, at))
	s.tidy()
	v := sight{packet: logline.Packet(l), in: s.number(l.In), out: s.number(l.Out), mark: l.Mark, at: nanos(at), clock: clocks[l.Clock]}
	v.nfproto, v.written = uint8(v.packet.Family), nanos(written(l, at))
	v.noMark = l.Has&event.HasMark == 0 && l.Cut != 0
	return v
}

var clocks = map[event.Clock]journey.Clock{
	event.ClockWall: journey.ClockLog, event.ClockAssumed: journey.ClockAssumed, event.ClockUptime: journey.ClockUptime,
}

// written is when a line was written by the clock that tells most: the kernel's own,
// since syslog's stamps have whole seconds.
func written(l *event.LogLine, at time.Time) time.Time {
	if l.HasUptime {
		return time.Unix(0, int64(l.Uptime))
	}
	return at
}

// nanos is 0 for a time that is not known.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// lineStep adds the step of a TRACE line to its packet, or begins one.
func (s *space) lineStep(v *sight, line *event.TraceLine) {
	v.line = line
	hook, t, sure := s.findLine(v)
	priority := linePriority(line.Table, hook)
	if t == nil {
		t, sure = s.begin(v, 0, "match"), true
		t.era, t.clock = s.story.era, v.clock
		if line.Table != "raw" || !builtin(line.Chain) {
			t.missing |= missingStart
		}
	}
	t.inferred = t.inferred || !sure
	s.legacyStep(t, v, line, hook, priority)
}

// findLine finds the packet of a TRACE line, and the hook: a built-in chain's
// name tells it, else the interfaces leave two, and the packet is in one of them.
func (s *space) findLine(v *sight) (ruleset.Hook, *trip, bool) {
	hooks := lineHooks(v)
	for _, hook := range hooks {
		if t, sure := s.find(v, hook, linePriority(v.line.Table, hook)); t != nil {
			return hook, t, sure
		}
	}
	return hooks[0], nil, false
}

var builtinHooks = map[string][]ruleset.Hook{
	"PREROUTING":  {ruleset.Prerouting},
	"INPUT":       {ruleset.Input},
	"FORWARD":     {ruleset.Forward},
	"OUTPUT":      {ruleset.Output},
	"POSTROUTING": {ruleset.Postrouting},
}

func builtin(chain string) bool { return builtinHooks[chain] != nil }

// lineHooks are the hooks in which a line can have been written. Before Linux 5.11
// postrouting shows no interface that the packet came in by.
func lineHooks(v *sight) []ruleset.Hook {
	if hooks := builtinHooks[v.line.Chain]; hooks != nil {
		return hooks
	}
	switch {
	case v.in != 0 && v.out != 0:
		return []ruleset.Hook{ruleset.Forward, ruleset.Postrouting}
	case v.out != 0:
		return []ruleset.Hook{ruleset.Output, ruleset.Postrouting}
	}
	return []ruleset.Hook{ruleset.Prerouting, ruleset.Input}
}

// takes reports whether a packet that is at the hook and table of a TRACE line can
// have written it next: rules of a base chain come in order, and a user chain is
// entered from a line of its own table.
func (t *trip) takes(v *sight, hook ruleset.Hook) bool {
	var last *step
	for i := len(t.steps) - 1; i >= 0 && last == nil; i-- {
		if t.steps[i].line != 0 {
			last = &t.steps[i]
		}
	}
	if last == nil || t.hook != hook || last.chain.table.Name != v.line.Table {
		return builtin(v.line.Chain)
	}
	if !builtin(v.line.Chain) {
		return true
	}
	for i := len(t.steps) - 1; i >= 0; i-- {
		st := &t.steps[i]
		if st.line != 0 && st.hook == hook && st.chain.name == v.line.Chain && st.chain.table == last.chain.table {
			return int64(v.line.Number) > int64(st.number)
		}
	}
	return true
}

// legacyStep adds the step of a TRACE line to its packet.
func (s *space) legacyStep(t *trip, v *sight, line *event.TraceLine, hook ruleset.Hook, priority int32) {
	c := s.lineChain(ruleset.Family(v.nfproto), line)
	t.reach(hook, priority, priority)
	if v.noMark {
		v.mark = t.mark
	}
	t.see(v, true)
	st := step{time: v.at, chain: c, number: int32(min(line.Number, math.MaxInt32)), line: line.Type, kind: journey.KindRule}
	t.add(st)
	t.legacy = true
	if verdict := c.line(&st).verdict; verdict == ruleset.Drop || verdict == ruleset.Reject {
		t.end()
	}
}

// Logged reports whether a LOG line was written by the rule that an open packet
// of the same log met last, and notes there what it logged.
func (c *Correlator) Logged(e *event.Event) bool {
	if len(c.trips) == 0 || e.Kind != event.KindLine || e.Line.Trace.Table != "" {
		return false
	}
	s := c.space(e.Netns)
	p := logline.Packet(e.Line)
	t := s.byTuple[p.Tuple()]
	if t == nil || t.ended || t.now.ID != p.ID || t.now.Length != p.Length || t.now.Proto != p.Proto || len(t.steps) == 0 {
		return false
	}
	last := &t.steps[len(t.steps)-1]
	if last.line != event.LineRule || !last.mayLog() {
		return false
	}
	at := written(e.Line, e.Time)
	s.story.tick(at)
	t.last, t.heardAt = nanos(at), c.newest
	last.logged = e.Line.Prefix
	last.hasLogged = true
	return true
}

// mayLog reports whether the rule of a step logs, as far as is known.
func (st *step) mayLog() bool {
	r := st.chain.text.byNumber(st.number)
	return r == nil || !r.Effect.Known || r.Effect.Target == "LOG"
}

// idle is for how long nothing was heard of a packet. In a log it is over when its
// own host's lines are, or else all lines, have gone on without it.
func (t *trip) idle(now time.Time) time.Duration {
	s := t.sp
	if !s.info.Log {
		return now.Sub(time.Unix(0, t.last))
	}
	if t.era != s.story.era {
		return math.MaxInt64
	}
	return max(s.story.newest.Sub(time.Unix(0, t.last)), time.Duration(s.c.newest-t.heardAt))
}

// knows reports whether all is known that would have reported a packet.
func (s *space) knows(nfproto uint8) bool {
	if s.info.Log {
		return s.story.texts[ruleset.Family(nfproto)]
	}
	return s.allKnown
}

// settle concludes from a packet that was met further on what its policy lines
// said: rule or policy, it was accepted.
func settle(steps []journey.Step) {
	last := lastVerdict(steps)
	for i := range steps {
		st := &steps[i]
		if last == nil || i >= *last || st.Rule == nil || st.Rule.Backend != ruleset.Legacy {
			continue
		}
		next := &steps[*last]
		if st.Kind == journey.KindPolicy && st.Verdict == ruleset.Unknown && (next.Hook != st.Hook || next.Rule.Table != st.Rule.Table) {
			st.Verdict = ruleset.Accept
		}
	}
}
