package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// stream cuts what is read from r into chunks of whole lines. What follows the
// last newline waits for the rest of its line.
type stream struct {
	r     io.Reader
	off   int64 // behind what was read of r
	lines int64 // newlines before the waiting line; -1: they are not counted
	full  bool  // read until a chunk is full; else hand on what is there

	waiting []byte // the beginning of a line
	long    bool   // within a line that is too long
}

// next fills c with what there is now. It returns io.EOF when there was nothing
// more, and other errors of the reader; c may hold lines even then.
func (s *stream) next(c *chunk, size int) error {
	buf := c.room(size)
	old := copy(buf, s.waiting)
	n, err := s.read(buf[old : old+size])
	c.read = int64(n)
	c.binary = binaryBytes(buf[old : old+n])
	c.next = s.off + int64(n)
	from := s.off - int64(old)
	s.off += int64(n)
	s.cut(c, buf[:old+n], old, from)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = fmt.Errorf("after %d bytes: %w", s.off, reason(err))
	}
	return err
}

func (s *stream) read(b []byte) (int, error) {
	n, empty := 0, 0
	for n < len(b) && empty < 100 {
		more, err := s.r.Read(b[n:])
		n += more
		if err != nil || n > 0 && !s.full {
			return n, err
		}
		if more == 0 {
			empty++
		}
	}
	if n == 0 {
		return 0, io.ErrNoProgress
	}
	return n, nil
}

// cut takes whole lines out of raw, which begins at offset from; no line ends in
// its first old bytes.
func (s *stream) cut(c *chunk, raw []byte, old int, from int64) {
	first := 0
	if s.long {
		i := separator(raw)
		if i < 0 {
			return
		}
		s.ended(c, from+int64(i), raw[i] == '\n')
		first, old = i+1, i+1
	}
	stop := first
	if i := lastSeparator(raw[old:]); i >= 0 {
		stop = old + i + 1
	}
	c.data, c.dataAt, c.base = raw[first:stop], from+int64(first), s.lines
	c.next = from + int64(stop)
	if s.lines >= 0 {
		s.lines += int64(bytes.Count(c.data, []byte{'\n'}))
	}
	s.wait(c, raw[stop:])
}

// wait keeps the beginning of a line, unless the line is too long already.
func (s *stream) wait(c *chunk, rest []byte) {
	s.waiting = s.waiting[:0]
	if len(rest) > maxLine {
		c.long(rest, c.next)
		s.long = true
		return
	}
	s.waiting = append(s.waiting, rest...)
}

// ended notes where the line that is too long ends.
func (s *stream) ended(c *chunk, at int64, newline bool) {
	s.long = false
	c.longEnd = at
	if newline && s.lines >= 0 {
		s.lines++
	}
}

// end fills c with the last line, which has no newline.
func (s *stream) end(c *chunk) {
	buf := c.room(0)
	n := copy(buf, s.waiting)
	s.waiting = s.waiting[:0]
	c.data, c.dataAt, c.base = buf[:n], s.off-int64(n), s.lines
	c.next = s.off
}
