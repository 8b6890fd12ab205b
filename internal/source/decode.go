package source

import (
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/internal/wire/nflog"
	"github.com/pktrail/pktrail/internal/wire/nftrace"
)

// Netlink's own messages that may stand between others and tell of no packet
// (include/uapi/linux/netlink.h: NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE).
const (
	typeNoop  = 1
	typeError = 2
	typeDone  = 3
)

// Decoder turns the datagrams of one namespace into events.
type Decoder struct {
	names nftrace.Names
	next  map[uint16]uint32 // sequence number that comes next in an NFLOG group

	// What the socket counts as lost and what is missing in NFLOG's numbers are
	// the same messages; these keep them from being told twice.
	losing  bool  // between the beginning and the end of a loss at the socket
	seen    int64 // missing in the numbers since it began
	settled int64 // told by the socket, and not yet seen missing in the numbers
}

// NewDecoder returns a decoder at the start of a stream.
func NewDecoder() *Decoder {
	return &Decoder{names: nftrace.Names{}, next: map[uint16]uint32{}}
}

// Lost tells the decoder of a loss at the socket whose datagrams it gets, in
// their order. Gaps in NFLOG's numbers that it accounts for are then no events.
func (d *Decoder) Lost(l *event.Lost) {
	if l.Open {
		d.losing = true
		return
	}
	d.settled += max(0, l.Count-d.seen)
	d.losing, d.seen = false, 0
}

// Datagram appends the events of one datagram to events. What does not decode
// becomes an Undecoded event; a gap in NFLOG's sequence numbers a Lost one.
func (d *Decoder) Datagram(at time.Time, netns uint16, datagram []byte, events []event.Event) []event.Event {
	for off := 0; ; {
		m, next, ok, err := wire.Next(datagram, off)
		if err != nil {
			return append(events, undecoded(at, netns, 0, err.Error(), datagram[off:]))
		}
		if !ok {
			return events
		}
		off = next
		events = d.Message(at, netns, m, events)
	}
}

// Message appends the events of one message, as Datagram does for each of those in it.
func (d *Decoder) Message(at time.Time, netns uint16, m wire.Message, events []event.Event) []event.Event {
	events = append(events, event.Event{Time: at, Netns: netns})
	e := &events[len(events)-1]
	switch m.Type {
	case nftrace.MessageType:
		e.Kind = event.KindTrace
		if err := nftrace.Decode(m, d.names, &e.Trace); err != nil {
			*e = undecoded(at, netns, m.Type, err.Error(), m.Raw)
		}
	case nflog.MessageType:
		e.Kind = event.KindLog
		if err := nflog.Decode(m, &e.Log); err != nil {
			*e = undecoded(at, netns, m.Type, err.Error(), m.Raw)
			return events
		}
		e.Log.Line, _ = logline.ParseTrace(e.Log.Prefix, d.names.Intern)
		return d.sequence(e.Log, at, netns, events)
	case typeNoop, typeError, typeDone:
		events = events[:len(events)-1]
	default:
		*e = undecoded(at, netns, m.Type, "a message of a type that was not asked for", m.Raw)
	}
	return events
}

// sequence puts a Lost event in front of a message that does not follow the
// one before it. The numbers count a group's messages and wrap; a listener that
// begins again counts from 0.
func (d *Decoder) sequence(l event.Log, at time.Time, netns uint16, events []event.Event) []event.Event {
	if !l.HasSeq {
		return events
	}
	next, begun := d.next[l.Group]
	d.next[l.Group] = l.Seq + 1
	gap := l.Seq - next
	if !begun || gap >= 1<<31 {
		gap = 0
	}
	missing := d.untold(int64(gap))
	if missing == 0 {
		return events
	}
	last := events[len(events)-1]
	lost := &event.Lost{What: "NFLOG", Count: missing}
	events[len(events)-1] = event.Event{Kind: event.KindLost, Time: at, Netns: netns, Lost: lost}
	return append(events, last)
}

// untold is how many of the messages missing in the numbers the socket neither
// has counted nor is about to. The first number after a loss shows all of it,
// unless the next loss has begun: the count may hold part of that one already.
func (d *Decoder) untold(gap int64) int64 {
	told := min(gap, d.settled)
	gap -= told
	if d.losing {
		d.settled -= told
		d.seen += gap
		return 0
	}
	d.settled = 0
	return gap
}

func undecoded(at time.Time, netns uint16, typ uint16, reason string, raw []byte) event.Event {
	return event.Event{Kind: event.KindUndecoded, Time: at, Netns: netns,
		Undecoded: &event.Undecoded{Type: typ, Reason: reason, Raw: append([]byte(nil), raw...)}}
}
