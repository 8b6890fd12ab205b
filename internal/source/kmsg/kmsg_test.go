package kmsg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
)

// told is the lines of a run, and what else it said.
type told struct {
	lines  []event.LogLine
	times  []time.Time
	lost   []event.Lost
	bad    []string
	spaces []event.Namespace
	idle   int
}

func (c *told) add(events []event.Event) {
	for _, e := range events {
		switch e.Kind {
		case event.KindLine:
			l := *e.Line
			l.MAC, l.Rest = append([]byte(nil), l.MAC...), append([]byte(nil), l.Rest...)
			c.lines = append(c.lines, l)
			c.times = append(c.times, e.Time)
		case event.KindLost:
			c.lost = append(c.lost, *e.Lost)
		case event.KindBadLine:
			c.bad = append(c.bad, e.BadLine.Reason+": "+string(e.BadLine.Text))
		case event.KindNamespace:
			c.spaces = append(c.spaces, *e.Namespace)
		case event.KindIdle:
			c.idle++
		}
	}
}

// with is the lines whose prefix begins with one.
func (c *told) with(prefix string) (lines []event.LogLine, times []time.Time) {
	for i, l := range c.lines {
		if strings.HasPrefix(l.Prefix, prefix) {
			lines, times = append(lines, l), append(times, c.times[i])
		}
	}
	return lines, times
}

// needRing skips where this process may not write into the kernel's log, as root
// in a user namespace may not.
func needRing(t *testing.T) *os.File {
	t.Helper()
	w, err := os.OpenFile(Path, os.O_WRONLY, 0)
	if err != nil {
		lab.LacksRights(t, fmt.Sprintf("the kernel's log cannot be written to here: %v", err))
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func open(t *testing.T, opt Options) *Source {
	t.Helper()
	s, err := Open(opt)
	if errors.Is(err, ErrPermission) {
		lab.LacksRights(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// run runs s until done says so.
func run(t *testing.T, s *Source, done func(*told) bool) *told {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lab.Patience)
	defer cancel()
	var c told
	err := s.Run(ctx, func(events []event.Event) {
		c.add(events)
		if done(&c) {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func toTheEnd(*told) bool { return false }

// word is what no other line of the ring has.
func word() string { return "pktrail" + strings.ToLower(rand.Text()[:10]) + " " }

const packetWords = "IN= OUT=lo SRC=127.0.0.1 DST=127.0.0.1 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=7 DF PROTO=ICMP TYPE=8 CODE=0 ID=9 SEQ=%d "

// write prints a line. Without the newline the kernel would wait for more of it.
func write(t *testing.T, w *os.File, text string) {
	t.Helper()
	if _, err := w.WriteString(text + "\n"); err != nil {
		t.Fatal(err)
	}
}

// TestReadBack: what is printed comes, as it is printed and afterwards.
func TestReadBack(t *testing.T) {
	w := needRing(t)
	prefix := word()
	s := open(t, Options{From: Now, Follow: true, Netns: 3})
	before := time.Now()
	for i := range 3 {
		write(t, w, prefix+fmt.Sprintf(packetWords, i))
	}
	write(t, w, prefix+"tells of no packet")
	silent := -1 // so often, when the third line had come
	c := run(t, s, func(c *told) bool {
		l, _ := c.with(prefix)
		switch {
		case len(l) == 3 && silent < 0:
			silent = c.idle
		case len(l) == 3 && silent < c.idle:
			silent = math.MaxInt
			write(t, w, prefix+"with a\ttab "+fmt.Sprintf(packetWords, 3))
		}
		return len(l) == 4
	})
	lines, times := c.with(prefix)
	if len(lines) != 4 {
		t.Fatalf("%d lines, %d times idle", len(lines), c.idle)
	}
	host, _ := os.Hostname()
	for i, l := range lines {
		if int(l.Headers.ICMPSeq) != i || l.Host != host || !l.HasUptime || l.Clock != event.ClockWall {
			t.Errorf("line %d: %+v", i, l)
		}
		if times[i].Before(before.Add(-time.Second)) || times[i].After(time.Now()) {
			t.Errorf("line %d is of %v, written after %v", i, times[i], before)
		}
	}
	if lines[3].Prefix != prefix+"with a\ttab " {
		t.Errorf("prefix %q", lines[3].Prefix)
	}
	if len(c.spaces) != 1 || c.spaces[0].Host != host || !c.spaces[0].Log || c.spaces[0].BootID == "" {
		t.Errorf("namespaces %+v", c.spaces)
	}
	t.Run("afterwards", func(t *testing.T) { afterwards(t, prefix) })
}

func afterwards(t *testing.T, prefix string) {
	s := open(t, Options{})
	c := run(t, s, toTheEnd)
	lines, _ := c.with(prefix)
	if len(lines) != 4 || lines[0].Clock != event.ClockAssumed || len(c.lost) != 0 {
		t.Fatalf("%d lines, %+v", len(lines), c.lost)
	}
}

func TestEndsWithContext(t *testing.T) {
	needRing(t)
	s := open(t, Options{From: Now, Follow: true})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := s.Run(ctx, func([]event.Event) {}); err != nil {
		t.Error(err)
	}
}

func TestEndsWithClose(t *testing.T) {
	needRing(t)
	s := open(t, Options{From: Now, Follow: true})
	time.AfterFunc(20*time.Millisecond, func() { _ = s.Close() })
	if err := s.Run(t.Context(), func([]event.Event) {}); err != nil {
		t.Error(err)
	}
}

func TestOpenError(t *testing.T) {
	err := openError(&fs.PathError{Op: "open", Path: Path, Err: unix.EPERM})
	if !errors.Is(err, ErrPermission) || !errors.Is(err, unix.EPERM) {
		t.Error(err)
	}
	if err := openError(&fs.PathError{Op: "open", Path: Path, Err: unix.ENOENT}); errors.Is(err, ErrPermission) || !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestRecords: what a record may be.
func TestRecords(t *testing.T) {
	s := &Source{batch: batch{host: "gw"}}
	for _, raw := range []string{
		"4,7,5678901,-;DROP " + fmt.Sprintf(packetWords, 0) + "\n SUBSYSTEM=net\n DEVICE=n1\n",
		`4,8,5678902,-,caller=T17;caf\xc3\xa9 ` + fmt.Sprintf(packetWords, 1) + "\n",
		"6,9,5678903,-;eth0: link up\n",
		`12,13,5678904,-;one ` + fmt.Sprintf(packetWords, 2) + `\x0atwo ` + fmt.Sprintf(packetWords, 3) + "\n",
		"4,14,5678905,-;DROP IN=eth0 OUT= SRC=1.2.3 DST=1.2.3.4 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=7 PROTO=ICMP\n",
		"what is this\n",
		"4,14,5678905,-;DROP " + fmt.Sprintf(packetWords, 9) + "\n", // seen before
	} {
		s.take([]byte(raw))
	}
	var c told
	s.batch.emit(c.add)
	var got []string
	for _, l := range c.lines {
		got = append(got, fmt.Sprintf("%s%d at %v of %s", l.Prefix, l.Headers.ICMPSeq, l.Uptime, l.Host))
	}
	want := "DROP 0 at 5.678901s of gw; café 1 at 5.678902s of gw; one 2 at 5.678904s of gw; two 3 at 5.678904s of gw"
	if strings.Join(got, "; ") != want {
		t.Errorf("%q", got)
	}
	if len(c.lost) != 1 || c.lost[0].Count != 3 {
		t.Errorf("lost %+v", c.lost)
	}
	if len(c.bad) != 2 || !strings.Contains(c.bad[0], "SRC=1.2.3") || !strings.HasSuffix(c.bad[1], "what is this\n") {
		t.Errorf("bad %q", c.bad)
	}
}

// TestBatchIsBounded: neither lines nor text grow beyond a batch.
func TestBatchIsBounded(t *testing.T) {
	s := &Source{}
	for i := range 10 * batchLines {
		s.take(fmt.Appendf(nil, "4,%d,5678901,-;DROP "+packetWords+"\n", 2*i, 0))
		s.take(fmt.Appendf(nil, "4,%d,5678901,-;a PROTO= of nobody\n", 2*i+1))
		if s.batch.full() {
			s.batch.emit(func([]event.Event) {})
		}
	}
	if n := cap(s.batch.lines); n != batchLines {
		t.Errorf("room for %d lines", n)
	}
	if n := cap(s.batch.text); n > batchLines*400 {
		t.Errorf("%d bytes of text", n)
	}
}

// TestStamp: a live record is never of the future, and follows the host's clock
// when that is set.
func TestStamp(t *testing.T) {
	s := &Source{live: true, fresh: true}
	now := time.Now()
	if got := s.stamp(now, time.Second); got.at.After(now) || now.Sub(got.at) > near || got.clock != event.ClockWall {
		t.Errorf("%v for a record of %v", got, now)
	}
	later := now.Add(time.Hour) // asleep: the printk clock went on by two seconds
	if got := s.stamp(later, 3*time.Second); later.Sub(got.at) > near {
		t.Errorf("%v for a record of %v", got, later)
	}
	s.fresh = false // in a flood reading may lag
	if got := s.stamp(later.Add(time.Second), 4*time.Second-500*time.Millisecond); later.Add(500*time.Millisecond).Sub(got.at).Abs() > near {
		t.Errorf("%v for a record of %v", got, later)
	}
}
