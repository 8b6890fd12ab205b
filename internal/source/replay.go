package source

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

// Story replays a recording.
type Story struct {
	Header StoryHeader

	r        *bufio.Reader
	offset   int64 // of the frame that is read
	head     [frameLen]byte
	data     []byte // of the frames that are told next
	decoders map[uint16]*Decoder
}

// ErrNotStory is what OpenStory returns for anything that is not a recording.
var ErrNotStory = errors.New("not a pktrail recording")

// IsStory reports whether a file that begins so is a recording, of any format.
func IsStory(head []byte) bool { return bytes.HasPrefix(head, []byte(storyName)) }

// OpenStory reads the head of a recording.
func OpenStory(r io.Reader) (*Story, error) {
	s := &Story{r: bufio.NewReaderSize(r, readAhead), decoders: map[uint16]*Decoder{}}
	if err := s.magic(); err != nil {
		return nil, err
	}
	line, err := s.r.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("recording: head: %w", err)
	}
	if err := json.Unmarshal(line, &s.Header); err != nil {
		return nil, fmt.Errorf("recording: head: %w", err)
	}
	if s.Header.ByteOrder != byteOrder() {
		return nil, fmt.Errorf("recording: made on a machine of byte order %q, and this one is %s-endian; read it on one of that kind",
			s.Header.ByteOrder, byteOrder())
	}
	s.offset = int64(len(storyMagic) + len(line))
	return s, nil
}

func (s *Story) magic() error {
	magic, err := s.r.Peek(len(storyMagic))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("recording: %w", err)
	case string(magic) == storyMagic:
		_, err = s.r.Discard(len(storyMagic))
		return err
	case strings.HasPrefix(string(magic), storyName):
		return fmt.Errorf("recording of format %q: this pktrail reads %q; a newer one may read it",
			bytes.TrimSpace(magic), strings.TrimSpace(storyMagic))
	}
	return ErrNotStory
}

// bunch is events of one time and namespace, which were told as one.
type bunch struct {
	at     time.Time
	netns  uint16
	events []event.Event
}

const (
	readAhead = 1 << 20
	// mostEvents of one time are more than one read of a live source brings.
	mostEvents = 1 << 16
)

// Run implements Source. A recording that breaks off tells what it has and
// ends with a note; one that is damaged tells what comes before that.
func (s *Story) Run(ctx context.Context, emit func([]event.Event)) error {
	var b bunch
	for ctx.Err() == nil {
		if err := s.frame(&b, emit); err != nil {
			s.tell(&b, emit)
			return s.end(err, emit)
		}
	}
	return nil
}

// frame reads one frame into the bunch that it belongs to, and tells the bunch
// before if that is another. The error is io.EOF at the end of the recording and
// io.ErrUnexpectedEOF within a frame.
func (s *Story) frame(b *bunch, emit func([]event.Event)) error {
	h := s.head[:]
	if _, err := io.ReadFull(s.r, h); err != nil {
		return err
	}
	at, netns := time.Unix(0, int64(binary.LittleEndian.Uint64(h[8:]))), binary.LittleEndian.Uint16(h[2:])
	if !at.Equal(b.at) || netns != b.netns || len(b.events) >= mostEvents || len(s.data) > readAhead {
		s.tell(b, emit)
		b.at, b.netns = at, netns
	}
	size := int64(binary.LittleEndian.Uint32(h[4:]))
	if size > maxFrame {
		return fmt.Errorf("%d bytes: damaged", size)
	}
	data, err := s.read(int(size))
	if err != nil {
		return err
	}
	if b.events, err = s.events(h[0], at, netns, data, b.events); err != nil {
		return err
	}
	s.offset += frameLen + size
	return nil
}

func (s *Story) tell(b *bunch, emit func([]event.Event)) {
	if len(b.events) > 0 {
		emit(b.events)
	}
	b.events, s.data = b.events[:0], s.data[:0]
}

// read appends the next bytes to data and returns them. It takes memory for what
// is there, not for what a damaged length says.
func (s *Story) read(size int) ([]byte, error) {
	start := len(s.data)
	for size > 0 {
		n := min(size, readAhead)
		s.data = slices.Grow(s.data, n)[:len(s.data)+n]
		switch _, err := io.ReadFull(s.r, s.data[len(s.data)-n:]); {
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		size -= n
	}
	return s.data[start:len(s.data):len(s.data)], nil
}

// end is what Run returns at the frame that could not be told.
func (s *Story) end(err error, emit func([]event.Event)) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		note := fmt.Sprintf("the recording breaks off in the middle of the frame at offset %d: what came after is not known", s.offset)
		emit([]event.Event{{Kind: event.KindNote, Note: note}})
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("recording: frame at offset %d: %w", s.offset, err)
	}
	return nil
}

func (s *Story) events(kind byte, at time.Time, netns uint16, data []byte, events []event.Event) ([]event.Event, error) {
	if kind == frameDatagram {
		return s.decoder(netns).Datagram(at, netns, data, events), nil
	}
	e := event.Event{Time: at, Netns: netns}
	var err error
	switch kind {
	case frameNamespace:
		e.Kind, e.Namespace = event.KindNamespace, new(event.Namespace)
		err = json.Unmarshal(data, e.Namespace)
	case frameRules:
		e.Kind, e.Rules = event.KindRules, new(event.Rules)
		if err = json.Unmarshal(data, e.Rules); err == nil {
			err = checkRules(e.Rules)
		}
	case frameLost:
		e.Kind, e.Lost = event.KindLost, new(event.Lost)
		if err = json.Unmarshal(data, e.Lost); err == nil {
			e.Lost.Count = max(0, e.Lost.Count)
			s.decoder(netns).Lost(e.Lost)
		}
	case frameNote:
		e.Kind = event.KindNote
		err = json.Unmarshal(data, &e.Note)
	case frameCounters:
		e.Kind, e.Counters = event.KindCounters, new(event.Counters)
		err = json.Unmarshal(data, e.Counters)
	case frameIdle:
		e.Kind = event.KindIdle
	case frameChecked:
		e.Kind = event.KindChecked
		err = json.Unmarshal(data, &e.Stale)
	default:
		e.Kind = event.KindNote
		e.Note = fmt.Sprintf("the recording holds frames of kind %d, which this pktrail does not know: a newer one may tell more", kind)
	}
	if err != nil {
		return events, err
	}
	return append(events, e), nil
}

func (s *Story) decoder(netns uint16) *Decoder {
	d := s.decoders[netns]
	if d == nil {
		d = NewDecoder()
		s.decoders[netns] = d
	}
	return d
}

// checkRules refuses what no reader of rulesets makes.
func checkRules(r *event.Rules) error {
	for _, t := range r.Tables {
		if t == nil || slices.Contains(t.Chains, nil) {
			return errors.New("rules with an empty table or chain: damaged")
		}
	}
	return nil
}
