// Package tally counts lines of the kernel's packet log: by prefix, flow,
// source, destination, interfaces and host, and over time. It goes over them
// once, in bounded memory however many there are, and says by how much a count
// may be wrong because of that. It shows nothing: render does.
package tally

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pktrail/pktrail/internal/event"
)

// Tally counts lines. The zero value is ready. It is not for concurrent use.
type Tally struct {
	lines, trace, untimed, assumed, cut, notRead int64

	wall, uptime timeline
	prefixes     counter[string]
	flows        counter[flow]
	ends         []ends // of the flow with the same index
	sources      counter[source]
	destinations counter[destination]
	ways         counter[way]
	hosts        counter[string]
}

// tracePrefix stands for the prefixes of all TRACE lines, which have no end.
const tracePrefix = "TRACE:"

// Add counts a line that was logged at the time that its Clock says. It keeps
// nothing of the line.
func (t *Tally) Add(at time.Time, l *event.LogLine) {
	t.lines++
	if l.Cut != 0 {
		t.cut++
	}
	if len(l.Rest) > 0 {
		t.notRead++
	}
	t.addTime(at, l)
	t.addText(l)
	t.addWay(l)
	t.addPacket(&l.Headers)
}

func (t *Tally) addTime(at time.Time, l *event.LogLine) {
	switch {
	case l.Clock == event.ClockNone || !inRange(at):
		t.untimed++
		return
	case l.Clock == event.ClockUptime:
		t.uptime.add(at.UnixNano())
		return
	case l.Clock == event.ClockAssumed:
		t.assumed++
	}
	t.wall.add(at.UnixNano())
}

func (t *Tally) addText(l *event.LogLine) {
	switch {
	case l.Trace.Table != "":
		t.trace++
		count(&t.prefixes, tracePrefix)
	case l.Prefix != "" || l.Cut&event.CutHead == 0:
		count(&t.prefixes, strings.TrimRight(l.Prefix, " "))
	}
	if l.Host != "" {
		count(&t.hosts, l.Host)
	}
}

// longest is how many bytes of a text are kept.
const longest = 128

func count(c *counter[string], text string) {
	text = clip(text)
	if _, ok := c.hit(text, c.last); !ok {
		c.insert(strings.Clone(text))
	}
}

func clip(text string) string {
	if len(text) <= longest {
		return text
	}
	n := longest
	for n > longest-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// way is how a packet goes through the host.
type way struct {
	in, out       string
	hasIn, hasOut bool
}

func (t *Tally) addWay(l *event.LogLine) {
	w := way{hasIn: l.Has&event.HasIn != 0, hasOut: l.Has&event.HasOut != 0}
	if !w.hasIn && !w.hasOut {
		return
	}
	w.in, w.out = clip(l.In), clip(l.Out)
	if _, ok := t.ways.hit(w, t.ways.last); !ok {
		w.in, w.out = strings.Clone(w.in), strings.Clone(w.out)
		t.ways.insert(w)
	}
}

func (t *Tally) addPacket(h *event.Headers) {
	if h.Has&(event.HasAddrs|event.HasARPAddrs) == 0 || !h.Src.IsValid() || !h.Dst.IsValid() {
		return
	}
	f := flowOf(h)
	i := t.flows.add(f, t.flows.last)
	for len(t.ends) <= int(i) {
		t.ends = append(t.ends, ends{})
	}
	e := &t.ends[i]
	e.source = t.sources.add(source{f.src, f.kind.family()}, e.source)
	e.destination = t.destinations.add(destination{f.dst, f.kind.asked()}, e.destination)
}

// ends is where a flow's source and destination were counted last, so that they
// need not be looked up. They may be elsewhere by now.
type ends struct{ source, destination uint32 }
