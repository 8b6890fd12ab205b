package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

// maxLine is the longest line that is read, in bytes. The kernel's own are below
// 1024; journal records hold several fields.
const maxLine = 64 << 10

// slack is how far a chunk is read beyond its end at first: most lines that
// begin in it end there.
const slack = 4 << 10

// textLen is how much of an unreadable line is shown.
const textLen = 200

// chunk is a stretch of a file on its way from the reader through a worker to
// the emitter. It is reused.
type chunk struct {
	in    *input
	ready chan struct{} // the worker is done
	buf   []byte

	// What a worker is to read itself: the lines that begin in [off, end) of the
	// file; data where the reader has read it.
	ranged   bool
	off, end int64

	reference time.Time // the newest time that lines can be of

	data   []byte // whole lines; the last may lack its newline
	dataAt int64  // offset of data
	base   int64  // newlines before data; -1: not known
	pos    int    // how far the lines of data have been read

	counted struct { // newlines in data before pos
		pos   int
		lines int64
	}

	next int64 // offset behind what has been read as lines

	// A line that is too long to be read goes through several chunks: the one
	// where it begins, at longAt, and the one in which it ends, at longEnd.
	longAt, longEnd int64 // -1: not here
	longText        []byte

	entries []entry // of a journal, instead of data
	text    []byte  // of the entries

	binary int64 // bytes that look as if they were no text
	read   int64 // bytes
	err    error

	found
}

// found is what a worker finds in a chunk.
type found struct {
	events  []event.Event
	lines   []event.LogLine
	bads    []event.BadLine
	untimed int       // so many events at the beginning have the time of a line before the chunk
	last    time.Time // of the last line with a time
	guessed guessed
	counts  Counts
}

// guessed is what of stamps was chosen and not read: the first event whose stamp
// has no year, and no zone; -1 for none.
type guessed struct {
	year, zone int
}

func (c *chunk) reset(in *input) {
	c.in, c.ranged = in, false
	c.data, c.dataAt, c.base, c.next = nil, 0, -1, 0
	c.longAt, c.longEnd = -1, -1
	c.binary, c.read, c.err = 0, 0, nil
	c.entries, c.text, c.pos = c.entries[:0], c.text[:0], 0
	c.counted.pos, c.counted.lines = 0, 0
	c.clear()
}

// clear forgets what was found.
func (c *chunk) clear() {
	c.found = found{events: c.events[:0], lines: c.lines[:0], bads: c.bads[:0], guessed: guessed{-1, -1}}
}

// room makes the buffer hold size bytes of lines and one line more.
func (c *chunk) room(size int) []byte {
	if want := size + maxLine + slack; cap(c.buf) < want {
		c.buf = make([]byte, want)
	}
	c.buf = c.buf[:cap(c.buf)]
	return c.buf
}

// pageSize is what reads begin at a multiple of: copies from the page cache are
// several times faster then.
const pageSize = 4096

// fill reads the lines of a ranged chunk.
func (c *chunk) fill(at io.ReaderAt) {
	from := max(c.off-1, 0) // the byte before tells whether a line begins at off
	shift := int(from % pageSize)
	size := int(c.end - from)
	buf := c.room(shift + size)
	n := c.readAt(at, buf[:shift+size+slack], from-int64(shift)) - shift
	buf, n = buf[shift:], max(n, 0)
	short := n < size+slack
	owned := buf[:min(n, size)]
	c.read = max(0, int64(len(owned))-(c.off-from))
	c.next = from + int64(len(owned))
	c.binary = binaryBytes(owned[min(len(owned), int(c.off-from)):])
	first := 0
	if c.off > 0 {
		i := separator(owned)
		if i < 0 {
			return
		}
		c.longEnd = from + int64(i)
		if first = i + 1; first == len(owned) {
			c.next = from + int64(first)
			return
		}
	}
	stop := lineEnd(buf[:n], max(len(owned)-1, first))
	if stop < 0 && !short {
		more := c.readAt(at, buf[n:], from+int64(n))
		short = n+more < len(buf)
		stop = lineEnd(buf[:n+more], n)
		n += more
	}
	c.cut(buf[:n], first, stop, from, short)
}

// cut takes the lines out of raw, which was read at from; stop is where the last
// of them ends, -1 where its end was not read.
func (c *chunk) cut(raw []byte, first, stop int, from int64, ended bool) {
	c.dataAt = from + int64(first)
	if stop < 0 {
		begin := first + lastSeparator(raw[first:]) + 1
		switch {
		case len(raw)-begin > maxLine:
			c.long(raw[begin:], from+int64(begin))
			stop = begin
		case ended && !c.in.grows:
			stop = len(raw)
		default:
			stop = begin
		}
	}
	c.data = raw[first:stop]
	c.next = from + int64(stop)
}

func (c *chunk) long(line []byte, at int64) {
	c.longAt = at
	c.longText = append(c.longText[:0], line[:min(len(line), textLen)]...)
}

// readAt fills b as far as the file reaches. What cannot be read ends the file.
func (c *chunk) readAt(at io.ReaderAt, b []byte, off int64) int {
	n, err := at.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = fmt.Errorf("at byte %d: %w", off+int64(n), reason(err))
	}
	return n
}

// Lines end at a newline, and at bytes of zero: after a crash of the host, files
// hold long runs of them between two lines.

// separator is the offset of the first end of a line, -1 for none.
func separator(b []byte) int {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.IndexByte(b, 0)
	}
	if z := bytes.IndexByte(b[:i], 0); z >= 0 {
		return z
	}
	return i
}

// lastSeparator is the offset of the last end of a line, -1 for none.
func lastSeparator(b []byte) int {
	i := bytes.LastIndexByte(b, '\n')
	if z := bytes.LastIndexByte(b[i+1:], 0); z >= 0 {
		return i + 1 + z
	}
	return i
}

// lineEnd is the offset behind the first end of a line at or behind from, -1 for none.
func lineEnd(b []byte, from int) int {
	if from >= len(b) {
		return -1
	}
	i := separator(b[from:])
	if i < 0 {
		return -1
	}
	return from + i + 1
}

// binaryBytes is how many bytes look as if they were no text: all or none,
// judged by the first of them.
func binaryBytes(b []byte) int64 {
	control := 0
	sample := b[:min(len(b), 1024)]
	for _, c := range sample {
		if c < ' ' && (c < '\a' || c > '\r') && c != '\x1b' || c == 0x7f {
			control++
		}
	}
	if control*20 <= len(sample) {
		return 0
	}
	return int64(len(b))
}
