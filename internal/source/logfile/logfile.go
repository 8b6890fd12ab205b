// Package logfile reads the kernel's packet log from files and streams: plain and
// compressed files, rotated sets, pipes, standard input, and files that are still
// being written.
//
// Bytes are cut into chunks at line ends. Several workers look for packet lines
// in them, read those, and leave all other lines alone; the events come out in the
// order of the lines. Numbers of lines are counted only for the lines that cannot
// be read. Memory is bounded by the number of workers, whatever the input holds.
//
// What is not here: the grammar of heads (internal/envelope) and of packet lines
// (internal/logline), and captures, recordings and the journal's own binary
// files, which the caller tells apart before.
package logfile

import (
	"context"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

// Stdin is the name of standard input among paths.
const Stdin = "-"

// Options of Open; the zero value reads everything once, with stamps in UTC.
type Options struct {
	// Since and Until bound the time of lines, both included; zero: no bound.
	// Lines without a time of day are kept.
	Since, Until time.Time
	// Follow goes on with what is written to the last file of each set, by name:
	// across rotation, truncation, and the absence of the file.
	Follow bool
	// FromEnd leaves out what is there when following begins.
	FromEnd bool
	// Zone is that of stamps without one, and of all times that are emitted; nil is UTC.
	Zone *time.Location
	// Boot is when the kernel's uptime was 0; zero where that is not known.
	Boot time.Time
	// Workers is how many goroutines read lines; 0: as many as run at once.
	Workers int
	// MaxBad is how many unreadable lines are emitted; 0 is 1000. All are counted.
	MaxBad int
	// Stdin is what "-" reads; nil is the process's own.
	Stdin io.Reader
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.MaxBad <= 0 {
		o.MaxBad = 1000
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	return o
}

// Counts is what has been read so far.
type Counts struct {
	Bytes   int64 // decompressed
	Lines   int64 // packet lines that were emitted
	Cut     int64 // of these: not complete, see event.Cut
	NoTime  int64 // of these: without a time of day
	Bad     int64 // lines that could not be read
	Skipped int64 // packet lines that Since and Until left out
	Broken  int64 // files that could not be read to their end
}

func (c *Counts) add(more Counts) {
	c.Bytes += more.Bytes
	c.Lines += more.Lines
	c.Cut += more.Cut
	c.NoTime += more.NoTime
	c.Bad += more.Bad
	c.Skipped += more.Skipped
	c.Broken += more.Broken
}

// Source is log files as a source of events: KindLine, KindBadLine, KindNamespace
// (one for each host that the logs name), KindNote, and KindIdle while it follows.
// It can be run once.
type Source struct {
	options   Options
	chunkSize int
	poll      time.Duration
	inputs    []*input
	followers []*follower
	notes     []string // of opening

	mu     sync.Mutex
	counts Counts
}

const defaultChunk = 256 << 10

// Open opens the files of a log; "-" is standard input. Files that are rotated
// parts of one log are read oldest first, other files in the order given, and a
// file that is named twice once. An error names the file that cannot be opened.
func Open(paths []string, o Options) (*Source, error) {
	s := &Source{options: o.withDefaults(), chunkSize: defaultChunk, poll: pollEvery}
	if err := s.open(order(paths)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// Counts says what has been read; it may be called while Run runs.
func (s *Source) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

func (s *Source) count(more Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.add(more)
}

// Run implements source.Source. It returns when everything has been read, or
// ctx ends; a read of standard input that waits then may go on waiting behind it.
func (s *Source) Run(ctx context.Context, emit func([]event.Event)) error {
	defer s.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e := newEmitter(s, emit)
	for _, n := range s.notes {
		e.note(n)
	}
	p := newPipeline(ctx, s)
	for _, in := range s.inputs {
		if ctx.Err() != nil {
			return nil
		}
		p.read(ctx, in, e)
	}
	if len(s.followers) > 0 {
		s.follow(ctx, p.newChunk(), e)
	}
	e.finish()
	return nil
}

func (s *Source) close() {
	for _, in := range s.inputs {
		in.close()
	}
	for _, f := range s.followers {
		f.close()
	}
}
