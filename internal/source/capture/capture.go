// Package capture reads capture files, pcap and pcapng, as events: each packet
// becomes what nfnetlink_log would have said of it, as far as the file tells.
// It knows Ethernet, raw IP, BSD loopback, Linux cooked captures and NFLOG; of
// NFLOG it tells all that a live reader would have been told, prefixes of TRACE
// included. It reads files and nothing else: neither compression nor interfaces.
//
// A capture is read in place, with as much memory as its largest packet takes. A
// length that cannot be is taken for damage and never for a number of bytes to
// make room for.
package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/source"
)

// ErrNotCapture is what Open returns for anything that is neither pcap nor pcapng.
var ErrNotCapture = errors.New("neither a pcap nor a pcapng capture")

// Source tells the packets of one capture.
type Source struct {
	name    string
	in      window
	file    format
	nflog   *source.Decoder
	made    []byte // messages that events point to and that the window does not hold as they are
	links   links
	closing closing
	last    time.Time // of the packet before
	events  []event.Event
	message []event.Event // that one NFLOG record becomes
	emit    func([]event.Event)
}

// format is one of the two kinds of files.
type format interface {
	// next takes one record or block, and tells its packet. The error is io.EOF at
	// the end of the file, io.ErrUnexpectedEOF within a record, or a *damage.
	next(s *Source) error
	// record is what the format calls what next takes.
	record() string
}

// record is one captured packet.
type record struct {
	offset  int64     // of its record in the file
	time    time.Time // zero when not known
	link    uint32
	order   binary.ByteOrder // of the machine that captured it
	device  uint32           // where it was captured, by its number in links; 0 when not known
	sent    bool             // by the machine that captured it
	data    []byte
	length  uint32 // of the packet before the capture cut it
	comment []byte
}

// damage is what ends a file in which nothing tells where the next packet begins.
type damage struct{ why string }

func (d *damage) Error() string { return d.why }

// mostEvents is how many events, but for those of one record, are handed over at a time.
const mostEvents = 256

// Open reads the head of a capture. name is how notes and errors of Run call it.
func Open(r io.Reader, name string) (*Source, error) {
	s := &Source{name: name, nflog: source.NewDecoder(), links: newLinks(), in: window{r: r, buf: make([]byte, windowSize)}}
	s.in.before = s.flush
	if err := s.open(); errors.Is(err, ErrNotCapture) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("head of the capture: %w", err)
	}
	return s, nil
}

func (s *Source) open() error {
	magic, err := s.in.peek(magicLen)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrNotCapture
	case err != nil:
		return err
	case isPcapng(magic):
		s.file = &pcapng{}
		return nil
	}
	s.file, err = openPcap(&s.in)
	return err
}

// magicLen is how many bytes tell a capture from other files.
const magicLen = 12

// Sniff reports whether a file that begins with head, of at least 12 bytes, is a capture.
func Sniff(head []byte) bool {
	if len(head) < magicLen {
		return false
	}
	_, _, ok := pcapMagic(head)
	return ok || isPcapng(head)
}

// Run implements source.Source. What cannot be decoded is told as KindUndecoded;
// a capture that breaks off, or that is damaged so that nothing tells where the
// next packet begins, tells what it has and ends with a note. The error is one of
// reading.
func (s *Source) Run(ctx context.Context, emit func([]event.Event)) error {
	s.emit = emit
	s.tellLinks()
	var err error
	for err == nil && ctx.Err() == nil {
		if err = s.file.next(s); len(s.events) >= mostEvents {
			s.flush()
		}
	}
	err = s.end(err)
	s.flush()
	return err
}

// end tells what the end of the file means.
func (s *Source) end(err error) error {
	var d *damage
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		s.note("the capture breaks off in the middle of the %s at offset %d: what came after is not known", s.file.record(), s.in.offset)
	case errors.As(err, &d):
		s.note("the %s at offset %d is damaged (%s): what came after is not known", s.file.record(), s.in.offset, d.why)
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %s at offset %d: %w", s.name, s.file.record(), s.in.offset, err)
	}
	s.closing.tell(s.note)
	return nil
}

// flush hands over what is to be told.
func (s *Source) flush() {
	if len(s.events) > 0 {
		s.emit(s.events)
	}
	s.events, s.made = s.events[:0], s.made[:0]
}

// add makes room for one more event.
func (s *Source) add(kind event.Kind, at time.Time) *event.Event {
	s.events = append(s.events, event.Event{Kind: kind, Time: at})
	return &s.events[len(s.events)-1]
}

func (s *Source) note(form string, args ...any) {
	s.add(event.KindNote, s.last).Note = s.name + ": " + fmt.Sprintf(form, args...)
}

// undecoded keeps the bytes of a record as they are.
func (s *Source) undecoded(p *record, why error) {
	s.add(event.KindUndecoded, p.time).Undecoded = &event.Undecoded{
		Reason: fmt.Sprintf("%s: %s at offset %d: %v", s.name, s.file.record(), p.offset, why),
		Raw:    p.data,
	}
}

// tell turns a record into an event.
func (s *Source) tell(p *record) {
	if !p.time.IsZero() {
		s.last = p.time
	}
	if len(p.comment) > 0 {
		s.closing.comment(s.note, p.offset, p.comment)
	}
	if p.link == linkNFLOG {
		s.tellNFLOG(p)
		return
	}
	var c crossing
	if err := p.decode(&c); err != nil {
		s.undecoded(p, err)
		return
	}
	s.tellPlain(p, &c)
}

// tellPlain tells a packet of which the file knows what was on the wire, and no hook.
func (s *Source) tellPlain(p *record, c *crossing) {
	device := p.device
	if c.index != 0 {
		device = c.index
		s.learn(device)
	}
	e := s.add(event.KindLog, p.time)
	e.Log = event.Log{
		Family: c.nfproto(), Hook: event.NoHook, EtherType: c.etherType,
		LinkHeader: c.header, Payload: c.payload,
		LinkType: c.device, HasLinkType: c.hasDevice, Timestamp: p.time,
	}
	if p.sent || c.sent {
		e.Log.Out = device
	} else {
		e.Log.In = device
	}
}
