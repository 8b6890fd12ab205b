package logfile

import (
	"bytes"
	"fmt"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

// emitter hands events over in the order of the lines.
type emitter struct {
	source *Source
	emit   func([]event.Event)

	hosts    map[string]uint16
	host     string // of the last line
	netns    uint16
	crowded  bool
	last     time.Time // of the last line with a time
	bads     int
	oneEvent [1]event.Event
}

func newEmitter(s *Source, emit func([]event.Event)) *emitter {
	return &emitter{source: s, emit: emit, hosts: map[string]uint16{}}
}

func (e *emitter) one(ev event.Event) {
	e.oneEvent[0] = ev
	e.emit(e.oneEvent[:])
}

func (e *emitter) note(text string) { e.noteAt(e.last, text) }

func (e *emitter) noteAt(at time.Time, text string) {
	e.one(event.Event{Kind: event.KindNote, Time: at, Note: text})
}

// chunk emits what a worker found in a chunk, lets w find the rest, and returns
// how many events that were.
func (e *emitter) chunk(c *chunk, w *worker) int {
	in := c.in
	in.next = c.next
	in.binary += c.binary
	if c.longEnd >= 0 {
		e.longEnded(in, c.longEnd)
	}
	n := e.found(c)
	for w.more(c) {
		n += e.found(c)
	}
	if c.longAt >= 0 {
		e.longBegan(c)
	}
	e.trouble(c)
	return n
}

func (e *emitter) found(c *chunk) int {
	c.in.lines += c.counts.Lines + c.counts.Skipped
	e.times(c)
	e.events(c)
	e.source.count(c.counts)
	return len(c.events)
}

// trouble says why there is nothing behind a chunk.
func (e *emitter) trouble(c *chunk) {
	if c.err != nil {
		e.source.count(Counts{Broken: 1})
	}
	switch in := c.in; {
	case c.err != nil && in.packed != "":
		e.note(fmt.Sprintf("%s: cannot be read to its end: %s: %v", in.name, in.packed, c.err))
	case c.err != nil:
		e.note(fmt.Sprintf("%s: cannot be read to its end: %v", in.name, c.err))
	case c.ranged && c.read < c.end-c.off && !in.said.shorter && in.shrunk():
		in.said.shorter = true
		e.source.count(Counts{Broken: 1})
		e.note(fmt.Sprintf("%s: became shorter while it was read: what stood behind byte %d is missing", in.name, c.off+c.read))
	}
}

// times gives lines without one the time of the line before.
func (e *emitter) times(c *chunk) {
	for i := range c.events[:c.untimed] {
		c.events[i].Time = e.last
	}
	if !c.last.IsZero() {
		e.last = c.last
	}
}

// events emits lines and bad lines; a host is introduced before its first line.
func (e *emitter) events(c *chunk) {
	from := 0
	flush := func(to int) {
		if to > from {
			e.emit(c.events[from:to])
		}
		from = to
	}
	for i := range c.events {
		ev := &c.events[i]
		if ev.Kind == event.KindBadLine {
			e.number(c, ev.BadLine)
			if e.bads++; e.bads > e.source.options.MaxBad {
				flush(i)
				from = i + 1
			}
			continue
		}
		if c.due(i) {
			flush(i)
			e.guesses(c, i)
		}
		if ev.Line.Host != e.host || len(e.hosts) == 0 {
			if n, ok := e.hosts[ev.Line.Host]; ok {
				e.host, e.netns = ev.Line.Host, n
			} else {
				flush(i)
				e.newHost(ev.Line.Host, ev.Time)
			}
		}
		ev.Netns = e.netns
	}
	flush(len(c.events))
}

// mostHosts is how many hosts are told apart; all others share the number behind.
const mostHosts = 1<<16 - 1

func (e *emitter) newHost(host string, at time.Time) {
	e.host = host
	if len(e.hosts) < mostHosts {
		e.netns = uint16(len(e.hosts))
		e.hosts[host] = e.netns
		e.introduce(host, at)
		return
	}
	e.netns = mostHosts
	if !e.crowded {
		e.crowded = true
		e.introduce("", at)
		e.noteAt(at, fmt.Sprintf("the log names more than %d hosts: packets of the others are not told apart by host", mostHosts))
	}
}

func (e *emitter) introduce(host string, at time.Time) {
	e.one(event.Event{Kind: event.KindNamespace, Time: at, Netns: e.netns, Namespace: &event.Namespace{
		Host: host, Log: true, Links: map[uint32]string{},
	}})
}

// number counts from the beginning of the file, where lines are told so.
func (e *emitter) number(c *chunk, bad *event.BadLine) {
	if e.bads >= e.source.options.MaxBad || bad.Number == 0 {
		return
	}
	if c.base >= 0 {
		bad.Number += c.base
	} else {
		bad.Number += c.in.counter.upTo(c.dataAt)
	}
}

func (e *emitter) longBegan(c *chunk) {
	in := c.in
	in.longOpen, in.longSince = true, c.longAt
	in.longText = append(in.longText[:0], c.longText...)
	switch {
	case e.bads >= e.source.options.MaxBad:
		in.longLine = 0
	case c.base >= 0:
		in.longLine = c.base + int64(bytes.Count(c.data, []byte{'\n'})) + 1
	default:
		in.longLine = in.counter.upTo(c.longAt) + 1
	}
}

func (e *emitter) longEnded(in *input, at int64) {
	if !in.longOpen {
		return
	}
	in.longOpen = false
	e.source.count(Counts{Bad: 1})
	if e.bads++; e.bads > e.source.options.MaxBad {
		return
	}
	e.one(event.Event{Kind: event.KindBadLine, Time: e.last, BadLine: &event.BadLine{
		File: in.name, Number: in.longLine, Reason: tooLong(at - in.longSince), Text: in.longText,
	}})
}

// due reports that a guess is to be told before event i.
func (c *chunk) due(i int) bool {
	said := &c.in.said
	return i == c.guessed.year && !said.year || i == c.guessed.zone && !said.zone
}

// guesses says once a file what was chosen for its stamps.
func (e *emitter) guesses(c *chunk, i int) {
	in, at := c.in, c.events[i].Time
	if i == c.guessed.year && !in.said.year {
		in.said.year = true
		e.noteAt(at, fmt.Sprintf("%s: stamps have no year: by %s the first is of %d", in.name, in.newest(c.reference), at.Year()))
	}
	if i == c.guessed.zone && !in.said.zone {
		in.said.zone = true
		e.noteAt(at, in.name+": stamps have no zone: taken as "+e.zone(at))
	}
}

func (in *input) newest(reference time.Time) string {
	if !reference.Equal(in.mtime) {
		return "today's date"
	}
	return "the file's time, " + reference.UTC().Format(time.DateOnly) + ","
}

func (e *emitter) zone(at time.Time) string {
	zone := e.source.options.Zone
	if zone != time.Local {
		return zone.String()
	}
	name, _ := at.Zone()
	return "this machine's, " + name
}

// end closes the account of an input.
func (e *emitter) end(in *input) {
	if in.grows {
		return
	}
	if in.longOpen {
		e.longEnded(in, max(in.next, in.size))
	}
	if in.lines == 0 && in.binary > 0 {
		e.note(fmt.Sprintf("%s: no packet lines; %d bytes look binary", in.name, in.binary))
	}
}

// idle says that nothing was written for so long.
func (e *emitter) idle(passed time.Duration) {
	if e.last.IsZero() {
		return
	}
	for n := range len(e.hosts) {
		e.one(event.Event{Kind: event.KindIdle, Time: e.last.Add(passed), Netns: uint16(n)})
	}
}

func (e *emitter) finish() {
	c := e.source.Counts()
	o := &e.source.options
	if c.NoTime > 0 && (!o.Since.IsZero() || !o.Until.IsZero()) {
		e.note(fmt.Sprintf("%d lines tell no time of day and were kept whatever their time", c.NoTime))
	}
}
