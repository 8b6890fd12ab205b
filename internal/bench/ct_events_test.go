package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
)

// ctEvents lets a program write the events of entries that are made as fast as
// one process can, and counts those that arrive in its file.
func ctEvents(t *testing.T, r *report, s scale, program string) {
	real, ours := conntracks(t, program)
	for _, w := range []struct {
		name       string
		real, ours []string
		line       string // that every line of an event has
	}{
		{"text", []string{real, "-E", "-e", "NEW"}, []string{ours, "-E", "-e", "NEW"}, "[NEW]"},
		{"JSON", nil, []string{program, "ct", "watch", "-o", "json", "--event", "new"}, `"schema":"pktrail/flow-event/v1"`},
	} {
		peer, own := &heardSeries{}, &heardSeries{}
		for range min(s.rounds, 3) {
			if w.real != nil {
				peer.add(t, s.events, w.real, w.line)
			}
			own.add(t, s.events, w.ours, w.line)
		}
		line := row{
			what:    fmt.Sprintf("ct: new entries of %d that arrive in a file as %s", s.events, w.name),
			pktrail: fmt.Sprintf("%.0f", own.arrived.quantile(0)), spread: own.arrived.spread("%.0f"),
			target: fmt.Sprint(s.events), reached: reached(own.arrived.quantile(0) == float64(s.events)),
		}
		if w.real != nil {
			line.peer = fmt.Sprintf("conntrack %.0f", peer.arrived.median())
		}
		r.add(line)
		r.note("ct events as %s: made at %.0f/s (%s); memory at its highest %.0f MB, of cores %.2f s", w.name, own.speed.median(), own.speed.spread("%.0f"), own.peak.quantile(1), own.cpu.median())
	}
}

// heardSeries is what came of several runs of one listener.
type heardSeries struct {
	arrived, speed, peak, cpu series // events, made/s, MB, s
}

func (h *heardSeries) add(t *testing.T, events int, argv []string, line string) {
	t.Helper()
	p := newCTPlace(t)
	path := filepath.Join(t.TempDir(), "events")
	run, err := listenTo(p.ns, path, argv)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	err = p.many(events)
	took := time.Since(begin)
	werr := heardAll(p.ns)
	if err := errors.Join(err, werr, run.stop()); err != nil {
		t.Fatal(err)
	}
	arrived := 0
	if err := eachLine(path, func(l []byte) {
		if bytes.Contains(l, []byte(line)) {
			arrived++
		}
	}); err != nil {
		t.Fatal(err)
	}
	if arrived < events {
		t.Logf("%s: %d of %d events arrived: %s", strings.Join(argv, " "), arrived, events, run.errs)
	}
	h.arrived, h.speed = append(h.arrived, float64(arrived)), append(h.speed, float64(events)/took.Seconds())
	h.peak = append(h.peak, float64(run.peak)/1024)
	h.cpu = append(h.cpu, (run.cmd.ProcessState.UserTime() + run.cmd.ProcessState.SystemTime()).Seconds())
}

// listenTo starts a listener that writes to a file.
func listenTo(ns *netns.NS, path string, argv []string) (*running, error) {
	out, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	r := &running{out: out, errs: &words{}, ns: ns, cmd: exec.Command(argv[0], argv[1:]...)}
	r.cmd.Stdout, r.cmd.Stderr = out, r.errs
	if err := ns.Do(r.cmd.Start); err != nil {
		return nil, err
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if q, err := eventQueue(ns); err != nil || q.Sockets > 0 {
			return r, err
		}
	}
	_ = r.cmd.Process.Signal(syscall.SIGKILL)
	return nil, fmt.Errorf("%s does not listen: %w: %s", argv[0], r.cmd.Wait(), r.errs)
}

// heardAll waits until nothing waits for the listener in the kernel, and a
// moment for what waits in it; it writes the rest when it is ended.
func heardAll(ns *netns.NS) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		q, err := eventQueue(ns)
		if err != nil || q.Waiting == 0 {
			time.Sleep(settle)
			return err
		}
	}
	return errors.New("events still wait to be read")
}

// eventQueue is those who listen to new entries.
func eventQueue(ns *netns.NS) (lab.Listening, error) {
	return lab.Listeners(ns, 1<<(unix.NFNLGRP_CONNTRACK_NEW-1))
}
