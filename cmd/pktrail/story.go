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
	counts, err := live.Tell(ctx, src, live.Teller{
		Journey: s.journey,
		Lost:    s.lost,
		Note:    func(text string) { s.keep(s.printer.Note(text)) },
		Flush:   s.flush,
		Foreign: s.foreign,
		Stop:    func() bool { return s.err != nil || s.limit > 0 && s.shown >= s.limit },
	})
	if s.err != nil {
		if gone(s.err) {
			return nil
		}
		return s.err
	}
	if err != nil {
		return err
	}
	sum := s.summary(counts)
	sum.Seconds = s.newest.Sub(s.oldest).Seconds()
	if s.live {
		sum.Seconds = time.Since(begin).Seconds()
	}
	s.keep(s.printer.Summary(sum))
	s.flush()
	if s.err != nil && !gone(s.err) {
		return s.err
	}
	return nil
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
	if s.oldest.IsZero() {
		s.oldest = j.Start.Time
	}
	s.newest = j.Start.Time
	if n := len(j.Steps); n > 0 {
		s.newest = j.Steps[n-1].Time.Time
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

func (s *story) summary(c correlate.Counts) *journey.Summary {
	for _, r := range s.wider {
		s.sum.Note(fmt.Sprintf("%s: %s; packets were traced without it, and %d that it excludes are not shown", r.Arg, r.Why, s.beyond))
	}
	for _, n := range c.Notes {
		s.sum.Note(n)
	}
	sum := s.sum.Summary()
	sum.Foreign, sum.Unattached, sum.Undecoded, sum.Lost = c.Foreign, c.Unattached, c.Undecoded, c.Lost
	if c.HasLimits {
		sum.RateLimited = &c.RateLimited
	}
	return sum
}
