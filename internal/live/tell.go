package live

import (
	"context"
	"sync"
	"time"

	"github.com/pktrail/pktrail/internal/correlate"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/explain"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/journey"
)

// Teller takes what a stream tells. Its calls come one at a time.
type Teller struct {
	Journey func(*journey.Journey)
	Lost    func(*journey.Lost)
	// Note is told what the trace learned on the way. It may be nil.
	Note func(string)
	// Flush is called when nothing more waits to be told. It may be nil.
	Flush func()
	// Stop is asked after every journey; true ends the stream. It may be nil.
	Stop func() bool
	// Foreign asks for packets that only somebody else's rules trace, too.
	Foreign bool
}

// learner is a source that follows more as it learns from journeys.
type learner interface {
	learn(j *journey.Journey) (note string)
}

const (
	tickEvery = 50 * time.Millisecond
	// waiting batches of journeys; when the printing side is slower the reading
	// waits, and the kernel counts what it then cannot deliver.
	waitingBatches = 64
)

// Tell runs a source and tells its journeys, explained, as they end. It returns
// when the source ends or the teller has had enough.
func Tell(ctx context.Context, src source.Source, clock func() time.Time, to Teller) (correlate.Counts, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := correlate.New(correlate.Options{Foreign: to.Foreign})
	out := make(chan any, waitingBatches)
	var printing sync.WaitGroup
	learns, _ := src.(learner)
	printing.Go(func() { deliver(out, to, learns, cancel) })
	var mu sync.Mutex
	var newest, expired time.Time // of the events
	send := func(js []*journey.Journey) {
		if len(js) > 0 {
			out <- js
		}
	}
	stopTicking := ticking(ctx, clock, func(now time.Time) {
		mu.Lock()
		defer mu.Unlock()
		send(c.Expire(now))
	})
	err := src.Run(ctx, func(events []event.Event) {
		mu.Lock()
		defer mu.Unlock()
		for i := range events {
			if l := events[i].Lost; l != nil && !l.Open {
				out <- c.Lost(&events[i])
			}
		}
		send(c.Add(events))
		if n := len(events); n > 0 && events[n-1].Time.After(newest) {
			newest = events[n-1].Time
			if clock == nil && newest.Sub(expired) >= tickEvery {
				expired = newest
				send(c.Expire(newest))
			}
		}
	})
	stopTicking()
	mu.Lock()
	defer mu.Unlock()
	send(c.Finish(newest))
	close(out)
	printing.Wait()
	return c.Counts(), err
}

// ticking calls f with the time of the clock until the returned function is
// called. Without a clock, for recordings, time is that of the events.
func ticking(ctx context.Context, clock func() time.Time, f func(time.Time)) (stop func()) {
	if clock == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(tickEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f(clock())
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

// deliver explains and hands over on a goroutine of its own. After the teller has
// had enough the rest is let go.
func deliver(out <-chan any, to Teller, learns learner, enough func()) {
	done := false
	for item := range out {
		switch v := item.(type) {
		case *journey.Lost:
			if to.Lost != nil {
				to.Lost(v)
			}
		case []*journey.Journey:
			for _, j := range v {
				if done {
					break
				}
				to.journey(j, learns)
				if to.Stop != nil && to.Stop() {
					done = true
					enough()
				}
			}
		}
		if to.Flush != nil && len(out) == 0 {
			to.Flush()
		}
	}
}

func (to *Teller) journey(j *journey.Journey, learns learner) {
	explain.Explain(j)
	to.Journey(j)
	if learns == nil || to.Note == nil {
		return
	}
	if note := learns.learn(j); note != "" {
		to.Note(note)
	}
}
