package nfnetlink

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
)

const (
	readBuffer = 1 << 20
	// largest is the room kept free for one datagram, and the most that the
	// kernel puts into one of a dump (net/netlink/af_netlink.c: netlink_recvmsg).
	largest = 32 << 10
)

// Read waits for datagrams and returns all that fit into the buffer. It returns
// os.ErrDeadlineExceeded at the read deadline and os.ErrClosed after Close; the
// batch is never nil. The deadline of a process that does not come to run passes
// while datagrams wait; ReadWithin sees them.
func (s *Socket) Read() (*Batch, error) {
	s.begin()
	return s.ended(s.conn.Read(s.ready))
}

// await is Read for what a request waits for until a time. Most answers are there
// when the request is sent; with atOnce they are taken without asking the poller.
func (s *Socket) await(atOnce bool, until time.Time) (*Batch, error) {
	s.begin()
	if atOnce {
		there := false
		if err := s.conn.Control(func(fd uintptr) { there = s.drain(fd) }); err != nil || there {
			return s.ended(err)
		}
	}
	s.timed = true
	if err := s.SetReadDeadline(until); err != nil {
		return s.ended(err)
	}
	return s.ended(s.conn.Read(s.ready))
}

// ReadWithin is Read that waits no longer than d. Without an error, a batch with
// nothing in it means that nothing had come by then.
func (s *Socket) ReadWithin(d time.Duration) (*Batch, error) {
	_ = s.SetReadDeadline(time.Now().Add(d))
	b, err := s.Read()
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return b, err
	case len(b.Datagrams) > 0 || b.Overrun: // which had come during a request
		return b, nil
	}
	s.begin()
	return s.ended(s.conn.Control(func(fd uintptr) { s.drain(fd) }))
}

// begin makes room for a batch that begins with what a request left.
func (s *Socket) begin() {
	if s.buf == nil {
		s.buf = make([]byte, readBuffer)
	}
	s.batch.Datagrams = append(s.batch.Datagrams[:0], s.pending...)
	s.batch.Overrun, s.batch.Drained = s.overrun, false
	s.pending, s.overrun, s.used, s.fail = nil, false, 0, nil
}

// ended is the batch, and why there is no more of it.
func (s *Socket) ended(err error) (*Batch, error) {
	switch {
	case err == nil:
		err = s.fail
	case s.closed.Load():
		err = os.ErrClosed // the poller's own error cannot be told from others
	}
	return &s.batch, err
}

// drain reads until the queue is empty, the buffer full or what is waited for
// there: to find the queue empty is a system call more. It reports whether
// there is anything to return; if not, it is called again when there may be.
func (s *Socket) drain(fd uintptr) bool {
	b := &s.batch
	b.Drained = false
	for len(s.buf)-s.used >= largest {
		n, err := receive(fd, s.buf[s.used:s.used+largest])
		switch {
		case err == nil:
			b.Datagrams = append(b.Datagrams, s.buf[s.used:s.used+n:s.used+n])
			s.used += wire.Align(n)
			if s.waiting && s.answers(b.Datagrams[len(b.Datagrams)-1]) {
				return true
			}
		case errors.Is(err, unix.EAGAIN):
			b.Drained = true
			return len(b.Datagrams) > 0 || b.Overrun
		case errors.Is(err, unix.ENOBUFS):
			b.Overrun = true
		case errors.Is(err, unix.EINTR):
		default:
			s.fail = fmt.Errorf("read netfilter socket: %w", err)
			return true
		}
	}
	return true
}

// answers reports whether a datagram begins with the end of what is waited for.
func (s *Socket) answers(d []byte) bool {
	m, _, ok, err := wire.Next(d, 0)
	return err == nil && ok && m.Seq == s.awaited && (m.Type == unix.NLMSG_DONE || m.Type == unix.NLMSG_ERROR)
}

// receive reads a datagram without telling the scheduler: the socket never
// blocks, but the kernel makes the next part of a dump in the call, long enough
// for the scheduler to start another thread each time.
func receive(fd uintptr, b []byte) (int, error) {
	n, _, e := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}
