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
	// Line is told each line of a log, or message of a capture, that no journey
	// holds. The event holds until it returns. It may be nil.
	Line func(*event.Event)
	// Bad is told each line that could not be read. It may be nil.
	Bad func(*event.BadLine)
	// Flush is called when nothing more waits to be told. It may be nil.
	Flush func()
	// Stop is asked after every journey; true ends the stream. It may be nil.
	Stop func() bool
	// Quiet ends a journey when nothing of it came for so long; 0 is correlate's own.
	Quiet time.Duration
	// MaxOpen packets are followed at once; 0 is correlate's own.
	MaxOpen int
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
	c := correlate.New(correlate.Options{Foreign: to.Foreign, Quiet: to.Quiet, MaxOpen: to.MaxOpen})
	out := make(chan any, waitingBatches)
	var printing sync.WaitGroup
	learns, _ := src.(learner)
	var telling sync.Mutex
	printing.Go(func() { deliver(out, to, &telling, learns, enough) })
	var mu sync.Mutex
	send := func(js []*journey.Journey) {
		if len(js) > 0 {
			out <- js
		}
	}
	t := progress{at: map[uint16]time.Time{}}
	lines := lines{to: to, logs: map[uint16]bool{}, telling: &telling}
	err := src.Run(ctx, func(events []event.Event) {
		mu.Lock()
		defer mu.Unlock()
		for i := range events {
			if l := events[i].Lost; l != nil && !l.Open {
				out <- c.Lost(&events[i])
			}
		}
		lines.tell(events, c, send)
		lines.flush()
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

// lines tells what a log or a capture holds beside journeys.
type lines struct {
	to      Teller
	logs    map[uint16]bool // the namespaces that stand for a log
	telling *sync.Mutex     // held while the teller is called
	told    bool            // something, since the last flush
}

// tell adds events to the correlator, and between them tells the lines that belong
// to no journey, each when all before it is known.
func (l *lines) tell(events []event.Event, c *correlate.Correlator, send func([]*journey.Journey)) {
	from := 0
	for i := range events {
		e := &events[i]
		if e.Kind == event.KindNamespace {
			l.logs[e.Netns] = e.Namespace.Log
		}
		if !l.concerns(e) {
			continue
		}
		send(c.Add(events[from:i]))
		from = i
		if !c.Logged(e) {
			l.one(e)
		}
	}
	send(c.Add(events[from:]))
}

func (l *lines) concerns(e *event.Event) bool {
	switch e.Kind {
	case event.KindBadLine:
		return l.to.Bad != nil
	case event.KindLine:
		return l.to.Line != nil && e.Line.Trace.Table == ""
	case event.KindLog:
		return l.to.Line != nil && e.Log.Line.Table == "" && l.logs[e.Netns]
	}
	return false
}

func (l *lines) flush() {
	if !l.told || l.to.Flush == nil {
		return
	}
	l.telling.Lock()
	defer l.telling.Unlock()
	l.told = false
	l.to.Flush()
}

func (l *lines) one(e *event.Event) {
	l.telling.Lock()
	defer l.telling.Unlock()
	l.told = true
	if e.Kind == event.KindBadLine {
		l.to.Bad(e.BadLine)
		return
	}
	l.to.Line(e)
}

// progress is up to which time a stream is told. Time is only ever that of events: a
// clock would end journeys whose next event waits to be read. A namespace with
// nothing to tell says so with Idle events.
type progress struct {
	at      map[uint16]time.Time
	newest  time.Time
	expired time.Time
	traced  bool // lines of a log made journeys, since they were looked through last
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
		case event.KindLine:
			t.traced = t.traced || e.Line.Trace.Table != ""
		}
	}
	if t.traced {
		t.traced = false
		return t.newest, true
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
func deliver(out <-chan any, to Teller, telling *sync.Mutex, learns learner, enough func()) {
	done := false
	for item := range out {
		telling.Lock()
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
		telling.Unlock()
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
