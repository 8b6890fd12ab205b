package main

import (
	"bufio"
	"context"
	"fmt"
	"time"

	"github.com/pktrail/pktrail/internal/correlate"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/journey"
)

// story prints a stream of journeys and its summary.
type story struct {
	printer render.Printer
	limit   int            // end after so many packets; 0 is no limit
	match   *match.Match   // packets beyond it are counted, not shown
	wider   []match.Reason // the parts of it that the rules could not judge
	live    bool
	log     bool // the packets are told by a log or a capture
	foreign bool
	out     *bufio.Writer               // what the printer writes to
	first   func()                      // called when the first packet has come
	show    func(*journey.Journey) bool // unless nil, says whether to print a journey

	sum    render.Summarizer
	shown  int
	beyond int
	err    error

	oldest, newest time.Time // of the journeys shown
}

func (s *story) tell(ctx context.Context, src source.Source) error {
	begin := time.Now()
	counts, err := live.Tell(ctx, src, s.teller())
	if s.err != nil || err != nil {
		return s.failed(err)
	}
	sum := s.summary(counts)
	sum.Seconds = s.newest.Sub(s.oldest).Seconds()
	if s.live {
		sum.Seconds = time.Since(begin).Seconds()
	}
	s.keep(s.printer.Summary(sum))
	s.flush()
	return s.failed(nil)
}

func (s *story) teller() live.Teller {
	return live.Teller{
		Journey: s.journey,
		Lost:    s.lost,
		Note:    func(text string) { s.keep(s.printer.Note(text)) },
		Flush:   s.flush,
		Foreign: s.foreign,
		Stop:    func() bool { return s.err != nil || s.limit > 0 && s.shown >= s.limit },
	}
}

// failed is the error of printing, unless its reader has gone, or else err.
func (s *story) failed(err error) error {
	switch {
	case s.err == nil:
		return err
	case gone(s.err):
		return nil
	}
	return s.err
}

func (s *story) journey(j *journey.Journey) {
	if s.first != nil {
		s.first()
		s.first = nil
	}
	if j.ArmedFrom == "" && live.Beyond(j, s.match, s.wider) {
		s.beyond++
		return
	}
	s.shown++
	s.span(j)
	s.sum.Add(j)
	if s.show == nil || s.show(j) {
		s.keep(s.printer.Journey(j))
	}
}

// span takes note of the time that a recording covers.
func (s *story) span(j *journey.Journey) {
	if s.oldest.IsZero() || j.Start.Before(s.oldest) {
		s.oldest = j.Start.Time
	}
	last := j.Start.Time
	if n := len(j.Steps); n > 0 {
		last = j.Steps[n-1].Time.Time
	}
	if last.After(s.newest) {
		s.newest = last
	}
}

// heading stands above what follows, in text.
func (s *story) heading(title string) {
	_, err := fmt.Fprintf(s.out, "\n== %s\n", title)
	s.keep(err)
}

func (s *story) lost(l *journey.Lost) {
	s.sum.Lost(l)
	s.keep(s.printer.Lost(l))
}

func (s *story) flush() { s.keep(s.out.Flush()) }

func (s *story) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *story) beyondNote(r match.Reason) string {
	if s.log {
		return fmt.Sprintf("%s: %s; %d packets that it excludes are not shown", r.Arg, r.Why, s.beyond)
	}
	return fmt.Sprintf("%s: %s; packets were traced without it, and %d that it excludes are not shown", r.Arg, r.Why, s.beyond)
}

func (s *story) summary(c correlate.Counts) *journey.Summary {
	for _, r := range s.wider {
		s.sum.Note(s.beyondNote(r))
	}
	for _, n := range c.Notes {
		s.sum.Note(n)
	}
	sum := s.sum.Summary()
	sum.Log = s.log
	sum.Foreign, sum.Unattached, sum.Undecoded, sum.Lost = c.Foreign, c.Unattached, c.Undecoded, c.Lost
	if c.HasLimits {
		sum.RateLimited = &c.RateLimited
	}
	return sum
}
