package logfile

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the machine may have no zone files

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
)

const packetText = "in: IN=eth0 OUT= SRC=10.1.0.2 DST=10.1.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1024 DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0 \n"

// written makes a log that was last written at a time.
func written(t *testing.T, mtime time.Time, content string) string {
	t.Helper()
	path := logOf(t, content)
	if err := os.Chtimes(path, mtime, mtime); err != nil {
		t.Fatal(err)
	}
	return path
}

func times(all []kept) []string {
	var texts []string
	for _, k := range only(all, event.KindLine) {
		texts = append(texts, fmt.Sprintf("%s %d", k.time.Format(time.RFC3339Nano), k.line.Clock))
	}
	return texts
}

func TestTimes(t *testing.T) {
	mtime := time.Date(2025, 3, 12, 0, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content     string
		options     Options
		want, notes []string
	}{
		"year and zone": {
			content: "2026-11-22T10:00:00.5+02:00 h1 kernel: " + packetText,
			want:    []string{fmt.Sprint("2026-11-22T08:00:00.5Z ", event.ClockWall)},
		},
		"neither": {
			content: "Dec 31 23:59:59 h1 kernel: " + packetText + "Mar 11 20:35:11 h1 kernel: " + packetText,
			options: Options{Zone: berlin},
			want:    []string{fmt.Sprint("2024-12-31T23:59:59+01:00 ", event.ClockAssumed), fmt.Sprint("2025-03-11T20:35:11+01:00 ", event.ClockAssumed)},
			notes:   []string{"stamps have no year: by the file's time, 2025-03-12, the first is of 2024", "stamps have no zone: taken as Europe/Berlin"},
		},
		"uptime alone": {
			content: "[  123.456789] " + packetText,
			want:    []string{fmt.Sprint("1970-01-01T00:02:03.456789Z ", event.ClockUptime)},
		},
		"uptime and boot": {
			content: "[  123.456789] " + packetText,
			options: Options{Boot: at},
			want:    []string{fmt.Sprint("2026-11-22T10:02:03.456789Z ", event.ClockAssumed)},
		},
		"none": {
			content: packetText + "2026-11-22T10:00:00Z h1 kernel: " + packetText + packetText,
			want: []string{
				fmt.Sprint("0001-01-01T00:00:00Z ", event.ClockNone), fmt.Sprint("2026-11-22T10:00:00Z ", event.ClockWall),
				fmt.Sprint("2026-11-22T10:00:00Z ", event.ClockNone),
			},
		},
		"counted from the line before": {
			content: "[Feb15 06:36] x\n[  +1.500000] y\n[  +0.250000] " + packetText + "[  +0.250000] " + packetText,
			want:    []string{fmt.Sprint("2025-02-15T06:36:01.75Z ", event.ClockAssumed), fmt.Sprint("2025-02-15T06:36:02Z ", event.ClockAssumed)},
			notes:   []string{"stamps have no year: by the file's time, 2025-03-12, the first is of 2025", "stamps have no zone: taken as UTC"},
		},
		"merged lines": {
			content: "Mar 11 20:35:11 h1 kernel: [    1.500000] " + strings.TrimSpace(packetText) + " [    1.600000] " + packetText,
			want:    []string{fmt.Sprint("2025-03-11T20:35:11Z ", event.ClockAssumed), fmt.Sprint("2025-03-11T20:35:11Z ", event.ClockAssumed)},
			notes:   []string{"stamps have no year: by the file's time, 2025-03-12, the first is of 2025", "stamps have no zone: taken as UTC"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := written(t, mtime, c.content)
			all := read(t, c.options, path)
			if diff := cmp.Diff(c.want, times(all)); diff != "" {
				t.Error(diff)
			}
			var said []string
			for _, n := range notes(all) {
				said = append(said, strings.TrimPrefix(n, path+": "))
			}
			if diff := cmp.Diff(c.notes, said); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestYearOfStream: a stream has no time of its own, so it is of today.
func TestYearOfStream(t *testing.T) {
	yesterday := time.Now().UTC().Add(-24 * time.Hour)
	text := yesterday.Format(time.Stamp) + " h1 kernel: " + packetText
	all := read(t, Options{Stdin: strings.NewReader(text)}, Stdin)
	if got := only(all, event.KindLine)[0].time; got.Unix() != yesterday.Unix() {
		t.Error(got)
	}
	want := fmt.Sprintf("standard input: stamps have no year: by today's date the first is of %d", yesterday.Year())
	if got := notes(all); len(got) != 2 || got[0] != want {
		t.Errorf("%q", got)
	}
}

func TestSinceUntil(t *testing.T) {
	content := packetText + lines(0, 1000) + "[    1.000000] " + packetText
	path := logOf(t, content)
	for name, c := range map[string]struct {
		since, until time.Duration
		from, to     int
	}{
		"both": {250 * time.Millisecond, 499 * time.Millisecond, 250, 500},
		"all":  {-time.Hour, time.Hour, 0, 1000},
		"none": {time.Hour, 2 * time.Hour, 0, 0},
	} {
		s := opened(t, Options{Since: at.Add(c.since), Until: at.Add(c.until), Workers: 3}, path)
		s.chunkSize = 5000
		all := run(t, s)
		some := only(all, event.KindLine)
		if len(some) < 2 {
			t.Fatal(name, len(some))
		}
		if len(some) > 2 {
			wantNumbers(t, some[1:len(some)-1], c.from, c.to)
		}
		if got := s.Counts(); got.NoTime != 2 || got.Skipped != int64(1000-(c.to-c.from)) || got.Lines != int64(c.to-c.from+2) {
			t.Errorf("%s: %+v", name, got)
		}
		if got := notes(all); len(got) != 1 || got[0] != "2 lines tell no time of day and were kept whatever their time" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestReferenceMoves: what is written while a log is followed is of now, whatever
// the file's time was when following began.
func TestReferenceMoves(t *testing.T) {
	old := time.Now().UTC().Add(-400 * 24 * time.Hour)
	path := written(t, old, old.Format(time.Stamp)+" h1 kernel: "+packetText)
	r := start(t, opened(t, Options{Follow: true}, path))
	if got := r.take(t, 1)[0].time; got.Unix() != old.Unix() {
		t.Error(got)
	}
	now := time.Now().UTC()
	mustWrite(t, appendTo(t, path), now.Format(time.Stamp)+" h1 kernel: "+packetText)
	if got := r.take(t, 1)[0].time; got.Unix() != now.Unix() {
		t.Error(got)
	}
}
