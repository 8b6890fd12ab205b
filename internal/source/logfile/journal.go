package logfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/pktrail/pktrail/internal/envelope"
	"github.com/pktrail/pktrail/internal/logline"
)

// entry is an entry of the journal that may tell of a packet, or cannot be read.
type entry struct {
	head     envelope.Head // but for Host
	host     string
	at       int64 // in the stream
	from, to int   // of its text in the chunk's
	wrong    string
}

// mostEntries and mostText are when a chunk of entries is full.
const (
	mostEntries = 512
	mostText    = 128 << 10
)

// journal reads entries and hands on those that have words of packets, before
// it would have to wait for more.
type journal struct {
	p     *pipeline
	in    *input
	queue chan<- *chunk
	r     io.Reader
	c     *chunk
	hosts names
	read  int64
}

// Read reads for envelope.Entries, which asks only when it has nothing left.
func (j *journal) Read(b []byte) (int, error) {
	j.flush()
	n, err := j.r.Read(b)
	j.read += int64(n)
	return n, err
}

func (j *journal) flush() {
	if j.c != nil {
		j.c.read, j.read = j.read, 0
		j.p.send(j.c, j.queue)
		j.c = nil
	}
}

// feedEntries reads a journal to its end.
func (p *pipeline) feedEntries(ctx context.Context, r io.Reader, form envelope.Form, in *input, queue chan<- *chunk) {
	j := journal{p: p, in: in, queue: queue, r: r}
	entries := envelope.NewEntries(&j, form)
	var e envelope.Entry
	for {
		err := entries.Next(&e)
		if errors.Is(err, os.ErrDeadlineExceeded) || !j.room(ctx) {
			return
		}
		wrong, unreadable := errors.AsType[*envelope.Error](err)
		switch {
		case unreadable:
			j.c.entries = append(j.c.entries, entry{at: entries.Offset(), wrong: wrong.Error()})
		case err != nil:
			if !errors.Is(err, io.EOF) {
				j.c.err = err
			}
			j.flush()
			return
		case logline.Find(e.Message) >= 0:
			j.add(&e, entries.Offset())
		}
	}
}

// room makes room for one more entry; false when ctx has ended.
func (j *journal) room(ctx context.Context) bool {
	if j.c != nil && (len(j.c.entries) >= mostEntries || len(j.c.text) >= mostText) {
		j.flush()
	}
	if j.c == nil {
		j.c = j.p.take(ctx, j.in)
	}
	return j.c != nil
}

// add copies what is kept of an entry.
func (j *journal) add(e *envelope.Entry, at int64) {
	c := j.c
	from := len(c.text)
	c.text = append(c.text, e.Message...)
	kept := entry{head: e.Head, at: at, from: from, to: len(c.text)}
	kept.head.Host = nil
	if e.Has&envelope.HasHost != 0 {
		kept.host = j.hosts.of(e.Host)
	}
	c.entries = append(c.entries, kept)
}

// entries reads the packet lines of a chunk's entries.
func (w *worker) entries(c *chunk) {
	for i := range c.entries {
		e := &c.entries[i]
		if e.wrong != "" {
			c.bad(origin{entry: true}, nil, e.wrong)
			continue
		}
		for text := range bytes.Lines(c.text[e.from:e.to]) {
			w.head = e.head
			w.message(c, origin{at: e.at, host: e.host, entry: true}, bytes.TrimRight(text, "\r\n"))
		}
	}
}

// begins reads the beginning of a stream, so that its form can be told: a line,
// and a few characters at least.
func begins(r io.Reader) ([]byte, io.Reader) {
	head := make([]byte, 0, 4096)
	for len(head) < cap(head) {
		n, err := r.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
		if err != nil {
			return head, io.MultiReader(bytes.NewReader(head), ended{err})
		}
		if bytes.IndexByte(head, '\n') >= 0 && len(bytes.TrimSpace(head)) > 2 {
			break
		}
	}
	return head, io.MultiReader(bytes.NewReader(head), r)
}
