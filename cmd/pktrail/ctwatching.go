package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
)

// setting is a setting of connection tracking in the table's namespace, empty
// where it cannot be read.
func (t *table) setting(name string) (value string) {
	_ = t.ns.Do(func() error {
		text, err := os.ReadFile("/proc/sys/net/netfilter/" + name)
		value = strings.TrimSpace(string(text))
		return err
	})
	return value
}

// watch prints the events of some namespaces, one at a time.
type watch struct {
	mu sync.Mutex
	lister
	q      *flows.Query
	limit  int64 // end after so many events; 0 is no limit
	resync bool
	began  time.Time
	kinds  map[journey.FlowChange]int64
	beyond int64
}

// errEnough ends a watch that has seen what it was to see.
var errEnough = errors.New("enough")

// flushEvery is how long a line waits for others.
const flushEvery = 50 * time.Millisecond

func (w *watch) watch(ctx context.Context, cancel func(), spots []*spot) error {
	errs := make(chan error)
	for _, s := range spots {
		go func() {
			err := w.listen(ctx, s)
			cancel()
			errs <- err
		}()
	}
	go w.flushes(ctx, cancel)
	var err error
	for range spots {
		if e := <-errs; !errors.Is(e, errEnough) {
			err = errors.Join(err, e)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		return printed(errors.Join(err, w.out.Flush()))
	}
	return printed(w.sumUp())
}

// flushes hands lines on until ctx ends.
func (w *watch) flushes(ctx context.Context, cancel func()) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.mu.Lock()
			err := w.out.Flush()
			w.mu.Unlock()
			if err != nil {
				cancel()
				return
			}
		}
	}
}

// listen prints the events of one namespace until ctx ends.
func (w *watch) listen(ctx context.Context, s *spot) error {
	births := &flows.Births{}
	err := s.watcher.Run(ctx, func(e *ctnetlink.Event) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if e.Lost.Any() {
			if err := w.lost(ctx, s.table, e.Lost, births); err != nil {
				return err
			}
		}
		return w.event(s.table, e, births)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beyond += births.Beyond
	return err
}

// changes is what the kernel's messages tell.
func changeOf(k conntrack.Kind) (journey.FlowChange, bool) {
	switch k {
	case conntrack.NewFlow:
		return journey.FlowNew, true
	case conntrack.UpdatedFlow:
		return journey.FlowUpdate, true
	case conntrack.DestroyedFlow:
		return journey.FlowDestroy, true
	}
	return "", false
}

func (w *watch) event(t *table, e *ctnetlink.Event, births *flows.Births) error {
	change, ok := changeOf(e.Kind)
	if !ok {
		return nil
	}
	shown := w.maker.Event(change, e.Flow, time.Now(), births)
	if e.Port != 0 {
		shown.Port = &e.Port
	}
	switch v := w.q.Judge(e.Flow); v.Answer {
	case match.No:
		return nil
	case match.Unknown:
		w.unjudged(v.Why)
		return nil
	}
	return w.print(t, shown)
}

func (w *watch) print(t *table, e *journey.FlowEvent) error {
	if w.limit > 0 && w.sum.Shown >= w.limit {
		return errEnough
	}
	e.Flow.Netns = t.shown
	w.sum.Shown++
	w.kinds[e.Event]++
	if err := w.printer.FlowEvent(e); err != nil {
		return err
	}
	if w.limit > 0 && w.sum.Shown >= w.limit {
		return errEnough
	}
	return nil
}

// lost prints a loss, and lists the table anew where that is wished for: flows
// that are not in it ended unseen.
func (w *watch) lost(ctx context.Context, t *table, l ctnetlink.Lost, births *flows.Births) error {
	w.sum.Lost.Count += int64(l.Count)
	w.sum.Lost.More = w.sum.Lost.More || l.More
	err := w.printer.Lost(&journey.Lost{
		Schema: journey.LostSchema, Time: journey.Time{Time: time.Now()}, Netns: t.shown,
		What: "conntrack events", Lost: journey.LostCount{Count: int64(l.Count), More: l.More},
	})
	if err != nil || !w.resync {
		return err
	}
	keep, done := births.Keep()
	_, err = t.Dump(ctx, conntrack.Tracked, conntrack.Filter{}, func(f *conntrack.Flow) error {
		keep(f)
		if w.q.Judge(f).Answer != match.Yes {
			return nil
		}
		return w.print(t, w.maker.Event(journey.FlowListed, f, time.Now(), births))
	})
	done()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// sumUp prints how many events there were.
func (w *watch) sumUp() error {
	w.sum.Seconds = time.Since(w.began).Seconds()
	for _, change := range []journey.FlowChange{journey.FlowNew, journey.FlowUpdate, journey.FlowDestroy, journey.FlowListed} {
		if n := w.kinds[change]; n > 0 {
			w.sum.Events = append(w.sum.Events, journey.FlowCount{Name: string(change), Count: n})
		}
	}
	if w.beyond > 0 {
		w.sum.Notes = append(w.sum.Notes, "flows that began while a million others were remembered have no lifetime")
	}
	return errors.Join(w.printer.FlowSummary(&w.sum), w.out.Flush())
}
