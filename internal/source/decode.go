package source

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/internal/wire/nflog"
	"github.com/pktrail/pktrail/internal/wire/nftrace"
)

// Decoder turns the datagrams of one namespace into events.
type Decoder struct {
	names nftrace.Names
	seq   uint32 // the NFLOG sequence number that comes next
	begun bool
}

// NewDecoder returns a decoder at the start of a stream.
func NewDecoder() *Decoder { return &Decoder{names: nftrace.Names{}} }

// Datagram appends the events of one datagram to events. What does not decode
// becomes an Undecoded event; a gap in NFLOG's sequence numbers a Lost one.
func (d *Decoder) Datagram(at time.Time, netns uint16, datagram []byte, events []event.Event) []event.Event {
	for off := 0; ; {
		m, next, ok, err := wire.Next(datagram, off)
		if err != nil {
			return append(events, undecoded(at, netns, 0, err, datagram[off:]))
		}
		if !ok {
			return events
		}
		off = next
		events = d.message(at, netns, m, events)
	}
}

func (d *Decoder) message(at time.Time, netns uint16, m wire.Message, events []event.Event) []event.Event {
	events = append(events, event.Event{Time: at, Netns: netns})
	e := &events[len(events)-1]
	switch m.Type {
	case nftrace.MessageType:
		e.Kind = event.KindTrace
		if err := nftrace.Decode(m, d.names, &e.Trace); err != nil {
			*e = undecoded(at, netns, m.Type, err, m.Raw)
		}
	case nflog.MessageType:
		e.Kind = event.KindLog
		if err := nflog.Decode(m, &e.Log); err != nil {
			*e = undecoded(at, netns, m.Type, err, m.Raw)
			return events
		}
		e.Log.Line, _ = logline.ParseTrace(e.Log.Prefix, d.names.Intern)
		return d.sequence(e.Log, at, netns, events)
	case unix.NLMSG_NOOP, unix.NLMSG_DONE, unix.NLMSG_ERROR:
		events = events[:len(events)-1]
	default:
		*e = undecoded(at, netns, m.Type, errUnknownType, m.Raw)
	}
	return events
}

// sequence puts a Lost event in front of a message that does not follow the
// one before it. The numbers count a listener's messages from 0 and wrap.
func (d *Decoder) sequence(l event.Log, at time.Time, netns uint16, events []event.Event) []event.Event {
	if !l.HasSeq {
		return events
	}
	gap := l.Seq - d.seq
	if !d.begun {
		gap = 0
	}
	d.begun, d.seq = true, l.Seq+1
	if gap == 0 || gap > 1<<31 {
		return events
	}
	last := events[len(events)-1]
	lost := &event.Lost{What: "NFLOG", Count: int64(gap)}
	events[len(events)-1] = event.Event{Kind: event.KindLost, Time: at, Netns: netns, Lost: lost}
	return append(events, last)
}

type unknownType struct{}

func (unknownType) Error() string { return "message of a type that was not asked for" }

var errUnknownType = unknownType{}

func undecoded(at time.Time, netns uint16, typ uint16, err error, raw []byte) event.Event {
	return event.Event{Kind: event.KindUndecoded, Time: at, Netns: netns,
		Undecoded: &event.Undecoded{Type: typ, Reason: err.Error(), Raw: append([]byte(nil), raw...)}}
}
