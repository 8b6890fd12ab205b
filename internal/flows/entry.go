// Package flows stands between the connection tracking table and those who look
// at it: which entries are meant (Query), the form in which they are shown
// (Maker), how long those that are gone lived (Births), and what the kernel's
// counters mean (Counters). It asks no kernel and prints nothing.
package flows

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// Maker makes the form in which entries are shown. The zero value is ready. Each
// entry is built in the Maker's memory, so nothing is allocated for one that has
// no rare parts. One goroutine at a time.
type Maker struct {
	flow                 journey.Flow
	event                journey.FlowEvent
	lifetime             journey.Seconds
	icmp                 [3]journey.FlowICMP
	seqAdj               [2]journey.FlowSeqAdj
	nat                  journey.FlowNAT
	src, dst             journey.Change[netip.Addr]
	srcPort, dstPort, id journey.Change[uint16]
	tcp                  journey.FlowTCP
	master               journey.FlowSide
	labels               []int
	statuses             map[conntrack.Status][]string
}

// Flow is the form in which an entry is shown. It points into the entry, and
// holds until either changes and until the next call. Netns is the caller's to
// fill.
func (m *Maker) Flow(f *conntrack.Flow) *journey.Flow {
	m.fill(&m.flow, f)
	return &m.flow
}

func (m *Maker) fill(e *journey.Flow, f *conntrack.Flow) {
	*e = journey.Flow{Schema: journey.FlowSchema, Family: familyName(f), ID: has(f, conntrack.HasID, &f.ID)}
	if f.Orig.Has&conntrack.HasProto != 0 {
		e.Proto = packet.ProtoName(f.Orig.Proto)
	}
	m.side(&e.Orig, &f.Orig, &m.icmp[0])
	m.side(&e.Reply, &f.Reply, &m.icmp[1])
	m.counters(e, f)
	e.NAT = m.translation(f)
	e.State, _ = State(f)
	if f.Has&conntrack.HasStatus != 0 {
		e.Status = m.status(f.Status)
	}
	e.Timeout, e.Mark, e.Zone = has(f, conntrack.HasTimeout, &f.Timeout), has(f, conntrack.HasMark, &f.Mark), has(f, conntrack.HasZone, &f.Zone)
	e.Use = has(f, conntrack.HasUse, &f.Use)
	if f.Has&conntrack.HasStart != 0 {
		e.Start = journey.Time{Time: f.Start.Time()}
	}
	if f.Has&conntrack.HasStop != 0 {
		e.Stop = journey.Time{Time: f.Stop.Time()}
	}
	m.tcpEnds(e, f)
	m.rare(e, f)
}

func has[T any](f *conntrack.Flow, bit conntrack.Fields, v *T) *T {
	if f.Has&bit == 0 {
		return nil
	}
	return v
}

func hasTuple[T any](t *conntrack.Tuple, bit conntrack.TupleFields, v *T) *T {
	if t.Has&bit == 0 {
		return nil
	}
	return v
}

func familyName(f *conntrack.Flow) string {
	family := f.Family
	if family == packet.Unspec {
		family = f.Orig.Family()
	}
	switch family {
	case packet.IPv4:
		return "ipv4"
	case packet.IPv6:
		return "ipv6"
	}
	return "unknown"
}

func (m *Maker) side(s *journey.FlowSide, t *conntrack.Tuple, icmp *journey.FlowICMP) {
	s.Src, s.Dst = t.Src, t.Dst
	if t.Proto == packet.ProtoGRE {
		s.SrcKey, s.DstKey = hasTuple(t, conntrack.HasSrcPort, &t.SrcPort), hasTuple(t, conntrack.HasDstPort, &t.DstPort)
	} else {
		s.SrcPort, s.DstPort = hasTuple(t, conntrack.HasSrcPort, &t.SrcPort), hasTuple(t, conntrack.HasDstPort, &t.DstPort)
	}
	if t.Has&conntrack.HasICMP != 0 {
		*icmp = journey.FlowICMP{
			Type: hasTuple(t, conntrack.HasICMPType, &t.ICMPType), Code: hasTuple(t, conntrack.HasICMPCode, &t.ICMPCode),
			ID: hasTuple(t, conntrack.HasICMPID, &t.ICMPID),
		}
		s.ICMP = icmp
	}
	s.Zone = hasTuple(t, conntrack.HasTupleZone, &t.Zone)
}

func (m *Maker) counters(e *journey.Flow, f *conntrack.Flow) {
	e.Orig.Packets, e.Orig.Bytes = has(f, conntrack.HasCountersOrig, &f.CountersOrig.Packets), has(f, conntrack.HasCountersOrig, &f.CountersOrig.Bytes)
	e.Reply.Packets, e.Reply.Bytes = has(f, conntrack.HasCountersReply, &f.CountersReply.Packets), has(f, conntrack.HasCountersReply, &f.CountersReply.Bytes)
	if f.Has&conntrack.HasSeqAdjOrig != 0 {
		m.seqAdj[0] = journey.FlowSeqAdj(f.SeqAdjOrig)
		e.Orig.SeqAdj = &m.seqAdj[0]
	}
	if f.Has&conntrack.HasSeqAdjReply != 0 {
		m.seqAdj[1] = journey.FlowSeqAdj(f.SeqAdjReply)
		e.Reply.SeqAdj = &m.seqAdj[1]
	}
}

// translation reads NAT off the two tuples: answers come to where translated
// packets came from.
func (m *Maker) translation(f *conntrack.Flow) *journey.FlowNAT {
	o, r := &f.Orig, &f.Reply
	if !o.Src.IsValid() || !r.Src.IsValid() {
		return nil
	}
	m.nat = journey.FlowNAT{
		Src: change(&m.src, o.Src, r.Dst), Dst: change(&m.dst, o.Dst, r.Src),
	}
	if o.Has&r.Has&conntrack.HasPorts == conntrack.HasPorts {
		m.nat.SrcPort, m.nat.DstPort = change(&m.srcPort, o.SrcPort, r.DstPort), change(&m.dstPort, o.DstPort, r.SrcPort)
	}
	if o.Has&r.Has&conntrack.HasICMPID != 0 {
		m.nat.ID = change(&m.id, o.ICMPID, r.ICMPID)
	}
	if m.nat == (journey.FlowNAT{}) {
		return nil
	}
	return &m.nat
}

func change[T comparable](c *journey.Change[T], from, to T) *journey.Change[T] {
	if from == to {
		return nil
	}
	*c = journey.Change[T]{From: from, To: to}
	return c
}

// State is the state of a protocol that has states, in the kernel's word; known
// is false where the kernel did not say it, or the protocol has none.
func State(f *conntrack.Flow) (word string, known bool) {
	switch {
	case f.Has&conntrack.HasTCPState != 0:
		return f.TCP.State.String(), true
	case f.Has&conntrack.HasSCTPState != 0:
		return f.SCTP.State.String(), true
	case f.Has&conntrack.HasDCCPState != 0:
		return f.DCCP.State.String(), true
	}
	return "", false
}

// maxStatuses bounds what made-up combinations of bits can take.
const maxStatuses = 1024

func (m *Maker) status(s conntrack.Status) []string {
	if names, ok := m.statuses[s]; ok {
		return names
	}
	names := []string{}
	if s != 0 {
		names = strings.Split(s.String(), ",")
	}
	if m.statuses == nil {
		m.statuses = map[conntrack.Status][]string{}
	}
	if len(m.statuses) < maxStatuses {
		m.statuses[s] = names
	}
	return names
}

func (m *Maker) tcpEnds(e *journey.Flow, f *conntrack.Flow) {
	const any = conntrack.HasTCPScaleOrig | conntrack.HasTCPScaleReply | conntrack.HasTCPFlagsOrig | conntrack.HasTCPFlagsReply
	if f.Has&any == 0 {
		return
	}
	m.tcp = journey.FlowTCP{
		ScaleOrig: has(f, conntrack.HasTCPScaleOrig, &f.TCP.ScaleOrig), ScaleReply: has(f, conntrack.HasTCPScaleReply, &f.TCP.ScaleReply),
		FlagsOrig: has(f, conntrack.HasTCPFlagsOrig, &f.TCP.FlagsOrig), FlagsReply: has(f, conntrack.HasTCPFlagsReply, &f.TCP.FlagsReply),
	}
	e.TCP = &m.tcp
}

// rare is what few entries have.
func (m *Maker) rare(e *journey.Flow, f *conntrack.Flow) {
	e.Helper, e.SecCtx, e.SecMark = f.Helper, f.SecCtx, has(f, conntrack.HasSecMark, &f.SecMark)
	if len(f.HelperInfo) > 0 {
		e.HelperInfo = f.HelperInfo
	}
	if f.Has&conntrack.HasLabels != 0 {
		e.Labels = m.labelNumbers(&f.Labels)
	}
	if !f.Master.IsZero() {
		m.master = journey.FlowSide{}
		m.side(&m.master, &f.Master, &m.icmp[2])
		e.Master = &m.master
	}
	if f.Has&(conntrack.HasSCTPTagOrig|conntrack.HasSCTPTagReply) != 0 {
		e.SCTP = &journey.FlowSCTP{TagOrig: has(f, conntrack.HasSCTPTagOrig, &f.SCTP.TagOrig), TagReply: has(f, conntrack.HasSCTPTagReply, &f.SCTP.TagReply)}
	}
	if f.Has&(conntrack.HasDCCPRole|conntrack.HasDCCPHandshake) != 0 {
		e.DCCP = &journey.FlowDCCP{Role: has(f, conntrack.HasDCCPRole, &f.DCCP.Role)}
		if f.Has&conntrack.HasDCCPHandshake != 0 {
			e.DCCP.Handshake = strconv.FormatUint(f.DCCP.Handshake, 10)
		}
	}
	if f.Has&conntrack.HasSynProxy != 0 {
		e.SynProxy = new(journey.FlowSynProxy(f.SynProxy))
	}
	e.Unknown = attributes(f.Unknown)
}

func attributes(unknown []conntrack.Attr) (all []journey.FlowAttr) {
	for _, a := range unknown {
		all = append(all, journey.FlowAttr{Path: numbers(a.Path[:]), Data: a.Data})
	}
	return all
}

func (m *Maker) labelNumbers(l *conntrack.Labels) []int {
	m.labels = m.labels[:0]
	if m.labels == nil {
		m.labels = []int{}
	}
	for n := range 8 * len(l) {
		if l.Bit(n) {
			m.labels = append(m.labels, n)
		}
	}
	return m.labels
}

func numbers(path []uint16) []int {
	list := []int{}
	for i, n := range path {
		if n == 0 && i > 0 {
			break
		}
		list = append(list, int(n))
	}
	return list
}
