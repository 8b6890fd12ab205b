package logfile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/source"
)

var _ source.Source = (*Source)(nil)

// at is when the lines of these tests were written.
var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// packetLine is the nth line of a host's log; n is its IP id.
func packetLine(host string, n int) string {
	return fmt.Sprintf("%s %s kernel: [%5d.%06d] in: IN=eth0 OUT= MAC=02:00:00:00:01:0b:02:00:00:00:01:0a:08:00 SRC=10.1.0.2 DST=10.1.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=%d DF PROTO=TCP SPT=%d DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0 \n",
		at.Add(time.Duration(n)*time.Millisecond).Format("2006-01-02T15:04:05.000000-07:00"), host, 1000+n/1000, n%1000*1000, n%65536, 1024+n/65536)
}

func otherLine(n int) string {
	return at.Add(time.Duration(n)*time.Millisecond).Format(time.Stamp) + fmt.Sprintf(" h1 systemd[1]: Started session-%d.scope - Session %d of User root.\n", n, n)
}

// lines is lines of packets, other lines between them.
func lines(from, to int) string {
	var b bytes.Buffer
	for n := from; n < to; n++ {
		b.WriteString(packetLine("h1", n))
		if n%3 == 0 {
			b.WriteString(otherLine(n))
		}
	}
	return b.String()
}

func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// logOf is a file of this content in a folder of its own.
func logOf(t testing.TB, content string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "kern.log"), content)
}

// kept is an event whose line holds beyond the call.
type kept struct {
	kind  event.Kind
	time  time.Time
	netns uint16
	line  event.LogLine
	bad   event.BadLine
	host  string // of a namespace
	note  string
}

func keep(e *event.Event) kept {
	k := kept{kind: e.Kind, time: e.Time, netns: e.Netns, note: e.Note}
	if e.Line != nil {
		k.line = *e.Line
		for _, b := range []*[]byte{&k.line.MAC, &k.line.Rest, &k.line.Headers.Options, &k.line.Headers.TCPOptions, &k.line.Quoted.Options, &k.line.Quoted.TCPOptions} {
			*b = bytes.Clone(*b)
		}
	}
	if e.BadLine != nil {
		k.bad = *e.BadLine
		k.bad.Text = bytes.Clone(k.bad.Text)
	}
	if e.Namespace != nil {
		k.host = e.Namespace.Host
	}
	return k
}

// read reads everything.
func read(t testing.TB, o Options, paths ...string) []kept {
	t.Helper()
	s, err := Open(paths, o)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, s)
}

func run(t testing.TB, s *Source) []kept {
	t.Helper()
	var all []kept
	if err := s.Run(context.Background(), func(events []event.Event) {
		for i := range events {
			all = append(all, keep(&events[i]))
		}
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func only(all []kept, kind event.Kind) []kept {
	var some []kept
	for _, k := range all {
		if k.kind == kind {
			some = append(some, k)
		}
	}
	return some
}

// number is what packetLine was given.
func (k kept) number() int {
	return int(k.line.Headers.ID) + int(k.line.Headers.SrcPort-1024)<<16
}

// wantNumbers holds lines against those from one number to another, in order.
func wantNumbers(t testing.TB, all []kept, from, to int) {
	t.Helper()
	some := only(all, event.KindLine)
	for i, k := range some {
		if k.number() != from+i {
			t.Fatalf("line %d: number %d, want %d", i, k.number(), from+i)
		}
	}
	if len(some) != to-from {
		t.Fatalf("%d lines, want %d", len(some), to-from)
	}
}

func notes(all []kept) []string {
	var texts []string
	for _, k := range only(all, event.KindNote) {
		texts = append(texts, k.note)
	}
	return texts
}
