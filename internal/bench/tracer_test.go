package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/source/netfilter"
)

// tracer is a program that reports traced packets on its standard output, and the
// lab in whose router it runs.
type tracer struct {
	argv []string
	lab  *lab.Lab
	send *sender
	read func(path string, want int) (reading, error)
	says string // on standard error when it is ready; "": it is when it listens

	units    int // lines, or steps, of the output for one packet
	messages int // of the kernel for one packet
	lines    int // those of them that are lines of legacy tables
}

// reading is what an output holds.
type reading struct {
	units     int
	packets   int // reported, wholly or in part
	whole     int // that have all their steps and say so
	overclaim int // that say they are complete and are not
	inferred  int
	lost      int64
	legacy    int // steps in legacy tables
}

// running is a started tracer.
type running struct {
	cmd  *exec.Cmd
	out  *os.File
	errs *words
	ns   *netns.NS
	peak int // kB of resident memory at its highest
}

const (
	patience = lab.Patience
	settle   = 300 * time.Millisecond // for what a tracer does beside tracing when it starts, and for quiet packets
)

func (tr *tracer) start(t *testing.T) (*running, error) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		return nil, err
	}
	r := &running{out: out, errs: &words{}, ns: tr.lab.NS("rt"), cmd: exec.Command(tr.argv[0], tr.argv[1:]...)}
	r.cmd.Stdout, r.cmd.Stderr = out, r.errs
	if err := r.ns.Do(r.cmd.Start); err != nil {
		return nil, err
	}
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if q, err := queues(r.ns); err == nil && q.Sockets > 0 && strings.Contains(r.errs.String(), tr.says) {
			break
		}
		if time.Now().After(end) {
			_ = r.cmd.Process.Kill()
			return nil, fmt.Errorf("%s does not listen after %v: %v: %s", tr.argv[0], patience, r.cmd.Wait(), r.errs)
		}
	}
	time.Sleep(settle)
	return r, nil
}

// words is what a program says while it runs.
type words struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// stop ends the program as a user does. A peer that ended by itself is no error:
// its output tells.
func (r *running) stop() error {
	r.peak = peak(r.cmd.Process.Pid)
	_ = r.cmd.Process.Signal(syscall.SIGINT)
	kill := time.AfterFunc(patience, func() { _ = r.cmd.Process.Kill() })
	defer kill.Stop()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	return r.out.Close()
}

// peak is VmHWM of a process in kB.
func peak(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kb
		}
	}
	return 0
}

// queues is the trace listeners of a namespace.
func queues(ns *netns.NS) (lab.Listening, error) {
	return lab.Listeners(ns, 1<<(unix.NFNLGRP_NFTRACE-1))
}

// drained waits until nothing waits for the tracer any more, and says how long
// that took. A tracer that is gone waits for nothing.
func drained(ns *netns.NS) (time.Duration, lab.Listening, error) {
	begin := time.Now()
	for {
		q, err := queues(ns)
		took := time.Since(begin)
		if err != nil || q.Sockets == 0 || q.Waiting == 0 || took > patience {
			return took, q, err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// probe is one run at one rate.
type probe struct {
	offered  float64 // packets/s that the sender really sent
	carried  float64 // packets/s until the last was read: a buffer is no help
	lossless bool
	dropped  int // messages, by the kernel
	reading
}

func (tr *tracer) probe(t *testing.T, rate float64, d time.Duration) (p probe, err error) {
	t.Helper()
	r, err := tr.start(t)
	if err != nil {
		return p, err
	}
	defer func() { _ = os.Remove(r.out.Name()) }()
	out, err := tr.send.steady(rate, d)
	rest, q, qerr := drained(r.ns)
	time.Sleep(settle)
	if err := errors.Join(err, qerr, r.stop()); err != nil {
		return p, err
	}
	p.offered = out.rate()
	p.carried = float64(out.packets) / (out.wall + rest).Seconds()
	if p.reading, err = tr.read(r.out.Name(), tr.units); err != nil {
		return p, err
	}
	p.dropped = q.Dropped
	p.lossless = q.Dropped == 0 && p.whole == out.packets && p.packets == out.packets
	if p.overclaim > 0 {
		t.Errorf("at %.0f packets/s %d journeys say that they are complete and are not", rate, p.overclaim)
	}
	return p, nil
}

const sample = 64 // packets, by which a tracer is calibrated

// calibrate finds how much a packet makes, of the kernel's messages and of output.
// A tracer that loses packets on a busy machine gets them more slowly.
func (tr *tracer) calibrate(t *testing.T) (err error) {
	t.Helper()
	for _, rate := range []float64{400, 100, 20} {
		if err = tr.calibrateAt(t, rate); !errors.Is(err, errUneven) {
			break
		}
		t.Log(err)
	}
	return err
}

var errUneven = errors.New("not the same for each packet")

func (tr *tracer) calibrateAt(t *testing.T, rate float64) error {
	t.Helper()
	r, err := tr.start(t)
	if err != nil {
		return err
	}
	count, stop, err := countMessages(t.Context(), r.ns)
	if err != nil {
		return errors.Join(err, r.stop())
	}
	_, err = tr.send.steady(rate, time.Duration(sample/rate*float64(time.Second)))
	_, _, qerr := drained(r.ns)
	time.Sleep(2 * settle)
	stop()
	if err := errors.Join(err, qerr, r.stop()); err != nil {
		return err
	}
	got, err := tr.read(r.out.Name(), 0)
	if err != nil {
		return err
	}
	if got.units == 0 || got.units%sample != 0 || *count%sample != 0 || got.legacy%sample != 0 {
		return fmt.Errorf("%s made %d lines or steps of %d packets, for %d kernel messages: %w: %s", tr.argv[0], got.units, sample, *count, errUneven, r.errs)
	}
	tr.units, tr.lines = got.units/sample, got.legacy/sample
	tr.messages = *count/sample + tr.lines
	return nil
}

// countMessages counts the trace events of a namespace beside the tracer.
func countMessages(ctx context.Context, ns *netns.NS) (count *int, stop func(), err error) {
	src, err := netfilter.Open(ns, netfilter.Options{BufferBytes: 1 << 20})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	count = new(int)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = src.Run(ctx, func(events []event.Event) {
			for i := range events {
				if events[i].Kind == event.KindTrace {
					*count++
				}
			}
		})
	}()
	return count, func() { cancel(); <-done; _ = src.Close() }, nil
}

// readLines reads a peer's output: every line is one thing that a packet met.
func readLines(path string, want int) (r reading, err error) {
	err = eachLine(path, func(line []byte) {
		if len(bytes.TrimSpace(line)) > 0 {
			r.units++
		}
	})
	if want > 0 {
		r.packets = (r.units + want - 1) / want
		r.whole = r.units / want
	}
	return r, err
}

// readJourneys reads pktrail's JSON lines; a journey's steps are counted by their
// field that every step has once.
func readJourneys(path string, want int) (r reading, err error) {
	err = eachLine(path, func(line []byte) {
		switch {
		case bytes.HasPrefix(line, []byte(`{"schema":"pktrail/lost/v1"`)):
			r.lost++
		case bytes.HasPrefix(line, []byte(`{"schema":"pktrail/journey/v1"`)):
			steps := bytes.Count(line, []byte(`"hook":`))
			r.units += steps
			r.packets++
			r.legacy += bytes.Count(line, []byte(`"backend":"legacy"`))
			complete := bytes.Contains(line, []byte(`"complete":true`))
			switch {
			case complete && steps == want:
				r.whole++
			case complete && want > 0:
				r.overclaim++
			}
			if bytes.Contains(line, []byte(`"identity":"inferred"`)) {
				r.inferred++
			}
		}
	})
	return r, err
}

func eachLine(path string, f func([]byte)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	sc := bufio.NewScanner(file)
	sc.Buffer(make([]byte, 1<<16), 1<<20)
	for sc.Scan() {
		f(sc.Bytes())
	}
	return sc.Err()
}
