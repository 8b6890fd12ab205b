package correlate

import (
	"slices"
	"time"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// links finds which journeys belong together.
type links struct {
	starts map[packet.Key][]*trip // by what NAT leaves of their first sight
	flows  map[flowKey]flow       // packets that left, by the tuple that an answer would come with
}

type flowKey struct {
	sp    *space
	tuple packet.Tuple
}

type flow struct {
	id journey.ID
	at int64
}

const (
	maxFlows  = 1 << 14
	flowsLast = time.Minute
)

func newLinks() links {
	return links{starts: map[packet.Key][]*trip{}, flows: map[flowKey]flow{}}
}

// begin links a packet at its first sight: to the packet that it answers, or
// whose flow's other direction it is.
func (l *links) begin(t *trip) {
	trail := t.now.Trail()
	l.starts[trail] = append(l.starts[trail], t)
	if t.now.Inner != nil && t.now.IsICMPError() {
		l.answer(t, t.now.Inner.Tuple(), sameQuoted)
		return
	}
	if t.now.TCP.Flags&packet.RST != 0 && t.firstIn == 0 {
		l.answer(t, t.tuple.Reverse(), sameReset)
		return
	}
	if o := t.sp.byTuple[t.tuple.Reverse()]; o != nil {
		join(o, t, journey.LinkReply, journey.Certain)
	} else if f, ok := l.flows[flowKey{t.sp, t.tuple}]; ok {
		t.links = append(t.links, journey.Link{Kind: journey.LinkReply, ID: f.id, Identity: journey.Certain})
	}
}

// answer links a packet that was made in answer to one of the same namespace.
func (l *links) answer(t *trip, of packet.Tuple, sure func(asked, answer *packet.Packet) bool) {
	o := t.sp.byTuple[of]
	if o == nil || o == t {
		return
	}
	identity := journey.Inferred
	if sure(&o.now, &t.now) {
		identity = journey.Certain
	}
	join(o, t, journey.LinkAnswer, identity)
}

// sameQuoted: the error quotes the very packet.
func sameQuoted(asked, answer *packet.Packet) bool {
	in := answer.Inner
	n := min(asked.L4Len, in.L4Len, 8)
	return n > 0 && in.ID == asked.ID && in.Length == asked.Length && slices.Equal(in.L4[:n], asked.L4[:n])
}

// sameReset: the reset's numbers follow from the segment (RFC 9293, 3.10.7.1).
func sameReset(asked, answer *packet.Packet) bool {
	a, r := asked.TCP, answer.TCP
	if a.Flags&packet.ACK != 0 && r.Seq == a.Ack {
		return true
	}
	return a.Flags&packet.SYN != 0 && r.Ack == a.Seq+1
}

// end links a packet that is handed out to its continuation in another
// namespace, and remembers with which tuple its answer would come.
func (l *links) end(t *trip) {
	l.unlist(t)
	if t.sp.c.alone() {
		l.remember(t)
		return
	}
	for _, o := range l.starts[t.now.Trail()] {
		if o.sp == t.sp || o.start+int64(time.Millisecond) < t.start {
			continue
		}
		identity := journey.Inferred
		if o.firstKey == t.now.Key() {
			identity = journey.Certain
		}
		join(t, o, journey.LinkContinues, identity)
		break
	}
	l.remember(t)
}

func (l *links) remember(t *trip) {
	if len(l.flows) < maxFlows {
		l.flows[flowKey{t.sp, t.now.Tuple().Reverse()}] = flow{t.id, t.last}
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
	if len(l.flows) < maxFlows/2 {
		return
	}
	old := now.Add(-flowsLast).UnixNano()
	for k, f := range l.flows {
		if f.at < old || len(l.flows) >= maxFlows {
			delete(l.flows, k)
		}
	}
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
