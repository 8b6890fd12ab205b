package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/internal/source/logfile"
	logsum "github.com/pktrail/pktrail/internal/tally"
)

// What the log sources promise, with the page cache warm.
const (
	logSpeed    = 300 // MB/s of LOG lines to their summary
	logRatio    = 3.0 // times mawk's speed at the same
	sparseRatio = 0.5 // times the speed of grep -c
)

// logScript does with mawk what a summary needs at least: it takes the same
// fields out of the line, and counts by prefix, flow and interfaces.
const logScript = `
{
	at = index($0, "IN=")
	if (!at) next
	prefix = substr($0, 1, at - 1)
	sub(/^.*kernel: \[ *[0-9.]+\] /, "", prefix)
	in_ = out = src = dst = proto = spt = dpt = ""
	n = split(substr($0, at), words, " ")
	for (i = 1; i <= n; i++) {
		w = words[i]
		if (w ~ /^IN=/) in_ = substr(w, 4)
		else if (w ~ /^OUT=/) out = substr(w, 5)
		else if (w ~ /^SRC=/) src = substr(w, 5)
		else if (w ~ /^DST=/) dst = substr(w, 5)
		else if (w ~ /^PROTO=/) proto = substr(w, 7)
		else if (w ~ /^SPT=/) spt = substr(w, 5)
		else if (w ~ /^DPT=/) dpt = substr(w, 5)
	}
	lines++
	prefixes[prefix]++
	flows[src " " dst " " proto " " dpt]++
	ways[in_ " " out]++
}
END { for (p in prefixes) kinds++; for (f in flows) many++; print lines, kinds, many }
`

// logLine is line n of a host's log, as rsyslog writes it.
func logLine(n int) string {
	return fmt.Sprintf("Mar 11 20:%02d:%02d linux kernel: [%d.%06d] [UFW %s] IN=eth%d OUT= MAC=02:00:00:00:01:0b:02:00:00:00:01:0a:08:00 SRC=198.51.100.%d DST=10.1.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=%d DF PROTO=TCP SPT=%d DPT=%d WINDOW=64240 RES=0x00 SYN URGP=0 \n",
		n/60000%60, n/1000%60, 463490+n/1000, n%1000*1000, []string{"BLOCK", "ALLOW", "AUDIT"}[n%3], n%2, n%250, n%65536, 1024+n%60000, []int{22, 23, 80, 443, 3389, 8080}[n/7%6])
}

// plainLine is a line of somebody else's.
func plainLine(n int) string {
	return fmt.Sprintf("Mar 11 20:%02d:%02d linux systemd[1]: Started session-%d.scope - Session %d of User root.\n", n/60%60, n%60, n, n)
}

// logFile writes a log of so many bytes, and reads it once.
func logFile(t *testing.T, size int, line func(int) string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kern.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w := bufio.NewWriterSize(f, 1<<20)
	for n := 0; size > 0; n++ {
		wrote, err := w.WriteString(line(n))
		if err != nil {
			t.Fatal(err)
		}
		size -= wrote
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, f); err != nil {
		t.Fatal(err)
	}
	return path
}

// logSummary reads a log of LOG lines to its summary, and mawk the same log.
func logSummary(t *testing.T, r *report, s scale, _ string) {
	mawk, err := exec.LookPath("mawk")
	if err != nil {
		lab.Lacks(t, fmt.Sprintf("%v: scripts/need-packages bench installs it", err))
	}
	path := logFile(t, s.log, logLine)
	var peer, ours series
	for range min(s.rounds, 3) {
		p, said := timed(t, path, mawk, logScript, path)
		o, lines := summed(t, path)
		if said := strings.Fields(said); len(said) != 3 || said[0] != strconv.FormatInt(lines, 10) || said[1] != "3" {
			t.Fatalf("mawk says %q, pktrail %d lines", said, lines)
		}
		peer, ours = append(peer, p), append(ours, o)
	}
	ratio := ratios(ours, peer)
	r.add(row{
		what: fmt.Sprintf("LOG lines to their summary, %d MB, MB/s", s.log>>20), peer: fmt.Sprintf("mawk %.0f", peer.median()),
		pktrail: fmt.Sprintf("%.0f", ours.median()), ratio: fmt.Sprintf("%.1f", ratio.median()), spread: ratio.spread("%.1f"),
		target:  fmt.Sprintf("≥ %d, ≥ %.0f × mawk", logSpeed, logRatio),
		reached: reached(ours.median() >= logSpeed && ratio.median() >= logRatio),
	})
}

// sparseLog reads a log in which one line of 10,000 is TRACE's, and grep -c counts them.
func sparseLog(t *testing.T, r *report, s scale, _ string) {
	path := logFile(t, s.log, func(n int) string {
		if n%10_000 == 0 {
			return strings.Replace(logLine(n), "[UFW", "TRACE: raw:PREROUTING:policy:2 [UFW", 1)
		}
		return plainLine(n)
	})
	var peer, ours series
	for range min(s.rounds, 3) {
		p, said := timed(t, path, "grep", "-c", "TRACE", path)
		o, lines := summed(t, path)
		if strings.TrimSpace(said) != strconv.FormatInt(lines, 10) {
			t.Fatalf("grep says %q, pktrail %d lines", said, lines)
		}
		peer, ours = append(peer, p), append(ours, o)
	}
	ratio := ratios(ours, peer)
	r.add(row{
		what: fmt.Sprintf("a log with few packet lines, %d MB, MB/s", s.log>>20), peer: fmt.Sprintf("grep -c %.0f", peer.median()),
		pktrail: fmt.Sprintf("%.0f", ours.median()), ratio: fmt.Sprintf("%.2f", ratio.median()), spread: ratio.spread("%.2f"),
		target: fmt.Sprintf("≥ %.1f × grep -c", sparseRatio), reached: reached(ratio.median() >= sparseRatio),
	})
}

// timed runs a program over a file, and returns its MB/s and what it says.
func timed(t *testing.T, path, program string, args ...string) (speed float64, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return speedOf(t, path, time.Since(begin)), out.String()
}

// summed reads a file to its summary, and returns its MB/s and how many packet
// lines it has.
func summed(t *testing.T, path string) (speed float64, lines int64) {
	t.Helper()
	begin := time.Now()
	src, err := logfile.Open([]string{path}, logfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var sum logsum.Tally
	if err := src.Run(context.Background(), func(events []event.Event) {
		for i := range events {
			if e := &events[i]; e.Kind == event.KindLine {
				sum.Add(e.Time, e.Line)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	report := sum.Report(logsum.Options{})
	return speedOf(t, path, time.Since(begin)), report.Lines
}

func speedOf(t *testing.T, path string, took time.Duration) float64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return float64(info.Size()) / 1e6 / took.Seconds()
}
