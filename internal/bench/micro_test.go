package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/correlate"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/journey"
)

const (
	recorded = 4000 // packets
	batch    = 128  // events handed over at once
)

// worlds runs a benchmark on a recording of each kind of messages.
func worlds(b *testing.B, f func(b *testing.B, story []byte)) {
	for _, w := range []struct {
		name  string
		rules lab.Ruleset
	}{{"nft", nftRules()}, {"legacy", iptablesRules(lab.Legacy)}} {
		b.Run(w.name, func(b *testing.B) {
			story, err := record(b, w.rules)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			f(b, story)
		})
	}
}

// record makes a recording of packets that cross the lab's router.
func record(b *testing.B, rules lab.Ruleset) ([]byte, error) {
	b.Helper()
	l := router(b, rules)
	m, _, err := match.Parse([]string{"-p", "udp"})
	if err != nil {
		return nil, err
	}
	var story bytes.Buffer
	recorder, err := source.NewRecorder(&story, source.StoryHeader{Started: time.Now(), Match: m.String()})
	if err != nil {
		return nil, err
	}
	tr, err := live.Prepare(live.Options{Match: m, Spaces: []*netns.NS{l.NS("rt")}, Unlimited: true, Recorder: recorder})
	if err != nil {
		return nil, err
	}
	if err := tr.Arm(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(b.Context())
	ran := make(chan error, 1)
	go func() { ran <- tr.Run(ctx, func([]event.Event) {}) }()
	_, err = newSender(b, l, 0).steady(recorded, time.Second)
	time.Sleep(settle)
	cancel()
	return story.Bytes(), errors.Join(err, <-ran, tr.Close(), recorder.Close())
}

// BenchmarkDecode is datagrams to events; one operation is one message.
func BenchmarkDecode(b *testing.B) {
	worlds(b, func(b *testing.B, story []byte) {
		for n := 0; n < b.N; {
			err := replay(story, func(events []event.Event) { n += len(events) })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCorrelate is events to journeys; one operation is one event.
func BenchmarkCorrelate(b *testing.B) {
	worlds(b, func(b *testing.B, story []byte) {
		events, err := keep(story)
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		for n := 0; n < b.N; n += len(events) {
			correlateAll(events, func(*journey.Journey) {})
		}
	})
}

// BenchmarkJSON is journeys to JSON lines; one operation is one journey.
func BenchmarkJSON(b *testing.B) {
	worlds(b, func(b *testing.B, story []byte) {
		events, err := keep(story)
		if err != nil {
			b.Fatal(err)
		}
		var journeys []*journey.Journey
		correlateAll(events, func(j *journey.Journey) { journeys = append(journeys, j) })
		if len(journeys) == 0 {
			b.Fatalf("no journey in %d events", len(events))
		}
		printer := render.NewJSON(io.Discard)
		b.ResetTimer()
		for n := range b.N {
			if err := printer.Journey(journeys[n%len(journeys)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPipeline is datagrams to JSON lines as a live trace does it; one
// operation is one packet.
func BenchmarkPipeline(b *testing.B) {
	worlds(b, func(b *testing.B, story []byte) {
		printer := render.NewJSON(io.Discard)
		for n := 0; n < b.N; {
			src, err := source.OpenStory(bytes.NewReader(story))
			if err != nil {
				b.Fatal(err)
			}
			_, err = live.Tell(b.Context(), src, live.Teller{Journey: func(j *journey.Journey) {
				n++
				_ = printer.Journey(j)
			}})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func replay(story []byte, emit func([]event.Event)) error {
	src, err := source.OpenStory(bytes.NewReader(story))
	if err != nil {
		return err
	}
	return src.Run(context.Background(), emit)
}

// keep copies the events of a recording with the bytes that they point to.
func keep(story []byte) (kept []event.Event, err error) {
	err = replay(story, func(events []event.Event) {
		for _, e := range events {
			for _, part := range []*[]byte{&e.Trace.Link, &e.Trace.Network, &e.Trace.Transport, &e.Log.Prefix, &e.Log.LinkHeader, &e.Log.Payload} {
				*part = bytes.Clone(*part)
			}
			kept = append(kept, e)
		}
	})
	return kept, err
}

func correlateAll(events []event.Event, told func(*journey.Journey)) {
	c := correlate.New(correlate.Options{})
	take := func(js []*journey.Journey) {
		for _, j := range js {
			told(j)
		}
	}
	for at := 0; at < len(events); at += batch {
		now := events[at:min(at+batch, len(events))]
		take(c.Add(now))
		take(c.Expire(now[len(now)-1].Time))
	}
	take(c.Finish(time.Time{}))
}
