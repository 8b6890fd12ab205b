package netfilter

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/source"
)

// tally is what a run told.
type tally struct {
	traces, lines int64
	lost          []event.Lost
	other         int
}

func (c *tally) add(events []event.Event) {
	for i := range events {
		switch e := &events[i]; e.Kind {
		case event.KindTrace:
			c.traces++
		case event.KindLog:
			c.lines++
		case event.KindLost:
			c.lost = append(c.lost, *e.Lost)
		case event.KindIdle:
		default:
			c.other++
		}
	}
}

// total counts what came and what was lost, each message once. It checks that
// each loss begins, ends, and only then has a count.
func (c *tally) total(t *testing.T) int64 {
	t.Helper()
	sum := c.traces + c.lines
	open := false
	for _, l := range c.lost {
		if l.Open == open || l.Open && (l.Count != 0 || !l.More) || !l.Open && l.More {
			t.Errorf("losses %+v", c.lost)
		}
		open = l.Open
		sum += l.Count
	}
	if open || c.other > 0 {
		t.Errorf("losses %+v, %d other events", c.lost, c.other)
	}
	return sum
}

// run sends, and reads until all that the kernel had of it has come.
func run(t *testing.T, s *Source, send func(), emit func([]event.Event)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sent atomic.Pointer[time.Time]
	go func() {
		send()
		now := time.Now()
		sent.Store(&now)
	}()
	if err := s.Run(ctx, func(events []event.Event) {
		emit(events)
		if end := sent.Load(); end != nil && events[0].Kind == event.KindIdle && events[0].Time.After(*end) {
			cancel()
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestRun(t *testing.T) {
	p := newPlace(t)
	s := p.open(t, Options{Netns: 3})
	if err := s.ListenLegacy(p.ns); err != nil {
		t.Fatal(err)
	}
	var c tally
	before := time.Now()
	run(t, s, func() { p.send(t, 10, 100); p.send(t, 9, 50) }, func(events []event.Event) {
		for i := range events {
			e := &events[i]
			if e.Netns != 3 || e.Time.Before(before) || e.Time.After(time.Now()) {
				t.Errorf("event in %d at %v", e.Netns, e.Time)
			}
			if e.Kind == event.KindLog && (e.Log.Line != event.TraceLine{Table: "raw", Chain: "OUTPUT", Type: event.LineRule, Number: 3}) {
				t.Errorf("line %+v of %q", e.Log.Line, e.Log.Prefix)
			}
			if e.Kind == event.KindLog && (!e.Log.HasSeq || len(e.Log.Payload) != 36 || e.Log.Group != 0) {
				t.Errorf("log %+v", e.Log)
			}
		}
		c.add(events)
	})
	if c.traces != 150 || c.lines != 100 || len(c.lost) != 0 || c.other != 0 {
		t.Errorf("%+v", c)
	}
}

// TestLoss floods a small buffer: the loss opens, and ends with the exact count;
// lines that are missing in NFLOG's numbers are not counted again.
func TestLoss(t *testing.T) {
	const n = 20000
	p := newPlace(t)
	var story bytes.Buffer
	rec, err := source.NewRecorder(&story, source.StoryHeader{})
	if err != nil {
		t.Fatal(err)
	}
	s := p.open(t, Options{BufferBytes: 64 << 10, Recorder: rec})
	if err := s.ListenLegacy(p.ns); err != nil {
		t.Fatal(err)
	}
	flood := func() {
		var senders sync.WaitGroup
		defer senders.Wait()
		for range 2 {
			senders.Go(func() { p.send(t, 10, n/2) })
		}
	}
	var c tally
	run(t, s, flood, func(events []event.Event) {
		c.add(events)
		time.Sleep(time.Millisecond)
	})
	if got := c.total(t); got != 2*n || len(c.lost) < 2 {
		t.Errorf("%d of %d messages: %d traces, %d lines, %d losses", got, 2*n, c.traces, c.lines, len(c.lost))
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	told, err := source.OpenStory(&story)
	if err != nil {
		t.Fatal(err)
	}
	var again tally
	if err := told.Run(t.Context(), again.add); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, again, cmp.AllowUnexported(tally{})); diff != "" {
		t.Errorf("the recording tells something else: %s", diff)
	}
}

// TestStopEndsLoss: a loss that is going on when the reading is stopped ends
// too, and what had arrived is handed over.
func TestStopEndsLoss(t *testing.T) {
	const n = 5000
	p := newPlace(t)
	s := p.open(t, Options{BufferBytes: 16 << 10})
	p.send(t, 9, n)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var c tally
	if err := s.Run(ctx, c.add); err != nil {
		t.Fatal(err)
	}
	if got := c.total(t); got != n || c.traces == 0 || len(c.lost) != 2 {
		t.Errorf("%d of %d: %+v", got, n, c)
	}
}

// TestStopUnderFlood: packets that never end do not keep Run from ending.
func TestStopUnderFlood(t *testing.T) {
	p := newPlace(t)
	s := p.open(t, Options{BufferBytes: 1 << 20})
	var stop atomic.Bool
	var senders sync.WaitGroup
	for range 2 {
		senders.Go(func() {
			for !stop.Load() {
				p.send(t, 9, 100)
			}
		})
	}
	defer senders.Wait()
	defer stop.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if err := s.Run(ctx, func([]event.Event) { time.Sleep(time.Millisecond) }); err != nil {
		t.Fatal(err)
	}
}

func TestClosedWhileRunning(t *testing.T) {
	p := newPlace(t)
	before := runtime.NumGoroutine()
	s := p.open(t, Options{})
	time.AfterFunc(20*time.Millisecond, func() { _ = s.Close() })
	if err := s.Run(t.Context(), func([]event.Event) {}); err != nil {
		t.Errorf("a source that was closed: %v", err)
	}
	lab.Await(t, func() string {
		if now := runtime.NumGoroutine(); now > before {
			return fmt.Sprintf("%d goroutines, %d before", now, before)
		}
		return ""
	})
}

// BenchmarkRun is trace events from the kernel to events, sending not counted.
func BenchmarkRun(b *testing.B) {
	const batch = 5000
	p := newPlace(b)
	s := p.open(b, Options{})
	b.ReportAllocs()
	events := 0
	for i := 0; i < b.N; i++ {
		b.StopTimer()
		p.send(b, 9, batch)
		b.StartTimer()
		for got := 0; got < batch; {
			read, err := s.sock.Read()
			if err != nil {
				b.Fatal(err)
			}
			s.take(read, func(e []event.Event) { got += len(e) })
		}
		events += batch
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
