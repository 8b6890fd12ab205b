package capture

import (
	"errors"
	"io"
)

// window reads a file in place: what peek returns is memory of the window, and
// holds until before is called.
type window struct {
	r      io.Reader
	before func() // called before bytes that were handed out are overwritten

	buf     []byte
	at, end int   // of what is read and not yet taken
	offset  int64 // of buf[at] in the file
	err     error // of the reader; it comes when all before it is taken
}

const (
	windowSize = 64 << 10
	idleReads  = 100 // reads without a byte until a reader counts as broken
)

// peek returns the next n bytes. The error is io.EOF where there is none, and
// io.ErrUnexpectedEOF where there are fewer.
func (w *window) peek(n int) ([]byte, error) {
	for idle := 0; w.end-w.at < n; {
		switch {
		case errors.Is(w.err, io.EOF) && w.end > w.at:
			return nil, io.ErrUnexpectedEOF
		case w.err != nil:
			return nil, w.err
		}
		if w.fill() {
			idle = 0
		} else if idle++; idle == idleReads {
			w.err = io.ErrNoProgress
		}
	}
	return w.buf[w.at : w.at+n : w.at+n], nil
}

// take goes on behind n bytes that peek has returned.
func (w *window) take(n int) {
	w.at += n
	w.offset += int64(n)
}

// fill reads once, and reports whether anything came. The window grows with what
// was read, not with what is asked for.
func (w *window) fill() bool {
	w.before()
	w.end = copy(w.buf, w.buf[w.at:w.end])
	w.at = 0
	if w.end == len(w.buf) {
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	n, err := w.r.Read(w.buf[w.end:])
	w.end += n
	w.err = err
	return n > 0
}
