package logfile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

func appendTo(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestFollowRename: logrotate's create. The writer goes on with the old file
// until it is told; the set's older files are read first.
func TestFollowRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kern.log")
	write(t, path+".2.gz", gzipped(t, lines(0, 100)))
	write(t, path+".1", lines(100, 200))
	f := appendTo(t, path)
	mustWrite(t, f, lines(200, 300))
	r := start(t, opened(t, Options{Follow: true}, path, path+".1", path+".2.gz"))
	go func() {
		n := 300
		for round := range 8 {
			r.seen(n)
			for range 50 {
				_, _ = io.WriteString(f, packetLine("h1", n))
				n++
			}
			_ = os.Rename(path, fmt.Sprintf("%s.old%d", path, round))
			fresh, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
			if err != nil {
				return
			}
			for range 50 {
				time.Sleep(time.Millisecond / 2)
				_, _ = io.WriteString(f, packetLine("h1", n))
				n++
			}
			_ = f.Close()
			f = fresh
		}
	}()
	wantNumbers(t, r.take(t, 300+800), 0, 1100)
	r.quiet(t, 50*time.Millisecond)
	for _, n := range notes(r.stop(t)) {
		if !strings.HasSuffix(n, "is not there: waiting for it") { // on a machine that is slow enough
			t.Error(n)
		}
	}
}

// TestFollowCopyTruncate: logrotate's copytruncate, while lines are written.
func TestFollowCopyTruncate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kern.log")
	f := appendTo(t, path)
	r := start(t, opened(t, Options{Follow: true}, path))
	go func() {
		n := 0
		for round := range 8 {
			for i := range 100 {
				_, _ = io.WriteString(f, packetLine("h1", n))
				n++
				if i == 10*round {
					r.seen(n)
				}
			}
			copyFile(path, path+".1")
			_ = os.Truncate(path, 0)
		}
	}()
	wantNumbers(t, r.take(t, 800), 0, 800)
	r.quiet(t, 50*time.Millisecond)
	for _, n := range notes(r.stop(t)) {
		t.Error(n)
	}
}

// seen waits until n lines have been read: rotation is slower than looks.
func (r *running) seen(n int) {
	for end := time.Now().Add(forever); r.source.Counts().Lines < int64(n) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

func copyFile(from, to string) {
	if b, err := os.ReadFile(from); err == nil {
		_ = os.WriteFile(to, b, 0o600)
	}
}

// TestFollowTruncated: without a copy it is said that something may be missing.
func TestFollowTruncated(t *testing.T) {
	path := logOf(t, lines(0, 10))
	r := start(t, opened(t, Options{Follow: true}, path))
	wantNumbers(t, r.take(t, 10), 0, 10)
	time.Sleep(30 * time.Millisecond)
	write(t, path, lines(10, 12))
	if n := r.next(t, event.KindNote).note; !strings.Contains(n, "kern.log: was truncated: ") {
		t.Error(n)
	}
	wantNumbers(t, r.take(t, 2), 10, 12)
	write(t, path, lines(12, 100)) // longer than what was read of it
	r.next(t, event.KindNote)
	wantNumbers(t, r.take(t, 88), 12, 100)
}

func TestFollowAbsent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kern.log")
	r := start(t, opened(t, Options{Follow: true}, path))
	if n := r.next(t, event.KindNote).note; n != path+": is not there: waiting for it" {
		t.Error(n)
	}
	f := appendTo(t, path)
	mustWrite(t, f, lines(0, 5))
	wantNumbers(t, r.take(t, 5), 0, 5)
	rename(t, path, path+".1")
	mustWrite(t, f, packetLine("h1", 5))
	if n := r.next(t, event.KindNote).note; n != path+": is not there: waiting for it" {
		t.Error(n)
	}
	mustWrite(t, f, packetLine("h1", 6))
	mustWrite(t, appendTo(t, path), packetLine("h1", 7))
	wantNumbers(t, r.take(t, 1), 6, 7)
	wantNumbers(t, r.take(t, 1), 7, 8)
}

// TestFollowHalf: a line is told when it is whole, and when its file is left for good.
func TestFollowHalf(t *testing.T) {
	half, rest := packetLine("h1", 10)[:150], packetLine("h1", 10)[150:]
	path := logOf(t, lines(0, 10)+half)
	r := start(t, opened(t, Options{Follow: true}, path))
	wantNumbers(t, r.take(t, 10), 0, 10)
	r.quiet(t, 50*time.Millisecond)
	f := appendTo(t, path)
	mustWrite(t, f, rest)
	wantNumbers(t, r.take(t, 1), 10, 11)
	mustWrite(t, f, strings.TrimSuffix(packetLine("h1", 11), "\n"))
	r.quiet(t, 50*time.Millisecond)
	rename(t, path, path+".1")
	mustWrite(t, appendTo(t, path), packetLine("h1", 12))
	wantNumbers(t, r.take(t, 2), 11, 13)
}

// TestFollowLong: a line that is too long, in the part read before and behind.
func TestFollowLong(t *testing.T) {
	path := logOf(t, packetLine("h1", 0)+strings.Repeat("x", 2*maxLine))
	r := start(t, opened(t, Options{Follow: true}, path))
	r.take(t, 1)
	f := appendTo(t, path)
	mustWrite(t, f, strings.Repeat("x", 100)+"\n"+packetLine("h1", 1))
	if got := r.next(t, event.KindBadLine).bad; got.Number != 2 || got.Reason != fmt.Sprintf("a line of %d bytes: longer than 65536", 2*maxLine+100) {
		t.Errorf("%+v", got)
	}
	r.take(t, 1)
	mustWrite(t, f, strings.Repeat("y", maxLine+1)+"\n"+packetLine("h1", 2))
	if got := r.next(t, event.KindBadLine).bad; got.Number != 4 {
		t.Errorf("%+v", got)
	}
	wantNumbers(t, r.take(t, 1), 2, 3)
}

func TestFollowFromEnd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kern.log")
	write(t, path+".1", lines(0, 10))
	line := packetLine("h1", 20)
	write(t, path, lines(10, 20)+line[:100])
	r := start(t, opened(t, Options{Follow: true, FromEnd: true}, path, path+".1"))
	r.quiet(t, 50*time.Millisecond)
	f := appendTo(t, path)
	mustWrite(t, f, line[100:]+lines(21, 30))
	wantNumbers(t, r.take(t, 10), 20, 30)
	mustWrite(t, f, "in: IN=eth0 OUT= SRC=10.1.0.2 DST=10.1.0.1 TTL=abc PROTO=TCP\n")
	if got := r.next(t, event.KindBadLine).bad.Number; got != 27 {
		t.Error(got)
	}
}

func TestFollowTwo(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")
	write(t, a, lines(0, 5))
	write(t, b, lines(5, 10))
	r := start(t, opened(t, Options{Follow: true}, a, b))
	wantNumbers(t, r.take(t, 10), 0, 10)
	for n := 10; n < 20; n += 2 {
		mustWrite(t, appendTo(t, b), packetLine("h1", n))
		wantNumbers(t, r.take(t, 1), n, n+1)
		mustWrite(t, appendTo(t, a), packetLine("h1", n+1))
		wantNumbers(t, r.take(t, 1), n+1, n+2)
	}
}

// TestIdle: a second of silence is said once, in the log's own time.
func TestIdle(t *testing.T) {
	path := logOf(t, packetLine("h1", 0)+packetLine("h2", 1))
	in, out := pipe(t)
	mustWrite(t, out, packetLine("h1", 0)+packetLine("h2", 1))
	for name, s := range map[string]*Source{
		"file": opened(t, Options{Follow: true}, path), "pipe": opened(t, Options{Follow: true, Stdin: in}, Stdin),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, s)
			last := r.take(t, 2)[1].time
			for n := range uint16(2) {
				k := r.next(t, event.KindIdle)
				if passed := k.time.Sub(last); k.netns != n || passed < idleAfter || passed > forever {
					t.Errorf("namespace %d: %v", k.netns, passed)
				}
			}
			time.Sleep(idleAfter + idleAfter/4)
			if more := only(r.stop(t), event.KindIdle); len(more) > 0 {
				t.Errorf("%+v", more)
			}
		})
	}
}

func TestFollowRefused(t *testing.T) {
	packed := logOf(t, gzipped(t, lines(0, 3)))
	journal := logOf(t, `{"MESSAGE":"x"}`+"\n")
	for want, paths := range map[string][]string{
		"standard input: a stream cannot be followed":               {Stdin, filepath.Join(t.TempDir(), "none")},
		"packed by gzip cannot be followed":                         {packed},
		"a journal cannot be followed":                              {journal},
		"standard input: a stream cannot be followed beside others": {Stdin, logOf(t, "")},
	} {
		_, err := Open(paths, Options{Follow: true, Stdin: strings.NewReader("")})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
