package ctnetlink_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/packet"
)

var errEnough = errors.New("enough")

// hear runs a listener until each has had enough.
func hear(t testing.TB, w *ctnetlink.Watcher, each func(*ctnetlink.Event) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*lab.Patience)
	defer cancel()
	if err := w.Run(ctx, each); !errors.Is(err, errEnough) {
		t.Fatalf("listening ended: %v", err)
	}
}

func TestEvents(t *testing.T) {
	p := newPlace(t)
	w := p.listen(t, ctnetlink.AllFlows|ctnetlink.AllExpects, 0)
	f := flow(packet.ProtoTCP, "10.0.0.1", "10.0.0.2", 1000, 21)
	f.Has |= conntrack.HasHelper
	f.Helper = "ftp"
	p.create(t, f)
	if err := p.Update(&conntrack.Flow{Orig: f.Orig, Has: conntrack.HasMark, Mark: 7}); err != nil {
		t.Fatal(err)
	}
	e := &conntrack.Expect{
		Has: conntrack.HasExpectTimeout, Tuple: flow(packet.ProtoTCP, "10.0.0.2", "10.0.0.1", 0, 2000).Orig,
		Mask: flow(packet.ProtoTCP, "255.255.255.255", "255.255.255.255", 0, 65535).Orig, Master: f.Orig, Timeout: 30,
	}
	if err := errors.Join(p.CreateExpect(e), p.DeleteExpect(e), p.Delete(f)); err != nil {
		t.Fatal(err)
	}
	var kinds []conntrack.Kind
	hear(t, w, func(e *ctnetlink.Event) error {
		kinds = append(kinds, e.Kind)
		switch {
		case e.Lost.Any() || e.Port == 0:
			t.Errorf("%+v", e)
		case e.Flow != nil && e.Flow.Orig != f.Orig, e.Expect != nil && e.Expect.Master != f.Orig:
			t.Errorf("of another flow: %+v %+v", e.Flow, e.Expect)
		case e.Kind == conntrack.UpdatedFlow && e.Flow.Mark != 7:
			t.Errorf("updated: %+v", e.Flow)
		case e.Kind == conntrack.DestroyedFlow:
			return errEnough
		}
		return nil
	})
	want := []conntrack.Kind{conntrack.NewFlow, conntrack.UpdatedFlow, conntrack.NewExpect, conntrack.DestroyedExpect, conntrack.DestroyedFlow}
	for i, k := range want {
		if len(kinds) != len(want) || kinds[i] != k {
			t.Fatalf("kinds %v, want %v", kinds, want)
		}
	}
}

// TestEventsUnderLoad: entries that are made as fast as one writer can are all
// heard of.
func TestEventsUnderLoad(t *testing.T) {
	const n = 200_000
	p := newPlace(t)
	w := p.listen(t, ctnetlink.NewFlows, 64<<20)
	if room, err := w.BufferBytes(); err != nil || room < 64<<20 {
		lab.LacksRights(t, fmt.Sprintf("room for %d bytes of events only, %v: run as root", room, err))
	}
	done := make(chan int)
	go func() {
		heard := 0
		defer func() { done <- heard }()
		hear(t, w, func(e *ctnetlink.Event) error {
			if e.Lost.Any() {
				t.Errorf("lost %+v after %d", e.Lost, heard)
			}
			if e.Kind == conntrack.NewFlow {
				heard++
			}
			if heard == n {
				return errEnough
			}
			return nil
		})
	}()
	start := time.Now()
	p.fill(t, n)
	made := time.Since(start)
	t.Logf("%d entries in %v, heard of %d after %v", n, made, <-done, time.Since(start))
}

// TestEventsLost: what did not fit is counted exactly, in its place, and the
// session goes on.
func TestEventsLost(t *testing.T) {
	const n = 20_000
	p := newPlace(t)
	w := p.listen(t, ctnetlink.NewFlows|ctnetlink.DestroyedFlows, 1)
	p.fill(t, n)
	var heard, lost int
	ctx, cancel := context.WithCancel(t.Context())
	last := flow(packet.ProtoUDP, "10.9.9.9", "10.0.0.2", 1, 1)
	err := w.Run(ctx, func(e *ctnetlink.Event) error {
		switch {
		case e.Lost.More:
			t.Errorf("not counted: %+v", e.Lost)
		case e.Lost.Any():
			lost += int(e.Lost.Count)
			if _, err := p.Dump(ctx, conntrack.Tracked, conntrack.Filter{}, func(*conntrack.Flow) error { return nil }); err != nil {
				return err
			}
			p.create(t, last)
		case e.Flow.Orig == last.Orig:
			cancel()
		default:
			heard++
		}
		return nil
	})
	if err != nil || heard+lost != n || lost == 0 {
		t.Errorf("heard %d, lost %d of %d, %v", heard, lost, n, err)
	}
}

// TestEventsLostAgain: with a writer and a slow reader at once there are many
// losses, and none is counted twice: together with what was heard they are what
// was sent, but for what still waits at the end.
func TestEventsLostAgain(t *testing.T) {
	const n, room = 20_000, 64 << 10
	p := newPlace(t)
	w := p.listen(t, ctnetlink.NewFlows, room)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		p.fill(t, n)
	}()
	var heard, lost, losses int
	err := w.Run(ctx, func(e *ctnetlink.Event) error {
		switch {
		case e.Lost.More:
			t.Errorf("not counted: %+v", e.Lost)
		case e.Lost.Any():
			lost, losses = lost+int(e.Lost.Count), losses+1
		default:
			if heard++; heard%50 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		return nil
	})
	t.Logf("heard %d, lost %d at %d places", heard, lost, losses)
	const least = 300 // bytes that an event takes in the buffer
	if err != nil || heard+lost > n || heard+lost < n-2*room/least || losses < 2 {
		t.Errorf("heard %d, lost %d of %d, %v", heard, lost, n, err)
	}
}

func TestWatcherEnds(t *testing.T) {
	p := newPlace(t)
	w := p.listen(t, ctnetlink.NewFlows, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := func(*ctnetlink.Event) error { return errEnough }
	if err := w.Run(ctx, never); err != nil {
		t.Errorf("at the end of ctx: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { _ = w.Close() })
	if err := w.Run(t.Context(), never); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
