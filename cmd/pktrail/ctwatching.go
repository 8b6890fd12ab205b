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
	failed error // of a listing that was put off
}

// errEnough ends a watch that has seen what it was to see.
var errEnough = errors.New("enough")

// flushEvery is how long a line waits for others.
const flushEvery = 50 * time.Millisecond

// watch prints events until ctx ends, and sums up; parent ends with an interrupt
// alone.
func (w *watch) watch(parent, ctx context.Context, cancel func(), spots []*spot) error {
	errs := make(chan error)
	for _, s := range spots {
		go func() {
			err := w.listen(ctx, s)
			cancel()
			errs <- err
		}()
	}
	go w.flushes(ctx, cancel, spots)
	var err error
	for range spots {
		if e := <-errs; !errors.Is(e, errEnough) {
			err = errors.Join(err, e)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = w.lastListing(parent, spots)
	}
	if !errors.Is(w.failed, errEnough) {
		err = errors.Join(err, w.failed)
	}
	if err != nil {
		return printed(errors.Join(err, w.out.Flush()))
	}
	return printed(w.sumUp())
}

// flushes hands lines on until ctx ends, and makes up for listings that were put
// off. An error of theirs ends the watch.
func (w *watch) flushes(ctx context.Context, cancel func(), spots []*spot) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if w.tick(ctx, spots) != nil {
				cancel()
				return
			}
		}
	}
}

func (w *watch) tick(ctx context.Context, spots []*spot) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range spots {
		if err := w.relist(ctx, s); err != nil {
			w.failed = err
			return err
		}
	}
	return w.out.Flush()
}

// listen prints the events of one namespace until ctx ends.
func (w *watch) listen(ctx context.Context, s *spot) error {
	err := s.watcher.Run(ctx, func(e *ctnetlink.Event) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if e.Lost.Any() {
			if err := errors.Join(w.lost(s, e.Lost), w.relist(ctx, s)); err != nil {
				return err
			}
		}
		return w.event(s, e)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beyond += s.births.Beyond
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

func (w *watch) event(s *spot, e *ctnetlink.Event) error {
	change, ok := changeOf(e.Kind)
	if !ok {
		return nil
	}
	shown := w.maker.Event(change, e.Flow, time.Now(), &s.births)
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
	return w.print(s.table, shown)
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

// lost prints a loss.
func (w *watch) lost(s *spot, l ctnetlink.Lost) error {
	s.stale = w.resync
	w.sum.Lost.Count += int64(l.Count)
	w.sum.Lost.More = w.sum.Lost.More || l.More
	return w.printer.Lost(&journey.Lost{
		Schema: journey.LostSchema, Time: journey.Time{Time: time.Now()}, Netns: s.table.shown,
		What: "conntrack events", Lost: journey.LostCount{Count: int64(l.Count), More: l.More},
	})
}

// relist lists the table anew after a loss: flows that are not in it ended
// unseen. While events come faster than they are printed it takes a tenth of the
// time at most.
func (w *watch) relist(ctx context.Context, s *spot) error {
	if !s.stale || time.Since(s.listed) < 10*s.took {
		return nil
	}
	began := time.Now()
	keep, done := s.births.Keep()
	_, err := s.table.Dump(ctx, conntrack.Tracked, conntrack.Filter{}, func(f *conntrack.Flow) error {
		keep(f)
		if w.q.Judge(f).Answer != match.Yes {
			return nil
		}
		return w.print(s.table, w.maker.Event(journey.FlowListed, f, time.Now(), &s.births))
	})
	if ctx.Err() != nil {
		return nil // it was cut short, and so is no listing
	}
	done()
	s.stale, s.listed, s.took = false, time.Now(), time.Since(began)
	return err
}

// lastListing makes up for listings that were put off, unless it was an interrupt
// that ended the watch: then it is told that they are missing.
func (w *watch) lastListing(parent context.Context, spots []*spot) error {
	for _, s := range spots {
		if !s.stale {
			continue
		}
		if parent.Err() != nil {
			w.sum.Notes = append(w.sum.Notes, "events of "+s.table.ns.Name+" were lost since its table was listed last")
			continue
		}
		s.took = 0
		if err := w.relist(parent, s); err != nil {
			return err
		}
	}
	return nil
}

// sumUp prints how many events there were.
func (w *watch) sumUp() error {
	w.sum.Seconds = time.Since(w.began).Round(time.Millisecond).Seconds()
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
