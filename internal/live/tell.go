package live

import (
	"context"
	"errors"
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
	expireEvery = 25 * time.Millisecond
	// waiting batches of journeys; when the printing side is slower the reading
	// waits, and the kernel counts what it then cannot deliver.
	waitingBatches = 64
)

// errEnough is why a stream ends when the teller has had enough.
var errEnough = errors.New("enough told")

// Tell runs a source and tells its journeys, explained, as they end. It returns
// when the source ends or the teller has had enough.
func Tell(ctx context.Context, src source.Source, to Teller) (correlate.Counts, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	enough := func() { cancel(errEnough) }
	c := correlate.New(correlate.Options{Foreign: to.Foreign})
	out := make(chan any, waitingBatches)
	var printing sync.WaitGroup
	learns, _ := src.(learner)
	printing.Go(func() { deliver(out, to, learns, enough) })
	var mu sync.Mutex
	send := func(js []*journey.Journey) {
		if len(js) > 0 {
			out <- js
		}
	}
	t := progress{at: map[uint16]time.Time{}}
	err := src.Run(ctx, func(events []event.Event) {
		mu.Lock()
		defer mu.Unlock()
		for i := range events {
			if l := events[i].Lost; l != nil && !l.Open {
				out <- c.Lost(&events[i])
			}
		}
		send(c.Add(events))
		if now, ok := t.upTo(events); ok {
			send(c.Expire(now))
		}
	})
	mu.Lock()
	defer mu.Unlock()
	send(c.Finish(t.newest))
	close(out)
	printing.Wait()
	return c.Counts(), err
}

// progress is up to which time a stream is told. Time is only ever that of events: a
// clock would end journeys whose next event waits to be read. A namespace with
// nothing to tell says so with Idle events.
type progress struct {
	at      map[uint16]time.Time
	newest  time.Time
	expired time.Time
}

// upTo takes note of events. ok is true every now and then, when all namespaces
// are told up to a later time than before.
func (t *progress) upTo(events []event.Event) (now time.Time, ok bool) {
	for i := range events {
		e := &events[i]
		if e.Time.After(t.newest) {
			t.newest = e.Time
		}
		switch e.Kind {
		case event.KindNamespace, event.KindTrace, event.KindLog, event.KindLost, event.KindIdle:
			t.at[e.Netns] = e.Time
		}
	}
	now = t.newest
	for _, at := range t.at {
		if at.Before(now) {
			now = at
		}
	}
	if now.Sub(t.expired) < expireEvery {
		return now, false
	}
	t.expired = now
	return now, true
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
	if learns == nil {
		return
	}
	if note := learns.learn(j); note != "" && to.Note != nil {
		to.Note(note)
	}
}
