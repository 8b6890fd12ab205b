package logfile

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/envelope"
)

// pipeline hands chunks from a reader to the workers and, in the order in which
// they were read, to the emitter. A chunk is in one place at a time, and there
// are only so many of them.
type pipeline struct {
	source *Source
	free   chan *chunk
	work   chan *chunk
	single *worker // of inputs whose lines must be read in order
}

func newPipeline(ctx context.Context, s *Source) *pipeline {
	n := 2*s.options.Workers + 2
	p := &pipeline{source: s, free: make(chan *chunk, n), work: make(chan *chunk, n), single: newWorker(&s.options)}
	for range n {
		p.free <- p.newChunk()
	}
	for range s.options.Workers {
		go p.worker(ctx)
	}
	return p
}

func (p *pipeline) newChunk() *chunk { return &chunk{ready: make(chan struct{}, 1)} }

func (p *pipeline) worker(ctx context.Context) {
	w := newWorker(&p.source.options)
	for {
		select {
		case c := <-p.work:
			w.do(c)
			c.ready <- struct{}{}
		case <-ctx.Done():
			return
		}
	}
}

// read emits everything that an input holds.
func (p *pipeline) read(ctx context.Context, in *input, e *emitter) {
	queue := make(chan *chunk, cap(p.free))
	go func() {
		defer close(queue)
		p.feed(ctx, in, queue)
	}()
	idle := newIdle(p.source.options.Follow && in.kind >= piped)
	defer idle.stop()
	for {
		select {
		case c, more := <-queue:
			if !more {
				e.end(in)
				return
			}
			if !p.finished(ctx, c) {
				return
			}
			idle.heard(e.chunk(c, p.single))
			p.free <- c
		case <-idle.after:
			e.idle(idle.passed())
		case <-ctx.Done():
			return
		}
	}
}

// finished waits until a chunk's lines have been read; false when ctx has ended.
func (p *pipeline) finished(ctx context.Context, c *chunk) bool {
	if c.in.form.inOrder() {
		p.single.do(c)
		return true
	}
	select {
	case <-c.ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// take gets a chunk to fill; nil when ctx has ended.
func (p *pipeline) take(ctx context.Context, in *input) *chunk {
	select {
	case c := <-p.free:
		c.reset(in)
		c.reference = in.reference()
		return c
	case <-ctx.Done():
		return nil
	}
}

// send passes a chunk to a worker, and to the emitter in turn. Both channels
// have room for all chunks that there are.
func (p *pipeline) send(c *chunk, queue chan<- *chunk) {
	inOrder := c.in.form.inOrder()
	queue <- c
	if !inOrder {
		p.work <- c
	}
}

// feed reads an input, or leaves that to the workers.
func (p *pipeline) feed(ctx context.Context, in *input, queue chan<- *chunk) {
	if in.kind == regular {
		p.feedRanges(ctx, in, queue)
		return
	}
	r := in.reader
	if in.kind == fifo {
		f, err := openFIFO(ctx, in.path)
		if err != nil {
			p.failed(ctx, in, err, queue)
			return
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	if f, ok := r.(*os.File); ok {
		stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
		defer stop()
	}
	if in.begin > 0 {
		r = io.NewSectionReader(in.file, in.begin, in.size-in.begin)
	}
	content, packing, err := unpack(r)
	in.packed = packing
	if err != nil {
		p.failed(ctx, in, err, queue)
		return
	}
	p.feedContent(ctx, content, in, queue)
}

// feedContent reads a stream in the form that it has.
func (p *pipeline) feedContent(ctx context.Context, r io.Reader, in *input, queue chan<- *chunk) {
	head, r := begins(r)
	switch form := envelope.Sniff(head); form {
	case envelope.FormJournalJSON, envelope.FormJournalExport:
		p.feedEntries(ctx, r, form, in, queue)
	case envelope.FormJournalFile:
		p.failed(ctx, in, errors.New("is the journal's own file: journalctl -o json --file FILE prints what can be read"), queue)
	case envelope.FormJournalVerbose:
		p.failed(ctx, in, errors.New("is the journal for people: journalctl -o json prints what can be read"), queue)
	case envelope.FormDmesgJSON:
		p.failed(ctx, in, errors.New("is the kernel log as JSON: dmesg without --json prints what can be read"), queue)
	default:
		in.form = formOf(head)
		p.feedStream(ctx, &stream{r: r, full: in.kind == sequential}, in, queue)
	}
}

func (p *pipeline) feedRanges(ctx context.Context, in *input, queue chan<- *chunk) {
	for off := in.begin; off < in.size; {
		c := p.take(ctx, in)
		if c == nil {
			return
		}
		c.ranged, c.off, c.end = true, off, min(off+int64(p.source.chunkSize), in.size)
		off = c.end
		p.send(c, queue)
	}
}

func (p *pipeline) feedStream(ctx context.Context, s *stream, in *input, queue chan<- *chunk) {
	for {
		c := p.take(ctx, in)
		if c == nil {
			return
		}
		err := s.next(c, p.source.chunkSize)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		p.send(c, queue)
		if err != nil {
			break
		}
	}
	if c := p.take(ctx, in); c != nil {
		s.end(c)
		p.send(c, queue)
	}
}

// failed says that an input cannot be read at all.
func (p *pipeline) failed(ctx context.Context, in *input, err error, queue chan<- *chunk) {
	if c := p.take(ctx, in); c != nil && ctx.Err() == nil {
		c.err = err
		p.send(c, queue)
	}
}

// openFIFO waits for a writer. Where ctx ends first, it becomes the writer
// itself, which ends the wait.
func openFIFO(ctx context.Context, path string) (*os.File, error) {
	opened := make(chan struct{})
	defer close(opened)
	defer context.AfterFunc(ctx, func() {
		for {
			if f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
				_ = f.Close()
			}
			select {
			case <-opened:
				return
			case <-time.After(pollEvery):
			}
		}
	})()
	f, err := os.Open(path)
	return f, reason(err)
}
