package logfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// pollEvery is how often followed files are looked at. A look is one stat and one
// read for each, so nothing is gained by inotify, which network file systems
// lack, and which says nothing of files that are not there yet.
const pollEvery = 200 * time.Millisecond

// mostGenerations bounds the files that are open for one name while rotation
// goes on faster than anything is written.
const mostGenerations = 16

// follower reads what is written to the file of a name, whichever file that is.
type follower struct {
	path  string
	first *input // what was read of it before following began; nil: it was not there
	files []*generation
	said  string // the last trouble with the name
	tries int    // that found no file in a row
}

func (f *follower) close() {
	for _, g := range f.files {
		g.close()
	}
}

// follow looks at the followed files until ctx ends.
func (s *Source) follow(ctx context.Context, c *chunk, e *emitter) {
	t := tail{source: s, w: newWorker(&s.options), c: c, e: e}
	for _, f := range s.followers {
		if f.first != nil {
			f.files = append(f.files, continued(f.first))
		}
	}
	idle := newIdle(true)
	defer idle.stop()
	poll := time.NewTicker(s.poll)
	defer poll.Stop()
	for ctx.Err() == nil {
		for _, f := range s.followers {
			idle.heard(f.poll(ctx, &t))
		}
		select {
		case <-poll.C:
		case <-idle.after:
			e.idle(idle.passed())
		case <-ctx.Done():
		}
	}
}

// poll reads what is new, and returns how many events that made.
func (f *follower) poll(ctx context.Context, t *tail) int {
	f.look(t)
	n := 0
	for len(f.files) > 0 && ctx.Err() == nil {
		g := f.files[0]
		// The writer goes on with the old file until it has opened the new one:
		// as long as that is empty, more may come. What was written before the
		// first byte of the new file is there by now.
		superseded := f.superseded()
		n += t.read(ctx, g)
		if !superseded {
			break
		}
		n += t.finish(g)
		g.close()
		f.files = slices.Delete(f.files, 0, 1)
	}
	return n
}

// look opens the file that the name is of now, when that is another one.
func (f *follower) look(t *tail) {
	info, err := os.Stat(f.path)
	if err == nil && len(f.files) > 0 && os.SameFile(info, f.files[len(f.files)-1].info) {
		f.said, f.tries = "", 0
		return
	}
	var g *generation
	if err == nil {
		g, err = openGeneration(f.path)
	}
	if err != nil {
		f.trouble(t, err)
		return
	}
	f.said, f.tries = "", 0
	f.files = append(f.files, g)
}

// patience is how many looks may find no file in the midst of a rotation.
const patience = 5

// trouble says once why there is nothing to read under the name.
func (f *follower) trouble(t *tail, err error) {
	if f.tries++; f.tries < patience && len(f.files) > 0 {
		return
	}
	text := fmt.Sprintf("%s: %v: waiting for it", f.path, reason(err))
	if errors.Is(err, fs.ErrNotExist) {
		text = f.path + ": is not there: waiting for it"
	}
	if text != f.said {
		f.said = text
		t.e.note(text)
	}
}

// superseded reports whether the writer has gone on to a newer file.
func (f *follower) superseded() bool {
	if len(f.files) > mostGenerations {
		return true
	}
	return slices.ContainsFunc(f.files[min(1, len(f.files)):], func(g *generation) bool {
		info, err := g.in.file.Stat()
		return err == nil && info.Size() > 0
	})
}

// tail reads followed files, one chunk at a time.
type tail struct {
	source *Source
	w      *worker
	c      *chunk
	e      *emitter
}

// read reads a file from where it was left to its end.
func (t *tail) read(ctx context.Context, g *generation) int {
	n := 0
	if g.truncated() {
		n += t.restart(ctx, g)
	}
	n += t.drain(ctx, g, g.in.file)
	g.remember()
	return n
}

// drain reads until there is nothing more.
func (t *tail) drain(ctx context.Context, g *generation, f io.Reader) int {
	g.stream.r = f
	n := 0
	for ctx.Err() == nil {
		t.c.reset(g.in)
		t.c.reference = time.Now()
		err := g.stream.next(t.c, t.source.chunkSize)
		if errors.Is(err, io.EOF) && t.c.read == 0 {
			break
		}
		n += t.done()
		if err != nil && !errors.Is(err, io.EOF) {
			break
		}
	}
	return n
}

func (t *tail) done() int {
	if t.c.in.form == textForm && len(t.c.data) > 0 {
		t.c.in.form = formOf(t.c.data[:min(len(t.c.data), 4096)])
	}
	t.w.do(t.c)
	return t.e.chunk(t.c, t.w)
}

// finish takes what a file ends with for its last line.
func (t *tail) finish(g *generation) int {
	t.c.reset(g.in)
	t.c.reference = time.Now()
	g.stream.end(t.c)
	n := t.done()
	g.in.grows = false
	t.e.end(g.in)
	return n
}

// restart begins anew with a file that was truncated, as logrotate's copytruncate
// does. What was written between the last look and that is in the copy.
func (t *tail) restart(ctx context.Context, g *generation) int {
	n := 0
	if f := g.copied(); f != nil {
		n = t.drain(ctx, g, f)
		_ = f.Close()
	} else {
		t.e.note(g.in.name + ": was truncated: what was written to it shortly before that may be missing")
	}
	n += t.finish(g)
	g.restart()
	return n
}
