package logfile

import (
	"bytes"
	"io"
)

// lineCounter counts newlines before an offset, on from where it was last asked.
type lineCounter struct {
	at  io.ReaderAt
	off int64
	n   int64
}

// upTo is the number of newlines in the first off bytes.
func (c *lineCounter) upTo(off int64) int64 {
	if off < c.off {
		c.off, c.n = 0, 0
	}
	buf := make([]byte, min(off-c.off, 64<<10))
	for c.off < off {
		n, err := c.at.ReadAt(buf[:min(off-c.off, int64(len(buf)))], c.off)
		c.n += int64(bytes.Count(buf[:n], []byte{'\n'}))
		c.off += int64(n)
		if err != nil {
			break
		}
	}
	return c.n
}
