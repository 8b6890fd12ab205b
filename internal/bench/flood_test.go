package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/journey"
)

const memoryMB = 100

// cores is a sender on each core, for as much as the machine can send.
func cores(t *testing.T, l *lab.Lab) []*sender {
	t.Helper()
	a, b := newSender(t, l, 0), newSender(t, l, 1)
	b.serial = ports / 2 << 16 // ports that a does not use soon
	return []*sender{a, b}
}

// flood lets the senders send as fast as they can.
func flood(senders []*sender, d time.Duration) (packets int64, err error) {
	var stop atomic.Bool
	var count, cpu atomic.Int64
	errs := make([]error, len(senders))
	var wg sync.WaitGroup
	for i, s := range senders {
		wg.Go(func() { errs[i] = s.flat(&stop, &count, &cpu) })
	}
	time.Sleep(d)
	stop.Store(true)
	wg.Wait()
	return count.Load(), errors.Join(errs...)
}

// flooded measures memory and truth under far more than can be read.
func flooded(t *testing.T, r *report, s scale, program string) {
	for _, w := range []struct {
		name  string
		rules lab.Ruleset
	}{{"nft", nftRules()}, {"legacy", iptablesRules(lab.Legacy)}} {
		l := router(t, w.rules)
		senders := cores(t, l)
		floodProgram(t, r, s, w.name, pktrail(program, l), senders)
		floodAccount(t, r, s, w.name, l, senders)
	}
}

func floodProgram(t *testing.T, r *report, s scale, name string, tr *tracer, senders []*sender) {
	t.Helper()
	tr.send = senders[0]
	if err := tr.calibrate(t); err != nil {
		t.Fatal(err)
	}
	tr.argv = append([]string{"nice", "-n", "19"}, tr.argv...)
	run, err := tr.start(t)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := flood(senders, s.flood)
	_, q, qerr := drained(run.ns)
	time.Sleep(settle)
	if err := errors.Join(err, qerr, run.stop()); err != nil {
		t.Fatal(err)
	}
	got, err := tr.read(run.out.Name(), tr.units)
	if err != nil {
		t.Fatal(err)
	}
	if got.overclaim > 0 {
		t.Errorf("%s: under a flood %d journeys say that they are complete and are not", name, got.overclaim)
	}
	if q.Dropped > 0 && got.lost == 0 {
		t.Errorf("%s: the kernel dropped %d messages and the output tells of no loss", name, q.Dropped)
	}
	made := packets * int64(tr.messages)
	times := float64(made) / float64(max(1, made-int64(q.Dropped)))
	r.add(row{
		what: fmt.Sprintf("%s: MB of memory under a flood of %.0f times what is read", name, times), pktrail: fmt.Sprintf("%.0f", float64(run.peak)/1024),
		target: fmt.Sprintf("< %d", memoryMB), reached: reached(run.peak < memoryMB*1024),
	})
	r.note("%s: the flood, from both cores to a pktrail of the lowest priority: %.0f packets/s, %.0f messages/s; of %d packets %d were reported wholly and %d in part; %d messages were dropped by the kernel and told as lost in %d places; %d journeys claimed to be complete and were not",
		name, float64(packets)/s.flood.Seconds(), float64(made)/s.flood.Seconds(), packets, got.whole, got.packets-got.whole, q.Dropped, got.lost, got.overclaim)
}

// tally counts what a source hands over.
type tally struct {
	source.Source
	received, lost int64
	traced         int64 // packets, by the kernel's own counter
}

func (c *tally) Run(ctx context.Context, emit func([]event.Event)) error {
	return c.Source.Run(ctx, func(events []event.Event) {
		for i := range events {
			switch e := &events[i]; e.Kind {
			case event.KindTrace, event.KindLog:
				c.received++
			case event.KindCounters:
				c.traced += e.Counters.Traced
			case event.KindLost:
				if e.Lost.Open || e.Lost.What == "NFLOG" { // the socket's count holds these too
					continue
				}
				c.lost += e.Lost.Count
			}
		}
		emit(events)
	})
}

// floodAccount compares what was received and what was counted as lost with what
// the packets must have made.
func floodAccount(t *testing.T, r *report, s scale, name string, l *lab.Lab, senders []*sender) {
	t.Helper()
	one, err := account(t, l, func() error {
		_, err := senders[0].steady(400, sample*time.Second/400)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if one.packets != sample || one.received%sample != 0 || one.lost != 0 {
		t.Fatalf("%s: %d packets made %d messages, %d were lost", name, one.packets, one.received, one.lost)
	}
	each := one.received / sample
	many, err := account(t, l, func() error {
		_, err := flood(senders, s.flood)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	made, told := many.packets*each, many.received+many.lost
	off := float64(told-made) / float64(made)
	r.add(row{
		what: name + ": messages received + lost, of those made", pktrail: fmt.Sprintf("%.5f", float64(told)/float64(made)),
		target: "1", reached: reached(told == made),
	})
	r.note("%s: in a flood %d packets made %d messages; %d received, %d told as lost (off by %.4f %%)", name, many.packets, made, many.received, many.lost, 100*off)
}

// accounted is what one trace in this process received.
type accounted struct {
	packets, received, lost int64
}

func account(t *testing.T, l *lab.Lab, send func() error) (a accounted, err error) {
	t.Helper()
	tr, err := armed(l.NS("rt"), "-p", "udp", "-d", "10.2.0.2", "--dport", fmt.Sprint(destPort))
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	src := &tally{Source: tr}
	told := make(chan error, 1)
	go func() {
		_, err := live.Tell(ctx, src, live.Teller{Journey: func(*journey.Journey) {}})
		told <- err
	}()
	err = send()
	_, _, qerr := drained(l.NS("rt"))
	time.Sleep(settle)
	cancel()
	err = errors.Join(err, qerr, <-told, tr.Close())
	a.packets, a.received, a.lost = src.traced, src.received, src.lost
	return a, err
}

// armed is a trace in this process that is switched on.
func armed(ns *netns.NS, words ...string) (*live.Trace, error) {
	m, _, err := match.Parse(words)
	if err != nil {
		return nil, err
	}
	tr, err := live.Prepare(live.Options{Match: m, Spaces: []*netns.NS{ns}, Unlimited: true})
	if err != nil {
		return nil, err
	}
	return tr, tr.Arm()
}
