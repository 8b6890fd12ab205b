package logfile

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

const badText = "in: IN=eth0 OUT= SRC=10.1.0.2 DST=10.1.0.1 TTL=abc PROTO=TCP\n"

// TestMaxBad: so many are shown, all are counted.
func TestMaxBad(t *testing.T) {
	path := logOf(t, strings.Repeat(badText+packetLine("h1", 0), 50)+strings.Repeat(strings.Repeat("x", maxLine+1)+"\n", 2))
	for most, want := range map[int]int{0: 52, 1: 1, 10: 10, 51: 51, 100: 52} {
		s := opened(t, Options{MaxBad: most, Workers: 3}, path)
		s.chunkSize = 1000
		all := run(t, s)
		bad := only(all, event.KindBadLine)
		if len(bad) != want || s.Counts().Bad != 52 || len(only(all, event.KindLine)) != 50 {
			t.Errorf("%d: %d shown, %+v", most, len(bad), s.Counts())
		}
		for i, k := range bad[:min(len(bad), 50)] {
			if k.bad.Number != int64(2*i+1) || string(k.bad.Text) != strings.TrimSpace(badText) || k.bad.File != path {
				t.Fatalf("%+v", k.bad)
			}
		}
	}
}

// TestBadText: the beginning of the line, its head included.
func TestBadText(t *testing.T) {
	line := "Mar 11 20:35:11 h1 kernel: [   10.000000] " + strings.TrimSpace(badText) + " " + strings.Repeat("x", 500)
	bad := only(read(t, Options{}, logOf(t, line)), event.KindBadLine)
	if len(bad) != 1 || string(bad[0].bad.Text) != line[:textLen] {
		t.Fatalf("%+v", bad)
	}
	var off int
	if _, err := fmt.Sscanf(bad[0].bad.Reason, "at byte %d:", &off); err != nil || !strings.HasPrefix(line[off:], "TTL=abc") {
		t.Error(bad[0].bad.Reason)
	}
}

// TestManyHosts: a log may name more hosts than there are numbers.
func TestManyHosts(t *testing.T) {
	var b strings.Builder
	const hosts = mostHosts + 10
	for n := range hosts {
		fmt.Fprintf(&b, "Mar 11 20:35:11 h%d kernel: IN=eth0 OUT= SRC=10.1.0.2 DST=10.1.0.1 LEN=60\n", n)
	}
	seen := map[uint16]string{}
	var lines, crowded, notes int
	s := opened(t, Options{}, logOf(t, b.String()))
	if err := s.Run(t.Context(), func(events []event.Event) {
		for _, e := range events {
			switch e.Kind {
			case event.KindNamespace:
				if _, again := seen[e.Netns]; again {
					t.Fatalf("number %d twice", e.Netns)
				}
				seen[e.Netns] = e.Namespace.Host
			case event.KindLine:
				lines++
				if host := seen[e.Netns]; host != e.Line.Host {
					crowded++
					if e.Netns != mostHosts || host != "" {
						t.Fatalf("%s is %d, of %q", e.Line.Host, e.Netns, host)
					}
				}
			case event.KindNote:
				if strings.Contains(e.Note, "more than 65535 hosts") {
					notes++
				}
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if lines != hosts || crowded != 10 || notes != 1 {
		t.Error(lines, crowded, notes)
	}
}

// TestShrinks: a file that is truncated between its opening and its reading.
func TestShrinks(t *testing.T) {
	content := lines(0, 1000)
	path := logOf(t, content)
	for _, size := range []int{len(content) / 2, 10, 0} {
		write(t, path, content)
		s := opened(t, Options{Workers: 3}, path)
		s.chunkSize = 5000
		if err := os.Truncate(path, int64(size)); err != nil {
			t.Fatal(err)
		}
		all := run(t, s)
		got := notes(all)
		if len(got) != 1 || got[0] != fmt.Sprintf("%s: became shorter while it was read: what stood behind byte %d is missing", path, size) {
			t.Errorf("%d: %q", size, got)
		}
		if c := s.Counts(); c.Bytes != int64(size) || c.Lines < int64(size/300) {
			t.Errorf("%d: %+v", size, c)
		}
	}
}
