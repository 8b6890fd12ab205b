package collect

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Bounds of one look through the kernel's log: it may be written to faster than it is read.
const (
	maxRecords   = 300_000
	maxRecordLen = 16 << 10 // a record has at most 8 KiB on all kernels so far (kernel/printk: PRINTKRB_RECORD_MAX, CONSOLE_EXT_LOG_MAX)
)

// readRing looks through the records that the kernel's log holds, oldest first.
func readRing(path string) snapshot.Value[snapshot.Ring] {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return snapshot.Unknown[snapshot.Ring]("open " + path + ": " + err.Error())
	}
	defer func() { _ = unix.Close(fd) }()
	var look ringLook
	buf := make([]byte, maxRecordLen)
	for range maxRecords {
		n, err := unix.Read(fd, buf)
		switch {
		case errors.Is(err, unix.EPIPE), errors.Is(err, unix.EINTR): // what was next has been overwritten
		case errors.Is(err, unix.EAGAIN), err == nil && n == 0:
			return snapshot.Known(look.ring(monotonic()))
		case err != nil:
			return snapshot.Unknown[snapshot.Ring]("read " + path + ": " + err.Error())
		default:
			look.record(buf[:n])
		}
	}
	return snapshot.Known(look.ring(monotonic()))
}

func monotonic() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// ringLook is what the records so far told.
type ringLook struct {
	out                  snapshot.Ring
	oldest, newest, last time.Duration // since the start: of any record, and of a packet's line
}

// record takes one `priority,sequence,microseconds,flags;text`
// (Documentation/ABI/testing/dev-kmsg).
func (l *ringLook) record(b []byte) {
	head, text, ok := bytes.Cut(b, []byte(";"))
	fields := bytes.Split(head, []byte(","))
	if !ok || len(fields) < 3 {
		return
	}
	seq, errSeq := strconv.ParseUint(string(fields[1]), 10, 64)
	micros, errTime := strconv.ParseInt(string(fields[2]), 10, 64)
	if errSeq != nil || errTime != nil {
		return
	}
	at := time.Duration(micros) * time.Microsecond
	if l.out.Records == 0 {
		l.out.Overwritten, l.oldest = seq, at
	}
	l.out.Records++
	l.newest = max(l.newest, at)
	if bytes.Contains(text, []byte("IN=")) && bytes.Contains(text, []byte(" OUT=")) {
		l.out.PacketLines++
		l.last = at
	}
}

func (l *ringLook) ring(now time.Duration) snapshot.Ring {
	l.out.Span = max(l.newest-l.oldest, 0)
	if l.out.PacketLines > 0 {
		l.out.LastLine = max(now-l.last, 0)
	}
	return l.out
}
