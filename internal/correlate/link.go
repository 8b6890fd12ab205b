package correlate

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// links finds which journeys belong together.
type links struct {
	starts  map[packet.Key][]*trip // by what NAT leaves of their first sight
	flows   map[flowKey]flow       // packets that left, by the tuple that a reply would come with
	replied map[flowKey]bool       // both directions of TCP flows that are linked
}

type flowKey struct {
	sp    *space
	tuple packet.Tuple
}

type flow struct {
	id    journey.ID
	first packet.Tuple // as the packet was first seen
	at    int64
}

const (
	maxAlike  = 64 // sights that are compared with one packet
	maxFlows  = 1 << 14
	flowsLast = time.Minute
)

func newLinks() links {
	return links{starts: map[packet.Key][]*trip{}, flows: map[flowKey]flow{}, replied: map[flowKey]bool{}}
}

// begin links a packet at its first sight: to the packet that it answers, or
// whose flow's other direction it is.
func (l *links) begin(t *trip) {
	trail := t.now.Trail()
	l.starts[trail] = append(l.starts[trail], t)
	switch {
	case t.now.IsICMPError():
		l.answer(t, quotes)
		return
	case t.now.TCP.Flags&packet.RST != 0 && t.firstIn == 0:
		l.answer(t, resets)
		return
	}
	l.reply(t)
}

// reply links a packet to the newest one of its flow's other direction: of TCP
// the first of each direction only, else each to one.
func (l *links) reply(t *trip) {
	own := flowKey{t.sp, t.tuple}
	if l.replied[own] {
		return
	}
	o := t.sp.byTuple[t.tuple.Reverse()]
	f, ended := l.flows[own]
	switch {
	case o != nil && o != t && !o.answered:
		join(o, t, journey.LinkReply, journey.Certain)
		l.settle(t, o.first.Tuple())
		o.answered = true
	case o == nil && ended:
		t.links = append(t.links, journey.Link{Kind: journey.LinkReply, ID: f.id, Identity: journey.Certain})
		l.settle(t, f.first)
		delete(l.flows, own)
	default:
		return
	}
	t.answered = true
}

func (l *links) settle(t *trip, request packet.Tuple) {
	if t.now.Proto == packet.ProtoTCP {
		l.replied[flowKey{t.sp, t.tuple}] = true
		l.replied[flowKey{t.sp, request}] = true
	}
}

// answer links a packet that was made in answer to one of the same namespace,
// among the newest of those that are not handed out yet.
func (l *links) answer(t *trip, answers func(answer, asked *packet.Packet) bool) {
	const newest = 512
	trips := t.sp.c.trips
	var found *trip
	identity := journey.Certain
	for i := len(trips) - 1; i >= 0 && len(trips)-i < newest; i-- {
		o := trips[i]
		if o.sp != t.sp || !answers(&t.now, &o.now) {
			continue
		}
		if found != nil {
			identity = journey.Inferred
			break
		}
		found = o
	}
	if found != nil {
		join(found, t, journey.LinkAnswer, identity)
	}
}

// quotes: the ICMP error quotes the packet. Trace events carry 20 bytes behind the
// IP header: the error's own eight, and twelve of the quoted header.
func quotes(answer, asked *packet.Packet) bool {
	if answer.L4Len < 20 || answer.Dst != asked.Src || answer.Family != asked.Family {
		return false
	}
	q := answer.L4[8:]
	if asked.Family == packet.IPv6 {
		label := binary.BigEndian.Uint32(q) & 0xfffff
		return q[0]>>4 == 6 && label == asked.FlowLabel && q[6] == asked.NextHeader &&
			binary.BigEndian.Uint16(q[4:])+40 == asked.Length
	}
	return q[0]>>4 == 4 && q[9] == asked.NextHeader &&
		binary.BigEndian.Uint16(q[2:]) == asked.Length && binary.BigEndian.Uint16(q[4:]) == asked.ID
}

// resets: the reset's ends are the segment's turned round, and its numbers follow
// from it (RFC 9293, 3.10.7.1).
func resets(answer, asked *packet.Packet) bool {
	if answer.Tuple() != asked.Tuple().Reverse() {
		return false
	}
	a, r := asked.TCP, answer.TCP
	if a.Flags&packet.ACK != 0 && r.Seq == a.Ack {
		return true
	}
	return a.Flags&packet.SYN != 0 && r.Ack == a.Seq+1
}

// route is the packet in every namespace that it crossed, in the order of its
// crossing, linked; t alone where there is one namespace or no other sight of it.
// Sockets of different namespaces tell no order, so the TTL does.
func (l *links) route(t *trip) []*trip {
	r := route{trips: []*trip{t}, sure: true}
	if t.sp.c.alone() {
		return r.trips
	}
	for _, o := range l.starts[t.first.Trail()] { // the oldest first, as they are handed out
		if len(r.others) == maxAlike {
			break
		}
		if o.sp != t.sp && !o.handed && abs(o.start-t.start) <= int64(time.Second) {
			r.others = append(r.others, o)
		}
	}
	for r.grow(r.touched) || r.grow(r.alike) {
	}
	slices.SortStableFunc(r.trips, crossedBefore)
	for i := 1; i < len(r.trips); i++ {
		before, next := r.trips[i-1], r.trips[i]
		identity := journey.Inferred
		if r.sure && before.key == next.firstKey {
			identity = journey.Certain
		}
		join(before, next, journey.LinkContinues, identity)
	}
	return r.trips
}

// route gathers the sights of one packet.
type route struct {
	trips  []*trip // the first is where it starts from
	others []*trip // that may be the same packet in other namespaces
	sure   bool    // nowhere did more than one fit
}

// grow adds the sight nearest in time among those that fit, from a namespace that
// the route does not have.
func (r *route) grow(fits func(o *trip) bool) bool {
	var best *trip
	several := false
	from := r.trips[0]
	for _, o := range r.others {
		if slices.ContainsFunc(r.trips, func(t *trip) bool { return t.sp == o.sp }) || !fits(o) {
			continue
		}
		several = several || best != nil && best.sp == o.sp
		if best == nil || abs(o.start-from.start) < abs(best.start-from.start) {
			best = o
		}
	}
	if best == nil {
		return false
	}
	r.sure = r.sure && !several
	r.trips = append(r.trips, best)
	return true
}

// touched reports whether the sight begins with the bytes with which one of the
// route ends, or the other way round.
func (r *route) touched(o *trip) bool {
	return slices.ContainsFunc(r.trips, func(t *trip) bool { return touches(t, o) && !stopped(t, o) })
}

// alike reports whether the sight differs from the route by what translation
// leaves only, and is the continuation of no other packet.
func (r *route) alike(o *trip) bool {
	return !slices.ContainsFunc(r.trips, func(t *trip) bool { return stopped(t, o) }) &&
		!slices.ContainsFunc(r.others, func(p *trip) bool { return p.sp != o.sp && touches(p, o) })
}

// touches reports whether one of two sights begins with the bytes with which the
// other ended.
func touches(a, b *trip) bool { return a.key == b.firstKey || b.key == a.firstKey }

// stopped reports whether the one that came first was taken off its way.
func stopped(a, b *trip) bool {
	if crossedBefore(a, b) > 0 {
		a = b
	}
	for i := len(a.steps) - 1; i >= 0; i-- {
		if st := &a.steps[i]; st.kind == journey.KindRule || st.kind == journey.KindPolicy {
			v := st.verdict
			if st.line != 0 {
				v = st.chain.line(st).verdict
			}
			return v == ruleset.Drop || v == ruleset.Reject
		}
	}
	return false
}

func crossedBefore(a, b *trip) int {
	return cmp.Or(
		cmp.Compare(b.first.TTL, a.first.TTL),
		cmp.Compare(min(a.firstIn, 1), min(b.firstIn, 1)), // it left before it came in
		cmp.Compare(a.start, b.start),
	)
}

func abs(n int64) int64 { return max(n, -n) }

// remember keeps with which tuple the reply to a packet that is handed out would come.
func (l *links) remember(t *trip) {
	l.unlist(t)
	if len(l.flows) < maxFlows && !t.answered {
		l.flows[flowKey{t.sp, t.now.Tuple().Reverse()}] = flow{t.id, t.first.Tuple(), t.heardAt}
	}
}

func (l *links) unlist(t *trip) {
	trail := t.first.Trail()
	rest := slices.DeleteFunc(l.starts[trail], func(o *trip) bool { return o == t })
	if len(rest) == 0 {
		delete(l.starts, trail)
		return
	}
	l.starts[trail] = rest
}

func (l *links) forget(now time.Time) {
	if len(l.flows) < maxFlows/2 && len(l.replied) < maxFlows {
		return
	}
	old := now.Add(-flowsLast).UnixNano()
	for k, f := range l.flows {
		if f.at < old || len(l.flows) >= maxFlows {
			delete(l.flows, k)
		}
	}
	clear(l.replied)
}

// alone reports whether the stream has one namespace only.
func (c *Correlator) alone() bool { return len(c.spaces) < 2 }

func join(a, b *trip, kind journey.LinkKind, identity journey.Identity) {
	for _, have := range a.links {
		if have.ID == b.id {
			return
		}
	}
	a.links = append(a.links, journey.Link{Kind: kind, ID: b.id, Identity: identity})
	if !b.handed {
		b.links = append(b.links, journey.Link{Kind: kind, ID: a.id, Identity: identity})
	}
}
