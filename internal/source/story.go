package source

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
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
	storyName  = "pktrail-story/"
	storyMagic = storyName + "1\n"
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
	frameIdle      = 7
	frameChecked   = 8
)

// Recorder writes a recording. Several goroutines may use it.
type Recorder struct {
	order sync.Mutex
	mu    sync.Mutex // of what follows
	w     *bufio.Writer
	err   error
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

// Together makes one piece of what f records and hands on: a recording tells its
// events in the order in which they were told. A nil Recorder only calls f.
func (r *Recorder) Together(f func()) {
	if r != nil {
		r.order.Lock()
		defer r.order.Unlock()
	}
	f()
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
	case event.KindIdle:
		kind = frameIdle
	case event.KindChecked:
		kind, value = frameChecked, e.Stale
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
	if len(data) > maxFrame {
		r.fail(fmt.Errorf("a frame of %d bytes, %d are allowed", len(data), maxFrame))
		return
	}
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
		_, err := r.w.Write(b)
		r.fail(err)
	}
}

func (r *Recorder) fail(err error) {
	if r.err == nil && err != nil {
		r.err = fmt.Errorf("write recording: %w", err)
	}
}

func byteOrder() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return "little"
	}
	return "big"
}
