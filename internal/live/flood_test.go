package live

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/journey"
)

// TestFloodIsCountedNotGuessed sends far more than a small buffer and a slow reader
// take. What is lost is counted, a journey that may lack a step says so, and the
// memory in use stays bounded.
func TestFloodIsCountedNotGuessed(t *testing.T) {
	for _, w := range []lab.World{lab.Legacy, lab.NFT} {
		t.Run(string(w), func(t *testing.T) { flood(t, w, sides()[0]) })
	}
}

func flood(t *testing.T, w lab.World, s side) {
	const each, rounds = 5000, 3
	l := lab.New(t, "router")
	load(t, l, "rt", w, s.loadedAs(w), s.fill(laneRules(w)))
	send(t, l, "client", datagram(t, s.client, s.server, 1, 1))
	trace, err := Prepare(Options{
		Match:     matching(t, "-p", "udp", "-s", s.client, "--dport", "5000:5999"),
		Unlimited: true, Spaces: spacesOf(l, "rt"), BufferBytes: 256 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := trace.Arm(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := trace.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen floodSeen
	done := make(chan error, 1)
	var lost int64
	armed := watching(t, trace)
	go func() {
		counts, err := Tell(ctx, armed, Teller{Journey: func(j *journey.Journey) { seen.take(t, j) }})
		lost = counts.Lost.Count
		done <- err
	}()
	armed.texts(1)
	peak := watchHeap(ctx)
	for round := range rounds {
		crowd(t, l, func(sender, i int) []byte {
			return ident(datagram(t, s.client, s.server, uint16(10000+10000*sender+i), uint16(5000+(i*7+sender)%(100*lanes))), uint16(1+round*each+i))
		}, each)
	}
	for last := int64(-1); last != seen.told.Load(); time.Sleep(500 * time.Millisecond) { // until the reader has caught up
		last = seen.told.Load()
		allRead(t, l.NS("rt"))
	}
	for i := range uint16(50) {
		send(t, l, "client", ident(datagram(t, s.client, s.server, 40000+i, 5000+i), 50000+i))
		allRead(t, l.NS("rt"))
	}
	time.Sleep(settle)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d packets: %d journeys, %d complete, %d messages lost, heap at most %d MB", 2*each*rounds, seen.all, seen.complete, lost, peak()>>20)
	if lost == 0 || seen.complete == seen.all || seen.all == 0 {
		t.Errorf("no loss, or nothing told: the flood was none")
	}
	if seen.after != 50 {
		t.Errorf("%d of 50 packets behind the flood are told complete", seen.after)
	}
	if seen.wrong > 0 {
		t.Errorf("%d journeys claim to be complete and are not", seen.wrong)
	}
	if p := peak(); p > 100<<20 {
		t.Errorf("%d MB of heap", p>>20)
	}
}

// floodSeen is what a flood's journeys came to.
type floodSeen struct {
	told                        atomic.Int64
	all, complete, wrong, after int
}

func (f *floodSeen) take(t *testing.T, j *journey.Journey) {
	f.all++
	f.told.Add(1)
	if f.all%32 == 0 {
		time.Sleep(time.Millisecond) // a slow reader
	}
	if !j.Complete {
		if len(j.Missing) == 0 {
			t.Errorf("incomplete, and does not say why\n%s", show(j))
		}
		return
	}
	f.complete++
	if *j.Packet.SrcPort >= 40000 {
		f.after++
	}
	if wrong := outOfLane(j); wrong != "" && j.Identity == journey.Certain {
		if f.wrong++; f.wrong < 5 {
			t.Errorf("%s\n%s", wrong, show(j))
		}
	}
}

// allRead waits until the kernel holds no message for a reader in the namespace.
func allRead(t *testing.T, ns *netns.NS) {
	t.Helper()
	lab.Await(t, func() string {
		all, err := lab.Listeners(ns, 0)
		switch {
		case err != nil:
			t.Fatal(err)
		case all.Waiting > 0:
			return fmt.Sprintf("%d bytes wait to be read", all.Waiting)
		}
		return ""
	})
}

// watchHeap samples the heap until ctx ends; the function returns its peak.
func watchHeap(ctx context.Context) func() uint64 {
	var peak atomic.Uint64
	sample := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak.Store(max(peak.Load(), m.HeapAlloc))
	}
	go func() {
		for ctx.Err() == nil {
			sample()
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return peak.Load
}
