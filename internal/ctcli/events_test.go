package ctcli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/packet"
)

// listener is a program that listens to events.
type listener struct {
	cmd  *exec.Cmd
	out  output
	errs bytes.Buffer
}

// output is what a program has written so far.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (w *twin) listener(t testing.TB, program string, args ...string) *listener {
	t.Helper()
	l := &listener{}
	w.start(t, l, &l.out, program, args...)
	return l
}

func (w *twin) start(t testing.TB, l *listener, out io.Writer, program string, args ...string) {
	t.Helper()
	l.cmd = exec.Command(program, args...)
	l.cmd.Args[0] = "conntrack"
	l.cmd.Env = append(os.Environ(), asProgram+"=1")
	l.cmd.Stdout, l.cmd.Stderr = out, &l.errs
	if err := w.ours.Do(l.cmd.Start); err != nil {
		t.Fatal(err)
	}
}

// end interrupts the program.
func (l *listener) end(t testing.TB) result {
	t.Helper()
	if err := l.cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = l.cmd.Wait()
	return result{l.cmd.ProcessState.ExitCode(), l.out.String(), l.errs.String()}
}

// listening waits until so many sockets of netfilter in the namespace are in
// groups, so that nothing that follows escapes them.
func (w *twin) listening(t testing.TB, n int) {
	t.Helper()
	lab.Await(t, func() string {
		all, err := lab.Listeners(w.ours, math.MaxUint64)
		switch {
		case err != nil:
			t.Fatal(err)
		case all.Sockets < n:
			return fmt.Sprintf("%d of %d listen", all.Sockets, n)
		}
		return ""
	})
}

var whens = regexp.MustCompile(`^\[\d+\.\d+\]|<when>.*</when>|portid=\d+( progname=\S+)?`)

// TestEventsAsConntrack: both listen to the same events in the same namespace.
func TestEventsAsConntrack(t *testing.T) {
	for _, options := range []string{
		"", "-o extended,id,timestamp,ktimestamp", "-o xml,timestamp,id", "-o save", "-e NEW,DESTROY", "-e UPDATES", "-p udp", "-f ipv6", "-s 10.0.0.0/8 -m 5", "-b 1000000", "expect", "expect -o xml",
	} {
		w := newTwin(t)
		args := words("-E " + options)
		real, ours := w.listener(t, w.tool, args...), w.listener(t, "/proc/self/exe", args...)
		w.listening(t, 2)
		for _, m := range append(append(makes[:len(makes):len(makes)], "-U -p tcp -s 10.0.0.1 --sport 1000 --dport 80 -m 7 -t 60"), changes[len(changes)-5:]...) {
			run(t, w.ours, w.tool, "", words(m)...)
		}
		w.written(t, &real.out, &ours.out)
		want, got := real.end(t), ours.end(t)
		for _, r := range []*result{&want, &got} {
			lines := strings.Split(r.Out, "\n")
			for i := range lines {
				lines[i] = whens.ReplaceAllString(lines[i], "#")
			}
			r.Out = strings.Join(lines, "\n")
		}
		want.Errors = buffer.ReplaceAllString(want.Errors, fmt.Sprint(2_000_000))
		if d := cmp.Diff(want, got); d != "" || got.Status != 0 || strings.HasSuffix(got.Errors, ": 0 flow events have been shown.\n") {
			t.Errorf("%v:\n%s", args, d)
		}
	}
}

// written waits until nothing waits to be read and both have written as many lines,
// and more do not come; or, where they will not agree, until nothing comes for long.
func (w *twin) written(t testing.TB, a, b *output) {
	t.Helper()
	const moment, long = 50 * time.Millisecond, 3 * time.Second
	last := ""
	for still := time.Duration(0); still < long; still += moment {
		time.Sleep(moment)
		all, err := lab.Listeners(w.ours, 0)
		if err != nil {
			t.Fatal(err)
		}
		one, two := a.String(), b.String()
		switch {
		case all.Waiting > 0 || one+two != last:
			last, still = one+two, 0
		case strings.Count(one, "\n") == strings.Count(two, "\n"):
			return
		}
	}
}

// buffer is the size that conntrack says it has set; it sets that of another socket.
var buffer = regexp.MustCompile(`\d{6,}`)

// TestEventsUnderLoad: of entries that are made as fast as one writer can, every
// one is written to a file.
func TestEventsUnderLoad(t *testing.T) {
	const n = 200_000
	w := newTwin(t)
	if w.room(t) < 64<<20 {
		lab.LacksRights(t, "the room for events cannot be made large enough: run as root")
	}
	for _, options := range []string{"-E -e NEW", "-E -e NEW -o xml,id"} {
		file, err := os.Create(t.TempDir() + "/events")
		if err != nil {
			t.Fatal(err)
		}
		l := &listener{}
		w.start(t, l, file, "/proc/self/exe", words(options)...)
		w.listening(t, 1)
		made := w.fill(t, n)
		shown := fmt.Sprintf("%d flow events have been shown.\n", n)
		lab.Await(t, func() string {
			time.Sleep(50 * time.Millisecond) // to count them takes a moment, too
			if lines := countLines(t, file.Name()); lines < n {
				return fmt.Sprintf("%d of %d events are written", lines, n)
			}
			return ""
		})
		if r := l.end(t); !strings.HasSuffix(r.Errors, shown) || strings.Contains(r.Errors, "ENOBUFS") {
			t.Errorf("%s: %s", options, r.Errors)
		}
		t.Logf("%s: %d entries made in %v", options, n, made)
		run(t, w.ours, "/proc/self/exe", "", "-F")
	}
}

// room is what a listener gets that asks for 64 MB.
func (w *twin) room(t testing.TB) (n int) {
	t.Helper()
	if err := w.ours.Do(func() error {
		l, err := ctnetlink.Listen(ctnetlink.NewFlows, ctnetlink.Options{BufferBytes: 64 << 20})
		if err != nil {
			return err
		}
		n, err = l.BufferBytes()
		return errors.Join(err, l.Close())
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func countLines(t testing.TB, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte{'\n'})
}

// fill makes n entries of UDP.
func (w *twin) fill(t testing.TB, n int) time.Duration {
	t.Helper()
	var c *ctnetlink.Conn
	if err := w.ours.Do(func() (err error) {
		c, err = ctnetlink.Open(ctnetlink.Options{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	writer := c.NewWriter(func(i int, err error) { t.Errorf("entry %d: %v", i, err) })
	start := time.Now()
	for i := range n {
		src := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		tuple := conntrack.Tuple{Src: src, Dst: netip.AddrFrom4([4]byte{192, 0, 2, 1}), Proto: packet.ProtoUDP, Has: conntrack.HasProto | conntrack.HasPorts, DstPort: 53}
		back := tuple
		back.Src, back.Dst, back.SrcPort, back.DstPort = tuple.Dst, tuple.Src, 53, 0
		if err := writer.Create(&conntrack.Flow{Has: conntrack.HasTimeout, Timeout: 600, Orig: tuple, Reply: back}); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
