package source

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

// A recording (a story) is a line of magic, a line of JSON about itself, and
// then frames: what the kernel sent, byte for byte, and what was read beside
// it. So a newer pktrail decodes an old recording better than the old one did.
const (
	storyMagic = "pktrail-story/1\n"
	frameLen   = 16 // kind, zero, namespace (2), length (4), time in Unix nanoseconds (8); little-endian
	maxFrame   = 256 << 20
)

// StoryHeader is what a recording says about itself.
type StoryHeader struct {
	Program   string    `json:"program"`    // version of the pktrail that wrote it
	ByteOrder string    `json:"byte_order"` // of the kernel's netlink headers: little or big
	Started   time.Time `json:"started"`
	Match     string    `json:"match"`
}

// The kinds of frames. Numbers are never used again for something else.
const (
	frameDatagram  = 1
	frameNamespace = 2
	frameRules     = 3
	frameLost      = 4
	frameNote      = 5
	frameCounters  = 6
)

// Recorder writes a recording. Several goroutines may use it.
type Recorder struct {
	mu  sync.Mutex
	w   *bufio.Writer
	err error
}

// NewRecorder begins a recording on w.
func NewRecorder(w io.Writer, h StoryHeader) (*Recorder, error) {
	h.ByteOrder = byteOrder()
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	r := &Recorder{w: bufio.NewWriterSize(w, 1<<20)}
	r.write([]byte(storyMagic))
	r.write(append(line, '\n'))
	return r, r.err
}

// Datagram records what the kernel sent.
func (r *Recorder) Datagram(at time.Time, netns uint16, data []byte) {
	r.frame(frameDatagram, at, netns, data)
}

// Event records an event that did not come in a datagram.
func (r *Recorder) Event(e *event.Event) {
	kind, value := byte(0), any(nil)
	switch e.Kind {
	case event.KindNamespace:
		kind, value = frameNamespace, e.Namespace
	case event.KindRules:
		kind, value = frameRules, e.Rules
	case event.KindLost:
		kind, value = frameLost, e.Lost
	case event.KindNote:
		kind, value = frameNote, e.Note
	case event.KindCounters:
		kind, value = frameCounters, e.Counters
	default:
		return
	}
	data, err := json.Marshal(value)
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.fail(err)
		return
	}
	r.frame(kind, e.Time, e.Netns, data)
}

// Close writes out what is buffered and returns the first error of all.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail(r.w.Flush())
	return r.err
}

func (r *Recorder) frame(kind byte, at time.Time, netns uint16, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var h [frameLen]byte
	h[0] = kind
	binary.LittleEndian.PutUint16(h[2:], netns)
	binary.LittleEndian.PutUint32(h[4:], uint32(len(data)))
	binary.LittleEndian.PutUint64(h[8:], uint64(at.UnixNano()))
	r.write(h[:])
	r.write(data)
}

func (r *Recorder) write(b []byte) {
	if r.err == nil {
		_, r.err = r.w.Write(b)
	}
}

func (r *Recorder) fail(err error) {
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("write recording: %w", err)
	}
}

// Story replays a recording.
type Story struct {
	Header StoryHeader

	r        *bufio.Reader
	offset   int64
	decoders map[uint16]*Decoder
}

// ErrNotStory is what OpenStory returns for anything that is not a recording.
var ErrNotStory = errors.New("not a pktrail recording")

// OpenStory reads the head of a recording.
func OpenStory(r io.Reader) (*Story, error) {
	s := &Story{r: bufio.NewReaderSize(r, 1<<20), decoders: map[uint16]*Decoder{}}
	magic, err := s.r.Peek(len(storyMagic))
	if err != nil || string(magic) != storyMagic {
		return nil, ErrNotStory
	}
	_, _ = s.r.Discard(len(storyMagic))
	line, err := s.r.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("recording: head: %w", err)
	}
	if err := json.Unmarshal(line, &s.Header); err != nil {
		return nil, fmt.Errorf("recording: head: %w", err)
	}
	if s.Header.ByteOrder != byteOrder() {
		return nil, fmt.Errorf("recording: made on a %s-endian machine, and this one is not; read it on one of that kind", s.Header.ByteOrder)
	}
	s.offset = int64(len(storyMagic) + len(line))
	return s, nil
}

// Run implements Source. A recording that breaks off tells what it has and
// ends with a note.
func (s *Story) Run(ctx context.Context, emit func([]event.Event)) error {
	var events []event.Event
	var data []byte
	for ctx.Err() == nil {
		var h [frameLen]byte
		if n, err := io.ReadFull(s.r, h[:]); err != nil {
			return s.end(n, err, emit)
		}
		size := int(binary.LittleEndian.Uint32(h[4:]))
		if size > maxFrame {
			return fmt.Errorf("recording: frame of %d bytes at offset %d: damaged", size, s.offset)
		}
		if cap(data) < size {
			data = make([]byte, size)
		}
		data = data[:size]
		if _, err := io.ReadFull(s.r, data); err != nil {
			return s.end(frameLen, err, emit)
		}
		at := time.Unix(0, int64(binary.LittleEndian.Uint64(h[8:])))
		var err error
		if events, err = s.events(h[0], at, binary.LittleEndian.Uint16(h[2:]), data, events[:0]); err != nil {
			return fmt.Errorf("recording: frame at offset %d: %w", s.offset, err)
		}
		s.offset += int64(frameLen + size)
		emit(events)
	}
	return nil
}

func (s *Story) end(read int, err error, emit func([]event.Event)) error {
	if errors.Is(err, io.EOF) && read == 0 {
		return nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		note := fmt.Sprintf("the recording breaks off in the middle of the frame at offset %d: what came after is not known", s.offset)
		emit([]event.Event{{Kind: event.KindNote, Note: note}})
		return nil
	}
	return fmt.Errorf("recording: at offset %d: %w", s.offset, err)
}

func (s *Story) events(kind byte, at time.Time, netns uint16, data []byte, events []event.Event) ([]event.Event, error) {
	e := event.Event{Time: at, Netns: netns}
	var err error
	switch kind {
	case frameDatagram:
		d := s.decoders[netns]
		if d == nil {
			d = NewDecoder()
			s.decoders[netns] = d
		}
		return d.Datagram(at, netns, data, events), nil
	case frameNamespace:
		e.Kind, e.Namespace = event.KindNamespace, new(event.Namespace)
		err = json.Unmarshal(data, e.Namespace)
	case frameRules:
		e.Kind, e.Rules = event.KindRules, new(event.Rules)
		err = json.Unmarshal(data, e.Rules)
	case frameLost:
		e.Kind, e.Lost = event.KindLost, new(event.Lost)
		err = json.Unmarshal(data, e.Lost)
	case frameNote:
		e.Kind = event.KindNote
		err = json.Unmarshal(data, &e.Note)
	case frameCounters:
		e.Kind, e.Counters = event.KindCounters, new(event.Counters)
		err = json.Unmarshal(data, e.Counters)
	default:
		e.Kind = event.KindNote
		e.Note = fmt.Sprintf("the recording holds frames of kind %d, which this pktrail does not know: a newer one may tell more", kind)
	}
	return append(events, e), err
}

func byteOrder() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return "little"
	}
	return "big"
}
