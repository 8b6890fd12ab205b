// Package kmsg reads the kernel's own log, /dev/kmsg, and takes the lines of the
// packet log out of it. It needs no syslog daemon, and sees what such daemons
// leave out. It reads the host's one ring, whatever namespace it is in; packets
// of other network namespaces than the first are in it only where
// net.netfilter.nf_log_all_netns is 1.
//
// # Time
//
// A record carries the printk clock alone: seconds since the start, which stand
// still while the host is suspended, and which nothing corrects. What is read as
// it is printed gets wall time from the clock at that moment, within some ten
// milliseconds (ClockWall). Older records get it from CLOCK_REALTIME less
// CLOCK_MONOTONIC, as if both had kept pace (ClockAssumed): it drifts by seconds
// in weeks, and is late by all suspended time since; a note says how much that is.
package kmsg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
)

// Path is where the kernel gives its log.
const Path = "/dev/kmsg"

// ErrPermission is in the chain of Open's error where the right to read is missing.
var ErrPermission = errors.New("reading the kernel log needs root or CAP_SYSLOG here (sysctl kernel.dmesg_restrict)")

// From says where reading begins.
type From uint8

// The places to begin at.
const (
	Oldest From = iota // with the oldest record that the kernel still holds
	Now                // with what is printed after Open
)

// Options says how to read. The zero value reads all that is there, and ends.
type Options struct {
	From   From
	Follow bool   // go on with what is printed, until Run's context ends
	Netns  uint16 // the host's number in the stream
}

// Source is the kernel's log. It can be run once.
type Source struct {
	opt  Options
	file *os.File
	raw  syscall.RawConn

	next     uint64 // the sequence number that is due
	counting bool   // next is known
	live     bool   // all that was there when reading began has been read
	fresh    bool   // the next record has been waited for
	quiet    bool   // an Idle event tells of the silence since the last record
	batch    batch
	start    time.Time // when the printk clock was 0
}

// recordSize is more than the kernel ever makes of a record (include/linux/printk.h:
// PRINTK_MESSAGE_MAX, 2048; CONSOLE_EXT_LOG_MAX, 8192, before Linux 6.2).
const recordSize = 16 << 10

// Open opens the log.
func Open(opt Options) (*Source, error) {
	f, err := os.OpenFile(Path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, openError(err)
	}
	s := &Source{opt: opt, file: f}
	if s.raw, err = f.SyscallConn(); err == nil {
		err = s.begin()
	}
	if err == nil {
		s.batch.host, err = hostName()
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("read the kernel log: %w", err)
	}
	s.batch.netns = opt.Netns
	return s, nil
}

func openError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", err, ErrPermission)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: containers mostly have none: try the host", err)
	}
	return err
}

func (s *Source) begin() error {
	if s.opt.From == Oldest {
		return nil
	}
	s.live = true
	_, err := s.file.Seek(0, io.SeekEnd)
	return err
}

func hostName() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("uname: %w", err)
	}
	return unix.ByteSliceToString(u.Nodename[:]), nil
}

// Close closes the log.
func (s *Source) Close() error { return s.file.Close() }

// idleAfter is how long the kernel must have been silent for an Idle event.
const idleAfter = 50 * time.Millisecond

// Run implements source.Source.
func (s *Source) Run(ctx context.Context, emit func([]event.Event)) error {
	s.begun(emit)
	defer s.batch.emit(emit)
	buf := make([]byte, recordSize)
	for ctx.Err() == nil {
		err := s.records(buf)
		switch {
		case errors.Is(err, os.ErrClosed):
			return nil
		case errors.Is(err, unix.EAGAIN):
		case err != nil:
			return fmt.Errorf("read %s: %w", Path, err)
		}
		s.batch.emit(emit)
		if err == nil {
			continue
		}
		if !s.opt.Follow {
			return nil
		}
		s.live = true
		s.await(ctx, emit)
	}
	_ = s.records(buf) // what was printed until ctx ended
	return nil
}

// recordsAtOnce bounds how late the end of ctx is noticed while others print.
const recordsAtOnce = 4096

// records reads until a batch is full; EAGAIN where there is no more.
func (s *Source) records(buf []byte) error {
	for range recordsAtOnce {
		if s.batch.full() {
			return nil
		}
		n, err := s.record(buf)
		if errors.Is(err, unix.EPIPE) {
			continue // some were overwritten before they were read: the next one's number tells how many
		}
		if err != nil {
			return err
		}
		s.take(buf[:n])
		s.quiet = false
	}
	return nil
}

// record reads one record; EAGAIN where there is none.
func (s *Source) record(buf []byte) (n int, err error) {
	_ = s.file.SetReadDeadline(time.Time{})
	ctl := s.raw.Read(func(fd uintptr) bool {
		for {
			if n, err = unix.Read(int(fd), buf); !errors.Is(err, unix.EINTR) {
				return true
			}
		}
	})
	switch {
	case errors.Is(ctl, os.ErrDeadlineExceeded): // set at the end of wait's context
		return 0, unix.EAGAIN
	case ctl != nil:
		return 0, os.ErrClosed
	}
	return n, err
}

// await waits for a record, and says once that none came.
func (s *Source) await(ctx context.Context, emit func([]event.Event)) {
	s.fresh = s.wait(ctx)
	if !s.fresh && !s.quiet {
		s.quiet = true
		emit([]event.Event{{Kind: event.KindIdle, Time: time.Now().Add(-idleAfter), Netns: s.opt.Netns}})
	}
}

// wait waits until there is a record; false where there was none for a while, or
// ctx ended.
func (s *Source) wait(ctx context.Context) bool {
	_ = s.file.SetReadDeadline(time.Now().Add(idleAfter))
	defer context.AfterFunc(ctx, func() { _ = s.file.SetReadDeadline(time.Unix(1, 0)) })()
	asked := false
	err := s.raw.Read(func(fd uintptr) bool {
		if !asked {
			asked = true
			return readable(fd)
		}
		return true
	})
	if err == nil {
		return true
	}
	late := false // this process did not come to run before the deadline
	return s.raw.Control(func(fd uintptr) { late = readable(fd) }) == nil && late
}

// readable asks without waiting.
func readable(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}
