package logfile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
)

// running is a source that runs, and what it has emitted.
type running struct {
	source *Source
	events chan kept
	done   chan error
	cancel context.CancelFunc
}

func start(t *testing.T, s *Source) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{source: s, events: make(chan kept, 100_000), done: make(chan error, 1), cancel: cancel}
	go func() {
		r.done <- s.Run(ctx, func(events []event.Event) {
			for i := range events {
				r.events <- keep(&events[i])
			}
		})
	}()
	t.Cleanup(cancel)
	return r
}

// forever only bounds a hang of what must come.
const forever = time.Minute

// next waits for the next event of a kind.
func (r *running) next(t *testing.T, kind event.Kind) kept {
	t.Helper()
	limit := time.After(forever)
	for {
		select {
		case k := <-r.events:
			if k.kind == kind {
				return k
			}
		case <-limit:
			t.Fatalf("no event of kind %d", kind)
		}
	}
}

// take waits for so many lines.
func (r *running) take(t *testing.T, n int) []kept {
	t.Helper()
	var all []kept
	for range n {
		all = append(all, r.next(t, event.KindLine))
	}
	return all
}

// quiet fails when a line comes within d.
func (r *running) quiet(t *testing.T, d time.Duration) {
	t.Helper()
	limit := time.After(d)
	for {
		select {
		case k := <-r.events:
			if k.kind == event.KindLine {
				t.Fatalf("a line that was not to be expected: %d", k.number())
			}
		case <-limit:
			return
		}
	}
}

// stop ends the source and gives what it had still to say.
func (r *running) stop(t *testing.T) []kept {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(forever):
		t.Fatal("it does not stop")
	}
	var all []kept
	for len(r.events) > 0 {
		all = append(all, <-r.events)
	}
	return all
}

func opened(t *testing.T, o Options, paths ...string) *Source {
	t.Helper()
	s, err := Open(paths, o)
	if err != nil {
		t.Fatal(err)
	}
	s.poll = 10 * time.Millisecond
	return s
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return r, w
}

func mustWrite(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// TestTrickle: a line is told as soon as its newline is there.
func TestTrickle(t *testing.T) {
	in, out := pipe(t)
	r := start(t, opened(t, Options{Stdin: in}, Stdin))
	for n := range 20 {
		line := packetLine("h1", n)
		mustWrite(t, out, line[:40])
		r.quiet(t, 5*time.Millisecond)
		mustWrite(t, out, line[40:])
		if got := r.next(t, event.KindLine).number(); got != n {
			t.Fatalf("%d, want %d", got, n)
		}
	}
	mustWrite(t, out, strings.TrimSuffix(packetLine("h1", 20), "\n"))
	_ = out.Close()
	r.take(t, 1)
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// TestStreamSameAsFile: however a stream comes in pieces, it is the same log.
func TestStreamSameAsFile(t *testing.T) {
	content := lines(0, 300) + strings.Repeat("x", 3*maxLine) + "\n" + "\x00\x00" + lines(300, 320) + strings.Repeat("y", maxLine+1)
	want := read(t, Options{}, logOf(t, content))
	for name, r := range map[string]io.Reader{
		"whole":    strings.NewReader(content),
		"pieces":   &pieces{strings.NewReader(content), 97},
		"halves":   iotest.HalfReader(strings.NewReader(content)),
		"with EOF": iotest.DataErrReader(strings.NewReader(content)),
	} {
		got := read(t, Options{Stdin: r}, Stdin)
		wantNumbers(t, got, 0, 320)
		a, b := only(want, event.KindBadLine), only(got, event.KindBadLine)
		if len(a) != len(b) || len(a) != 2 {
			t.Fatalf("%s: %d and %d bad lines", name, len(a), len(b))
		}
		for i := range a {
			if a[i].bad.Number != b[i].bad.Number || a[i].bad.Reason != b[i].bad.Reason || !bytes.Equal(a[i].bad.Text, b[i].bad.Text) {
				t.Errorf("%s: %+v, want %+v", name, b[i].bad, a[i].bad)
			}
		}
	}
}

// pieces reads so many bytes at once.
type pieces struct {
	r    io.Reader
	size int
}

func (p *pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.size)]) }

// TestEndless: input without a newline takes bounded memory.
func TestEndless(t *testing.T) {
	s := opened(t, Options{Stdin: io.LimitReader(endless{}, 64<<20)}, Stdin)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	bad := only(run(t, s), event.KindBadLine)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("%d bytes", took)
	}
	if len(bad) != 1 || bad[0].bad.Reason != "a line of 67108864 bytes: longer than 65536" || len(bad[0].bad.Text) != textLen || bad[0].bad.Number != 1 {
		t.Errorf("%+v", bad)
	}
	if c := s.Counts(); c.Bytes != 64<<20 || c.Bad != 1 {
		t.Errorf("%+v", c)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func TestReadFails(t *testing.T) {
	r := io.MultiReader(strings.NewReader(lines(0, 100)), iotest.ErrReader(fmt.Errorf("broken disk")))
	all := read(t, Options{Stdin: r}, Stdin)
	wantNumbers(t, all, 0, 100)
	if got := notes(all); len(got) != 1 || !strings.HasPrefix(got[0], "standard input: cannot be read to its end: after ") || !strings.HasSuffix(got[0], " bytes: broken disk") {
		t.Errorf("%q", got)
	}
}

// TestStdinFile: a file that is standard input is read from where it stands.
func TestStdinFile(t *testing.T) {
	first := lines(0, 50)
	f, err := os.Open(logOf(t, first+lines(50, 100)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(int64(len(first)), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	s := opened(t, Options{Stdin: f}, Stdin)
	if s.inputs[0].kind != regular {
		t.Error("is read as a stream")
	}
	wantNumbers(t, run(t, s), 50, 100)
}

func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, opened(t, Options{}, path))
	r.quiet(t, 20*time.Millisecond)
	out, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, out, lines(0, 100))
	wantNumbers(t, r.take(t, 100), 0, 100)
	_ = out.Close()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// TestStops: nothing keeps a source from ending.
func TestStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	in, out := pipe(t)
	mustWrite(t, out, packetLine("h1", 0))
	for name, s := range map[string]*Source{
		"fifo without a writer": opened(t, Options{}, path),
		"silent pipe":           opened(t, Options{Stdin: in}, Stdin),
		"blocked reader":        opened(t, Options{Stdin: struct{ io.Reader }{in}}, Stdin),
		"no file":               opened(t, Options{Follow: true}, filepath.Join(t.TempDir(), "none")),
	} {
		r := start(t, s)
		time.Sleep(20 * time.Millisecond)
		t.Log(name)
		r.stop(t)
	}
}

// TestStopsInside: ctx ends while events are handed over.
func TestStopsInside(t *testing.T) {
	s := opened(t, Options{}, logOf(t, lines(0, 20_000)))
	s.chunkSize = 10_000
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	if err := s.Run(ctx, func([]event.Event) {
		if n++; n == 3 {
			cancel()
		}
	}); err != nil || n > 20 {
		t.Error(n, err)
	}
}
