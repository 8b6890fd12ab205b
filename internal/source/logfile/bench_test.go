package logfile

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/tally"
)

var megabytes = flag.Int("megabytes", 32, "size of the logs that benchmarks read")
var chunkKB = flag.Int("chunk", defaultChunk>>10, "size of chunks in KiB")

// generate writes a log of this size; every nth line is of a packet.
func generate(b *testing.B, nth int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "kern.log")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for n, size := 0, 0; size < *megabytes<<20; n++ {
		line := otherLine(n)
		if n%nth == 0 {
			line = syslogLine(n)
		}
		size += len(line)
		_, _ = w.WriteString(line)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// syslogLine is a line of LOG as rsyslog writes it.
func syslogLine(n int) string {
	return fmt.Sprintf("Mar 11 20:%02d:%02d linux kernel: [%d.%06d] [UFW BLOCK] IN=eth0 OUT= MAC=02:00:00:00:01:0b:02:00:00:00:01:0a:08:00 SRC=198.51.100.%d DST=10.1.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=%d DF PROTO=TCP SPT=%d DPT=%d WINDOW=64240 RES=0x00 SYN URGP=0 \n",
		n/60000%60, n/1000%60, 463490+n/1000, n%1000*1000, n%250, n%65536, 1024+n%60000, []int{22, 23, 80, 443, 3389, 8080}[n%6])
}

func benchmark(b *testing.B, nth int, add func(*event.Event)) {
	path := generate(b, nth)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	lines := int64(0)
	begin := cpuTime(b)
	for b.Loop() {
		s, err := Open([]string{path}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.chunkSize = *chunkKB << 10
		if err := s.Run(context.Background(), func(events []event.Event) {
			for i := range events {
				add(&events[i])
			}
		}); err != nil {
			b.Fatal(err)
		}
		lines = s.Counts().Lines
	}
	b.ReportMetric(float64(cpuTime(b)-begin)/float64(b.N)/float64(lines), "cpu-ns/line")
	b.ReportMetric(float64(info.Size())*float64(b.N)/float64(cpuTime(b)-begin)*1000, "MB/cpu-s")
}

// cpuTime is what the process has used, which other processes do not make longer.
func cpuTime(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkDense reads a log of packet lines alone and counts them by everything.
func BenchmarkDense(b *testing.B) {
	var t tally.Tally
	benchmark(b, 1, func(e *event.Event) {
		if e.Line != nil {
			t.Add(e.Time, e.Line)
		}
	})
}

// BenchmarkDenseAlone is BenchmarkDense without counting.
func BenchmarkDenseAlone(b *testing.B) { benchmark(b, 1, func(*event.Event) {}) }

// BenchmarkSparse reads a log of which one line in 10,000 is of a packet.
func BenchmarkSparse(b *testing.B) { benchmark(b, 10000, func(*event.Event) {}) }
