// Package logentry turns a line of the kernel's packet log, as it was parsed,
// into the form in which it is shown. It neither parses nor shows.
package logentry

import (
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
)

// Maker makes entries. The zero value is ready. Each entry is built in the
// Maker's memory, so nothing is allocated for a line whose words were seen before.
type Maker struct {
	entry        journey.LogLine
	uptime       journey.Uptime
	trace        journey.TraceLine
	link         journey.LogLink
	vlan         journey.VLANTag
	tunnel       journey.Tunnel
	outer, inner headers
	origins      map[string]*journey.Origin
}

// Entry is the form in which a line is shown that was logged at the time which
// its Clock says. It points into the line, and holds until either changes and
// until the next call. Line, Netns and Hook, which no line tells, are the
// caller's to fill.
func (m *Maker) Entry(at time.Time, l *event.LogLine) *journey.LogLine {
	m.entry = journey.LogLine{Schema: journey.LogLineSchema, Host: l.Host, File: l.File, MAC: l.MAC, Cut: cuts[l.Cut]}
	e := &m.entry
	m.stamp(at, l)
	if l.File != "" {
		e.Offset = &l.Offset
	}
	m.rule(l)
	e.In, e.Out = has(l, event.HasIn, &l.In), has(l, event.HasOut, &l.Out)
	e.PhysIn, e.PhysOut = has(l, event.HasPhysIn, &l.PhysIn), has(l, event.HasPhysOut, &l.PhysOut)
	if l.Has&event.HasMAC == 0 {
		e.MAC = nil
	}
	m.below(l)
	e.Packet = m.outer.of(&l.Headers)
	if l.Has&event.HasQuoted != 0 {
		m.inner.packet = m.inner.of(&l.Quoted)
		e.Packet.Inner = &m.inner.packet
	}
	e.UID, e.GID, e.Mark = has(l, event.HasUID, &l.UID), has(l, event.HasGID, &l.GID), has(l, event.HasMark, &l.Mark)
	if len(l.Rest) > 0 {
		e.Rest = l.Rest
	}
	return e
}

func has[T any](l *event.LogLine, bit event.LineHas, v *T) *T {
	if l.Has&bit == 0 {
		return nil
	}
	return v
}

// cuts is the words for each combination of event.Cut's bits.
var cuts = [...][]string{
	event.CutHead:                                 {"head"},
	event.CutTail:                                 {"tail"},
	event.CutGaps:                                 {"gaps"},
	event.CutHead | event.CutTail:                 {"head", "tail"},
	event.CutHead | event.CutGaps:                 {"head", "gaps"},
	event.CutTail | event.CutGaps:                 {"tail", "gaps"},
	event.CutHead | event.CutTail | event.CutGaps: {"head", "tail", "gaps"},
}

var clocks = [...]journey.Clock{
	event.ClockWall: journey.ClockLog, event.ClockAssumed: journey.ClockAssumed,
	event.ClockUptime: journey.ClockUptime, event.ClockReceipt: journey.ClockReceipt,
}

// stamp sets the time. One that is counted from the host's start is told as
// uptime alone, since no date is known.
func (m *Maker) stamp(at time.Time, l *event.LogLine) {
	e := &m.entry
	e.Clock = clocks[l.Clock]
	if l.HasUptime {
		m.uptime = journey.Uptime(l.Uptime)
		e.Uptime = &m.uptime
	}
	switch l.Clock {
	case event.ClockNone:
	case event.ClockUptime:
		m.uptime = journey.Uptime(at.UnixNano())
		e.Uptime = &m.uptime
	default:
		e.Time = journey.Time{Time: at}
	}
}

var lineTypes = [...]string{event.LineRule: "rule", event.LineReturn: "return", event.LinePolicy: "policy"}

// rule sets what the rule gave the line.
func (m *Maker) rule(l *event.LogLine) {
	if l.Cut&event.CutHead == 0 || l.Prefix != "" {
		m.entry.Prefix = &l.Prefix
	}
	if l.Trace.Table != "" {
		m.trace = journey.TraceLine{Table: l.Trace.Table, Chain: l.Trace.Chain, Type: lineTypes[l.Trace.Type], Number: l.Trace.Number}
		m.entry.Trace = &m.trace
		return
	}
	m.entry.Origin = m.origin(l.Prefix)
}

// below sets what lies below the packet.
func (m *Maker) below(l *event.LogLine) {
	e := &m.entry
	switch {
	case l.Has&event.HasMACs != 0:
		m.link = journey.LogLink{Src: l.MACSrc, Dst: l.MACDst, Proto: journey.EtherType(l.MACProto)}
		e.Link = &m.link
	case l.Has&event.HasMAC != 0 && ethernet(l.MAC, &m.link):
		e.Link = &m.link
	}
	if l.Has&event.HasVLAN != 0 {
		m.vlan = journey.VLANTag{Proto: journey.EtherType(l.VLANProto), ID: l.VLAN}
		e.VLAN = &m.vlan
	}
	if l.Has&event.HasTunnel != 0 {
		m.tunnel = journey.Tunnel{Src: l.TunnelSrc, Dst: l.TunnelDst}
		e.Tunnel = &m.tunnel
	}
}
