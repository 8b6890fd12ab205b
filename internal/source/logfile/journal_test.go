package logfile

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

// message is what the kernel says in packetLine.
func message(n int) string {
	_, text, _ := strings.Cut(packetLine("h1", n), "] ")
	return strings.TrimSuffix(text, "\n")
}

func jsonEntry(n int) string {
	us := at.Add(time.Duration(n) * time.Millisecond).UnixMicro()
	return fmt.Sprintf(`{"__REALTIME_TIMESTAMP":"%d","_TRANSPORT":"kernel","PRIORITY":"4","_HOSTNAME":"h\u0031","MESSAGE":"%s","_SOURCE_MONOTONIC_TIMESTAMP":"%d"}`,
		us, message(n), 1000+n) + "\n"
}

func exportEntry(n int) string {
	us := at.Add(time.Duration(n) * time.Millisecond).UnixMicro()
	text := message(n)
	size := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return fmt.Sprintf("__CURSOR=s=%d\n__REALTIME_TIMESTAMP=%d\n_TRANSPORT=kernel\n_HOSTNAME=h1\nMESSAGE\n%s%s\n_SOURCE_MONOTONIC_TIMESTAMP=%d\n\n",
		n, us, size, text, 1000+n)
}

func entries(form func(int) string, from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		b.WriteString(form(n))
	}
	return b.String()
}

func TestJournal(t *testing.T) {
	for name, form := range map[string]func(int) string{"json": jsonEntry, "export": exportEntry} {
		t.Run(name, func(t *testing.T) {
			content := entries(form, 0, 2000)
			for _, path := range []string{logOf(t, content), logOf(t, gzipped(t, content))} {
				all := read(t, Options{}, path)
				wantNumbers(t, all, 0, 2000)
				k := only(all, event.KindLine)[7]
				if l := k.line; l.Host != "h1" || l.Clock != event.ClockWall || !l.HasUptime || l.Uptime != 1007*time.Microsecond || l.File != path ||
					l.Offset < int64(6*len(form(0))) || l.Offset > int64(7*len(form(0))) || !k.time.Equal(at.Add(7*time.Millisecond)) {
					t.Errorf("%v %+v", k.time, l)
				}
			}
		})
	}
}

// TestJournalTrickle: `journalctl -f -o json` through a pipe.
func TestJournalTrickle(t *testing.T) {
	for name, form := range map[string]func(int) string{"json": jsonEntry, "export": exportEntry} {
		t.Run(name, func(t *testing.T) {
			in, out := pipe(t)
			r := start(t, opened(t, Options{Stdin: in}, Stdin))
			for n := range 10 {
				mustWrite(t, out, form(n))
				if got := r.next(t, event.KindLine).number(); got != n {
					t.Fatalf("%d, want %d", got, n)
				}
			}
			r.stop(t)
		})
	}
}

func TestJournalBad(t *testing.T) {
	content := jsonEntry(0) + `{"MESSAGE":"in: IN=eth0` + "\n" + jsonEntry(1) +
		strings.Replace(jsonEntry(2), "TTL=64", "TTL=abc", 1) + strings.Replace(jsonEntry(2), "in: IN", `a\nb\nin: IN`, 1)
	s := opened(t, Options{}, logOf(t, content))
	all := run(t, s)
	wantNumbers(t, all, 0, 3)
	if l := only(all, event.KindLine)[2].line; l.Prefix != "in: " {
		t.Errorf("%q", l.Prefix)
	}
	bad := only(all, event.KindBadLine)
	if len(bad) != 2 || bad[0].bad.Number != 0 || !strings.Contains(bad[0].bad.Reason, "byte ") || !strings.HasPrefix(string(bad[1].bad.Text), "in: IN=eth0") {
		t.Errorf("%+v", bad)
	}
	if c := s.Counts(); c.Bad != 2 || c.Lines != 3 || c.Bytes != int64(len(content)) {
		t.Errorf("%+v", c)
	}
}

// TestJournalOthers: forms of the journal that hold packets, and are not read here.
func TestJournalOthers(t *testing.T) {
	for head, want := range map[string]string{
		"LPKSHHRH" + strings.Repeat("\x00", 100):                        "is the journal's own file",
		"Sun 2026-11-22 10:00:00.000000 UTC [s=1;i=2]\n    MESSAGE=x\n": "is the journal for people",
	} {
		path := write(t, filepath.Join(t.TempDir(), "j"), head)
		if got := notes(read(t, Options{}, path)); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q", got)
		}
		if got := notes(read(t, Options{Stdin: strings.NewReader(head)}, Stdin)); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("as a stream: %q", got)
		}
	}
}
