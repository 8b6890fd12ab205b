package render

import (
	"bytes"
	"strings"
	"time"

	"github.com/pktrail/pktrail/journey"
)

// logState is what stays from one log line to the next.
type logState struct {
	columns logColumns
	row     rowWriter
	quarter int64 // of an hour since 1970, of the last time
	day     string
	fine    bool // times have fractions of seconds
}

// logColumns is the widths of the columns of log lines. They grow with what
// comes, so that a stream stays calm, up to where one long line would push all
// others aside.
type logColumns struct {
	time, host, netns, prefix, hook, ways, proto, src, dst int
}

const (
	mostPrefix = 24
	mostHost   = 20
	mostWays   = 23
	mostEnd    = 27 // an IPv6 address in brackets with its port, as hosts of one network have them
)

// leastColumns is what most lines need.
var leastColumns = logColumns{prefix: 12, ways: 9, proto: 4, src: 19, dst: 17}

// LogLine prints a line of the kernel's log as a row of a table: when, what the
// rule calls it, where, from, to, and what tells the packet from others.
func (t *Text) LogLine(l *journey.LogLine) error {
	t.apart(logRows)
	t.logDate(l.Time)
	c, r := &t.log.columns, &t.log.row
	if c.src == 0 {
		*c = leastColumns
	}
	r.begin(t)
	t.logTime(l, r, c)
	r.indent = max(r.blank+r.at, 4)
	if t.opt.Host {
		fill(r.text(l.Host), dim, &c.host, mostHost)
	}
	if t.opt.Netns && l.Netns != nil {
		r.text(l.Netns.Name)
		fill(r, dim, &c.netns, mostHost)
	}
	t.logPrefix(l, r, c)
	fill(r.text(string(l.Hook)), plain, &c.hook, mostPrefix)
	t.logWays(l, r)
	fill(r, plain, &c.ways, mostWays)
	t.ends(&l.Packet, r, c)
	t.logPacket(&l.Packet, r)
	t.logRest(l, r)
	r.end()
	return t.flush()
}

// fill puts a cell in a column, which grows with it.
func fill(r *rowWriter, st style, width *int, most int) {
	n := r.put(st, *width)
	*width = min(max(*width, n), max(most, *width))
}

// logTime is the time of day, or the seconds since the host's start. Fractions
// are left out until there is one: many logs have whole seconds.
func (t *Text) logTime(l *journey.LogLine, r *rowWriter, c *logColumns) {
	switch {
	case !l.Time.IsZero():
		at := t.zoned(l.Time)
		t.log.fine = t.log.fine || at.Nanosecond() != 0
		r.cell = appendClock(r.cell, at, t.log.fine)
	case l.Uptime != nil:
		r.cell = l.Uptime.Append(r.cell)
	}
	fill(r, dim, &c.time, 1<<10)
}

// appendClock is 15:04:05 or 15:04:05.000, in a third of the time of AppendFormat.
func appendClock(b []byte, at time.Time, fine bool) []byte {
	hour, minute, second := at.Clock()
	b = appendTwo(b, hour)
	b = appendTwo(append(b, ':'), minute)
	b = appendTwo(append(b, ':'), second)
	if !fine {
		return b
	}
	ms := at.Nanosecond() / int(time.Millisecond)
	return appendTwo(append(b, '.', byte('0'+ms/100)), ms%100)
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// logDate prints the day where it changes. Days and zones change at quarters of
// an hour, so it looks only where the quarter changes.
func (t *Text) logDate(at journey.Time) {
	if at.IsZero() {
		return
	}
	if quarter := at.Unix() / 900; quarter != t.log.quarter || t.day != t.log.day || t.day == "" {
		t.date(at)
		t.log.quarter, t.log.day = quarter, t.day
	}
}

// logPrefix is what the rule gave the line, without the blanks around it.
func (t *Text) logPrefix(l *journey.LogLine, r *rowWriter, c *logColumns) {
	most := mostPrefix
	if l.Prefix != nil {
		r.text(strings.TrimSpace(*l.Prefix))
	}
	if tr := l.Trace; tr != nil {
		if len(r.cell) > 0 {
			r.text(" ")
		}
		r.text(tr.Table).text(":").text(tr.Chain).text(":").text(tr.Type).text(":").number(int64(tr.Number))
		most *= 2
	}
	if w := t.opt.Width; w > 0 {
		most = min(most, max(w/6, 12))
	}
	r.shorten(most)
	fill(r, originStyle(l.Origin), &c.prefix, most)
}

func originStyle(o *journey.Origin) style {
	if o == nil {
		return plain
	}
	return actionStyle(o.Action)
}

// actionStyle is the colour of what a prefix says was done.
func actionStyle(action string) style {
	switch action {
	case "DROP", "BLOCK", "REJECT", "DENY":
		return red
	case "ACCEPT", "ALLOW":
		return green
	}
	return plain
}

// logWays is the interface that the packet came in by, and the one it goes out by:
// a bridge's port behind the bridge, nothing where the line says there is none.
func (t *Text) logWays(l *journey.LogLine, r *rowWriter) {
	if l.In == nil && l.Out == nil && l.PhysIn == nil && l.PhysOut == nil {
		return
	}
	way(r, l.In, l.PhysIn)
	r.sign(t.marks.arrow)
	way(r, l.Out, l.PhysOut)
}

func way(r *rowWriter, dev, port *string) {
	if dev == nil {
		r.text("?")
	} else {
		r.text(*dev)
	}
	if port != nil && *port != "" {
		r.text("/").text(*port)
	}
}

// logRest is what else the line tells, and where it does not tell all.
func (t *Text) logRest(l *journey.LogLine, r *rowWriter) {
	if l.VLAN != nil {
		r.text("vlan ").number(int64(l.VLAN.ID)).put(plain, 0)
	}
	if l.Tunnel != nil {
		r.text("tunnel ").text(l.Tunnel.Src.String()).text(" ").sign(t.marks.arrow).text(" ").text(l.Tunnel.Dst.String()).put(plain, 0)
	}
	if l.Mark != nil && *l.Mark != 0 {
		r.text("mark ").hex(uint64(*l.Mark)).put(plain, 0)
	}
	if l.UID != nil {
		r.text("uid ").number(int64(*l.UID)).put(plain, 0)
	}
	if len(l.Cut) > 0 {
		r.text("cut: ").text(strings.Join(l.Cut, ", ")).put(yellow, 0)
	}
	if rest := bytes.TrimSpace(l.Rest); len(rest) > 0 {
		r.text("not read: ").text(prefix(string(rest), 40))
		if len(rest) > 40 {
			r.sign(t.marks.ellipsis)
		}
		r.put(yellow, 0)
	}
}
