package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/pktrail/pktrail/internal/envelope"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
)

// worker finds the packet lines of chunks and reads them.
type worker struct {
	heads  envelope.Reader
	head   envelope.Head
	parser logline.Parser
	hosts  names

	zone         *time.Location
	since, until int64 // nanoseconds since 1970
}

func newWorker(o *Options) *worker {
	w := &worker{
		heads: envelope.Reader{Zone: o.Zone, Boot: o.Boot},
		zone:  o.Zone, since: math.MinInt64, until: math.MaxInt64,
	}
	if !o.Since.IsZero() {
		w.since = o.Since.UnixNano()
	}
	if !o.Until.IsZero() {
		w.until = o.Until.UnixNano()
	}
	return w
}

// do reads a chunk's lines, or as many as are handed over at once.
func (w *worker) do(c *chunk) {
	if c.ranged {
		c.fill(c.in.file)
	}
	c.counts.Bytes = c.read
	w.heads.Reference = c.reference
	w.entries(c)
	w.lines(c)
}

// mostLines is about how many lines are handed over at once, so that a chunk of
// very short ones takes bounded memory.
const mostLines = 4096

// lines reads lines on from where it was left.
func (w *worker) lines(c *chunk) {
	for c.pos < len(c.data) && len(c.events) < mostLines {
		n := wholeLines(c.data[c.pos:])
		switch {
		case n < 0:
			n = w.tooLong(c, c.pos)
		case c.in.form == relativeForm:
			w.allLines(c, c.pos, c.pos+n)
		default:
			w.packetLines(c, c.pos, c.pos+n)
		}
		c.pos += n
	}
	c.link()
}

// more reads what do has left; false when that is nothing.
func (w *worker) more(c *chunk) bool {
	if c.pos == len(c.data) {
		return false
	}
	c.clear()
	w.heads.Reference = c.reference
	w.lines(c)
	return true
}

// wholeLines is how many bytes of b are lines that can be read, none of which is
// too long; -1 when the first is.
func wholeLines(b []byte) int {
	if len(b) <= maxLine {
		return len(b)
	}
	if i := lastSeparator(b[:maxLine+1]); i >= 0 {
		return i + 1
	}
	return -1
}

// tooLong leaves out a line.
func (w *worker) tooLong(c *chunk, pos int) int {
	end := lineEnd(c.data, pos)
	n := end - pos - 1
	if end < 0 {
		end = len(c.data)
		n = end - pos
	}
	c.bad(origin{in: pos}, c.data[pos:pos+n], tooLong(int64(n)))
	return end - pos
}

func tooLong(n int64) string {
	return fmt.Sprintf("a line of %d bytes: longer than %d", n, maxLine)
}

// packetLines reads the lines in [from, to) that have words of packets.
func (w *worker) packetLines(c *chunk, from, to int) {
	for from < to {
		hit := logline.Find(c.data[from:to])
		if hit < 0 {
			return
		}
		hit += from
		begin := from
		if bytes.IndexByte(c.data[from:hit], '\n') >= 0 || bytes.IndexByte(c.data[from:hit], 0) >= 0 {
			begin += lastSeparator(c.data[from:hit]) + 1
		}
		from = w.line(c, begin, hit, to)
	}
}

// allLines reads every line, for the sake of their stamps.
func (w *worker) allLines(c *chunk, from, to int) {
	for from < to {
		from = w.line(c, from, from, to)
	}
}

// line reads the line that begins at begin and ends behind within, at most at
// to. It returns where the next begins.
func (w *worker) line(c *chunk, begin, within, to int) (next int) {
	end := to
	if n := lineEnd(c.data[:to], within); n >= 0 {
		next, end = n, n-1
	} else {
		next = to
	}
	text := bytes.TrimSuffix(c.data[begin:end], []byte{'\r'})
	w.heads.Read(text, &w.head)
	from := origin{at: c.dataAt + int64(begin), in: begin}
	if w.head.Has&envelope.HasHost != 0 {
		from.host = w.hosts.of(w.head.Host)
	}
	w.message(c, from, text)
	return next
}

// origin is where a text was found.
type origin struct {
	at    int64 // in the input
	in    int   // in the chunk's data
	host  string
	entry bool // of a journal
}

// message reads the packet lines of a text whose head has been read.
func (w *worker) message(c *chunk, from origin, text []byte) {
	body := text[w.head.Len:]
	for len(body) > 0 {
		l := c.line()
		rest, err := w.parser.Parse(body, l)
		if err != nil {
			c.lines = c.lines[:len(c.lines)-1]
			if !errors.Is(err, logline.ErrNoPacket) {
				c.bad(from, text, badReason(err, len(text)-len(body)))
			}
			return
		}
		l.Host, l.Offset = from.host, from.at
		if len(body) < len(text)-w.head.Len && !from.entry {
			l.Offset += int64(len(text) - len(body))
		}
		w.keep(c, l)
		if len(rest) >= len(body) {
			return
		}
		body = w.merged(rest)
	}
}

// merged reads the head of a line that stands behind another one. What it does
// not tell, the first line's head does.
func (w *worker) merged(rest []byte) []byte {
	if len(rest) == 0 {
		return nil
	}
	first := w.head
	w.heads.Read(rest, &w.head)
	n := w.head.Len
	switch {
	case w.head.Has&(envelope.HasWall|envelope.HasUptime) == 0:
		w.head = first
	case w.head.Has&envelope.HasWall == 0 && first.Has&envelope.HasWall != 0:
		const wall = envelope.HasWall | envelope.HasYear | envelope.HasZone
		w.head.Unix, w.head.Has = first.Unix, w.head.Has|first.Has&wall
	}
	return rest[n:]
}

// badReason is an error of the parser, its offset counted from the line's beginning.
func badReason(err error, shift int) string {
	if e, ok := errors.AsType[*logline.Error](err); ok {
		return (&logline.Error{Offset: e.Offset + shift, Reason: e.Reason}).Error()
	}
	return err.Error()
}

// keep makes an event of the line, unless its time is out of bounds.
func (w *worker) keep(c *chunk, l *event.LogLine) {
	h := &w.head
	l.File = c.in.name
	l.HasUptime, l.Uptime = h.Has&envelope.HasUptime != 0, time.Duration(h.Uptime)
	t := w.time(c, l)
	if h.Has&envelope.HasWall == 0 {
		c.counts.NoTime++
	} else if h.Unix < w.since || h.Unix > w.until {
		c.lines = c.lines[:len(c.lines)-1]
		c.counts.Skipped++
		return
	}
	if l.Clock == event.ClockAssumed {
		w.guess(c)
	}
	c.counts.Lines++
	if l.Cut != 0 {
		c.counts.Cut++
	}
	c.event(event.KindLine, t)
}

// time is when a line was written, as far as the log tells.
func (w *worker) time(c *chunk, l *event.LogLine) time.Time {
	h := &w.head
	switch {
	case h.Has&envelope.HasWall != 0:
		c.last = time.Unix(0, h.Unix).In(w.zone)
		l.Clock = event.ClockWall
		if h.Has&(envelope.HasYear|envelope.HasZone) != envelope.HasYear|envelope.HasZone {
			l.Clock = event.ClockAssumed
		}
	case l.HasUptime:
		c.last = time.Unix(0, h.Uptime).In(w.zone)
		l.Clock = event.ClockUptime
	default:
		l.Clock = event.ClockNone
		if c.last.IsZero() {
			c.untimed = len(c.events) + 1
		}
	}
	return c.last
}

// guess remembers what was chosen for a stamp; times reckoned from the kernel's
// start have nothing to choose.
func (w *worker) guess(c *chunk) {
	h := &w.head
	if !w.heads.Boot.IsZero() && h.Has&envelope.HasUptime != 0 && h.Unix == w.heads.Boot.UnixNano()+h.Uptime {
		return
	}
	if h.Has&envelope.HasYear == 0 && c.guessed.year < 0 {
		c.guessed.year = len(c.events)
	}
	if h.Has&envelope.HasZone == 0 && c.guessed.zone < 0 {
		c.guessed.zone = len(c.events)
	}
}

// line is room for one more line. Its fields are those of some line before.
func (c *chunk) line() *event.LogLine {
	if n := len(c.lines); n < cap(c.lines) {
		c.lines = c.lines[:n+1]
	} else {
		c.lines = append(c.lines, event.LogLine{})
	}
	return &c.lines[len(c.lines)-1]
}

func (c *chunk) event(kind event.Kind, at time.Time) {
	if n := len(c.events); n < cap(c.events) {
		c.events = c.events[:n+1]
	} else {
		c.events = append(c.events, event.Event{})
	}
	e := &c.events[len(c.events)-1]
	e.Kind, e.Time, e.Netns = kind, at, 0
}

// bad notes that a line cannot be read. Its number is counted from the chunk's
// beginning, and from the file's by the emitter.
func (c *chunk) bad(from origin, text []byte, why string) {
	bad := event.BadLine{File: c.in.name, Reason: why, Text: text[:min(len(text), textLen)]}
	if !from.entry {
		bad.Number = c.linesBefore(from.in) + 1
	}
	c.counts.Bad++
	c.bads = append(c.bads, bad)
	if c.last.IsZero() {
		c.untimed = len(c.events) + 1
	}
	c.event(event.KindBadLine, c.last)
}

// linesBefore counts on from where it was last asked.
func (c *chunk) linesBefore(pos int) int64 {
	c.counted.lines += int64(bytes.Count(c.data[c.counted.pos:pos], []byte{'\n'}))
	c.counted.pos = pos
	return c.counted.lines
}

// link points the events to their lines, which have all got their places now.
func (c *chunk) link() {
	lines, bads := 0, 0
	for i := range c.events {
		e := &c.events[i]
		if e.Kind == event.KindLine {
			e.Line, e.BadLine = &c.lines[lines], nil
			lines++
		} else {
			e.Line, e.BadLine = nil, &c.bads[bads]
			bads++
		}
	}
}

// names keeps the strings of hosts.
type names struct {
	last string
	all  map[string]string
}

const (
	mostNames   = 1 << 16
	longestName = 255 // DNS has no longer ones
)

func (n *names) of(b []byte) string {
	b = b[:min(len(b), longestName)]
	if string(b) == n.last {
		return n.last
	}
	s, ok := n.all[string(b)]
	if !ok {
		s = string(b)
		if n.all == nil {
			n.all = map[string]string{}
		}
		if len(n.all) < mostNames {
			n.all[s] = s
		}
	}
	n.last = s
	return s
}
