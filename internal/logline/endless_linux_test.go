package logline

import (
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
)

// TestEndless: lines without end, of what looks like the beginning of others, take
// time by their length and not by its square. Time is that of the thread: how busy
// the machine is does not count.
func TestEndless(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, piece := range []string{"IN=a OUT=b x ", "IN=a OUT=b SRC=", udpLine, "SRC=1.1.1.1 ", "foo=1 x ", "[", "IN=a OUT=b OPT (", "PR OTO=", "= ", "\x00\xff"} {
		short, long := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
		for range 2 {
			short, long = min(short, parseAll(t, piece, 1<<16)), min(long, parseAll(t, piece, 1<<20))
		}
		if long > 64*short+10*time.Millisecond { // the square would be 256 times as much
			t.Errorf("%q: 64 KiB in %v, 1 MiB in %v", piece, short, long)
		}
	}
}

// parseAll parses so many bytes of one piece again and again, and says how much of
// this thread's time it took.
func parseAll(t *testing.T, piece string, size int) time.Duration {
	t.Helper()
	var p Parser
	var l event.LogLine
	text := []byte(strings.Repeat(piece, size/len(piece)))
	began := threadTime(t)
	for len(text) > 0 {
		text, _ = p.Parse(text, &l)
	}
	return max(threadTime(t)-began, 1)
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
