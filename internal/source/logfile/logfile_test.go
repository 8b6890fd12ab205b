package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
)

func TestLine(t *testing.T) {
	path := logOf(t, otherLine(0)+packetLine("h1", 7)+packetLine("h2", 8)+packetLine("h1", 9))
	all := read(t, Options{}, path)
	wantNumbers(t, all, 7, 10)
	lines := only(all, event.KindLine)
	l := lines[0].line
	if l.File != path || l.Offset != int64(len(otherLine(0))) || l.Host != "h1" || l.Clock != event.ClockWall ||
		!l.HasUptime || l.Uptime != 1000*time.Second+7*time.Millisecond || l.Prefix != "in: " || l.In != "eth0" {
		t.Errorf("%+v", l)
	}
	if !lines[0].time.Equal(at.Add(7 * time.Millisecond)) {
		t.Error(lines[0].time)
	}
	if got := []uint16{lines[0].netns, lines[1].netns, lines[2].netns}; !reflect.DeepEqual(got, []uint16{0, 1, 0}) {
		t.Error(got)
	}
	var hosts []string
	for _, k := range only(all, event.KindNamespace) {
		hosts = append(hosts, fmt.Sprint(k.netns, k.host))
	}
	if diff := cmp.Diff([]string{"0h1", "1h2"}, hosts); diff != "" {
		t.Error(diff)
	}
}

// TestOrder: whatever the workers and chunks, the same events in the same order.
func TestOrder(t *testing.T) {
	content := otherLine(1) + lines(0, 1500) + "in: IN=eth0 OUT= SRC=10.1.0.2 DST=10.1.0.1 TTL=abc PROTO=TCP\n" +
		strings.Repeat("x", maxLine+5) + "\n" + strings.Repeat("\x00", 200_000) + packetLine("h3", 1500) +
		strings.Repeat("y", maxLine) + "\n" + strings.Repeat("z", 300_000) + "\n" + strings.TrimSuffix(lines(1501, 1600), "\n")
	path := logOf(t, content)
	want := read(t, Options{Workers: 1}, path)
	wantNumbers(t, want, 0, 1600)
	var bads []string
	for _, k := range only(want, event.KindBadLine) {
		bads = append(bads, fmt.Sprintf("%d %s", k.bad.Number, k.bad.Reason))
	}
	wantBads := []string{
		`2002 at byte 43: "TTL=abc"`, fmt.Sprintf("2003 a line of %d bytes: longer than 65536", maxLine+5), "2006 a line of 300000 bytes: longer than 65536",
	}
	for i := range min(len(bads), len(wantBads)) {
		if !strings.HasPrefix(bads[i], wantBads[i]) {
			t.Errorf("%q, want %q", bads[i], wantBads[i])
		}
	}
	if len(bads) != len(wantBads) {
		t.Error(bads)
	}
	for _, size := range []int{100, 300, 4096, 65535, 65536, 65537, 1 << 20} {
		for _, workers := range []int{1, 2, 5} {
			s, err := Open([]string{path}, Options{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			s.chunkSize = size
			sameEvents(t, fmt.Sprintf("chunks of %d, %d workers", size, workers), run(t, s), want)
		}
	}
}

func TestEnds(t *testing.T) {
	one := strings.TrimSuffix(packetLine("h1", 0), "\n")
	for name, c := range map[string]struct {
		content string
		lines   int
	}{
		"empty":                {"", 0},
		"a newline":            {"\n", 0},
		"no newline at end":    {one, 1},
		"CRLF":                 {one + "\r\n" + one + "\r\n", 2},
		"blank lines":          {"\n\n" + one + "\n\n\n" + one + "\n\n", 2},
		"zero bytes before":    {strings.Repeat("\x00", 5000) + one + "\n", 1},
		"zero bytes between":   {one + "\n\x00\x00" + one + "\n", 2},
		"zero bytes for lines": {one + "\x00" + one + "\x00", 2},
		"zero bytes alone":     {strings.Repeat("\x00", 500_000), 0},
	} {
		all := read(t, Options{}, logOf(t, c.content))
		if got := len(only(all, event.KindLine)); got != c.lines {
			t.Errorf("%s: %d lines, want %d", name, got, c.lines)
		}
		if bad := only(all, event.KindBadLine); len(bad) > 0 {
			t.Errorf("%s: %+v", name, bad)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file or directory",
		dir:                        "is a folder: name the files in it",
	} {
		_, err := Open([]string{path}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestGarbage(t *testing.T) {
	b := make([]byte, 1<<20)
	state := uint32(1)
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = byte(state >> 24)
	}
	path := logOf(t, string(b))
	want := fmt.Sprintf("%s: no packet lines; %d bytes look binary", path, len(b))
	for _, workers := range []int{1, 3} {
		all := read(t, Options{Workers: workers}, path)
		if got := notes(all); len(got) != 1 || got[0] != want {
			t.Errorf("%q", got)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := notes(read(t, Options{Stdin: struct{ *os.File }{f}}, Stdin)); len(got) != 1 || !strings.Contains(got[0], fmt.Sprint(len(b))) {
		t.Errorf("as a stream: %q", got)
	}
}

// TestShortLines: many lines in a chunk are handed over in parts.
func TestShortLines(t *testing.T) {
	const line, n = "IN=a OUT= SRC=10.1.0.2 DST=10.1.0.1\n", 100_000
	s := opened(t, Options{Workers: 2}, logOf(t, strings.Repeat(line, n)+badText))
	most, next := 0, int64(0)
	if err := s.Run(t.Context(), func(events []event.Event) {
		most = max(most, len(events))
		for _, e := range events {
			if e.Kind == event.KindLine {
				if e.Line.Offset != next {
					t.Fatalf("offset %d, want %d", e.Line.Offset, next)
				}
				next += int64(len(line))
			}
			if e.Kind == event.KindBadLine && e.BadLine.Number != n+1 {
				t.Error(e.BadLine.Number)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if got := s.Counts(); got.Lines != n || got.Bad != 1 || got.Bytes != int64(len(line)*n+len(badText)) {
		t.Errorf("%+v", got)
	}
	if most > mostLines+maxLine/len(line)+1 {
		t.Errorf("%d events at once", most)
	}
}
