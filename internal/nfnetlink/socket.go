// Package nfnetlink is the socket to netfilter's netlink subsystems, made for
// streams: datagrams are read in bulk into one buffer, losses are counted.
package nfnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
)

// Socket is a NETLINK_NETFILTER socket. It belongs to the namespace of the
// thread that opened it and may be read from anywhere. One goroutine at a time.
type Socket struct {
	file    *os.File
	conn    syscall.RawConn
	buf     []byte
	pending [][]byte // datagrams that came while a request waited for its answer
	seq     uint32
	port    uint32
	drops   uint32
	batch   Batch
}

// Batch is what one wake-up brought.
type Batch struct {
	// Datagrams lie in the socket's buffer and hold until the next Read.
	Datagrams [][]byte
	// Overrun: the kernel had no room and dropped messages behind these.
	Overrun bool
	// Drained: the queue is empty now. After an overrun the kernel delivers
	// nothing until then (net/netlink/af_netlink.c: NETLINK_S_CONGESTED), so
	// the gap lies between the last datagram before and the first one after.
	Drained bool
}

// Largest is the room kept free for one datagram: netlink's own page-sized
// messages and NFLOG's with a bounded copy range fit many times over.
const largest = 32 << 10

// Open opens a socket in the namespace of the calling thread. bufferBytes is
// the room for data on their way to us, accounted by the kernel; 0 keeps the
// default. Without CAP_NET_ADMIN over the machine it is cut to net.core.rmem_max.
func Open(bufferBytes int) (*Socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open netfilter socket: %w", err)
	}
	s, err := prepare(fd, bufferBytes)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return s, nil
}

func prepare(fd, bufferBytes int) (*Socket, error) {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("bind netfilter socket: %w", err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return nil, fmt.Errorf("name of netfilter socket: %w", err)
	}
	for _, opt := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK} {
		// Absent before Linux 4.12: errors are then shorter, nothing else.
		_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, opt, 1)
	}
	if bufferBytes > 0 && unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferBytes) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferBytes); err != nil {
			return nil, fmt.Errorf("receive buffer of netfilter socket: %w", err)
		}
	}
	return newSocket(os.NewFile(uintptr(fd), "netfilter"), own)
}

// FromFD makes a Socket of one that another process opened and handed on.
func FromFD(fd int) (*Socket, error) {
	own, err := unix.Getsockname(fd)
	if err != nil {
		return nil, fmt.Errorf("name of netfilter socket: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("netfilter socket: %w", err)
	}
	return newSocket(os.NewFile(uintptr(fd), "netfilter"), own)
}

func newSocket(f *os.File, own unix.Sockaddr) (*Socket, error) {
	s := &Socket{file: f, seq: uint32(time.Now().UnixNano()) | 1}
	if nl, ok := own.(*unix.SockaddrNetlink); ok {
		s.port = nl.Pid
	}
	var err error
	s.conn, err = s.file.SyscallConn()
	return s, err
}

// File is the socket's file, for handing it to a child process. A socket whose
// file was handed on blocks; it is not to be read here any more.
func (s *Socket) File() *os.File { return s.file }

// Port is the socket's netlink port id, as /proc/net/netfilter/nfnetlink_log and
// /proc/net/netlink show it.
func (s *Socket) Port() uint32 { return s.port }

// Close closes the socket; the kernel then removes tables that it owns.
func (s *Socket) Close() error { return s.file.Close() }

// SetReadDeadline makes a waiting Read return os.ErrDeadlineExceeded at t.
func (s *Socket) SetReadDeadline(t time.Time) error { return s.file.SetReadDeadline(t) }

// Join makes the socket a member of a multicast group, one of unix.NFNLGRP_*.
func (s *Socket) Join(group int) error {
	return s.control(func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return &Error{Op: fmt.Sprintf("join netfilter group %d", group), Errno: toErrno(err)}
		}
		return nil
	})
}

// BufferBytes is the room that the kernel really gives.
func (s *Socket) BufferBytes() (n int, err error) {
	err = s.control(func(fd int) error {
		n, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	return n, err
}

// Dropped returns how many messages the kernel dropped at this socket since the
// last call (sk_drops, by SO_MEMINFO; 4.12 and later).
func (s *Socket) Dropped() (n uint32, known bool) {
	var info [9]uint32 // SK_MEMINFO_VARS; drops are the last
	size := uint32(unsafe.Sizeof(info))
	err := s.control(func(fd int) error {
		_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if e != 0 {
			return e
		}
		return nil
	})
	if err != nil || size < uint32(unsafe.Sizeof(info)) {
		return 0, false
	}
	n = info[8] - s.drops
	s.drops = info[8]
	return n, true
}

// Read waits for datagrams and returns all that fit into the buffer. It returns
// os.ErrDeadlineExceeded at the read deadline and os.ErrClosed after Close.
func (s *Socket) Read() (*Batch, error) {
	if s.buf == nil {
		s.buf = make([]byte, 1<<20)
	}
	b := &s.batch
	b.Datagrams, b.Overrun, b.Drained = append(b.Datagrams[:0], s.pending...), false, false
	s.pending = nil
	used := 0
	var fail error
	err := s.conn.Read(func(fd uintptr) bool {
		for len(s.buf)-used >= largest {
			n, err := unix.Read(int(fd), s.buf[used:used+largest])
			switch {
			case err == nil:
				b.Datagrams = append(b.Datagrams, s.buf[used:used+n:used+n])
				used += wire.Align(n)
			case errors.Is(err, unix.EAGAIN):
				b.Drained = true
				return len(b.Datagrams) > 0 || b.Overrun
			case errors.Is(err, unix.ENOBUFS):
				b.Overrun = true
			case errors.Is(err, unix.EINTR):
			default:
				fail = fmt.Errorf("read netfilter socket: %w", err)
				return true
			}
		}
		return true
	})
	if err == nil {
		err = fail
	}
	return b, err
}

// Request sends one or more messages made by fill and waits for the kernel's
// acknowledgement of each of the acks that carry NLM_F_ACK. op names them in
// errors. The first refusal ends it.
func (s *Socket) Request(op string, acks int, fill func(seq uint32) []byte) error {
	return s.exchange(op, acks, fill, nil)
}

// Dump sends one dump request and calls each for every message of the answer,
// which holds during the call only. It reports whether the kernel marked the
// dump as inconsistent (NLM_F_DUMP_INTR).
func (s *Socket) Dump(op string, fill func(seq uint32) []byte, each func(wire.Message) error) (interrupted bool, err error) {
	err = s.exchange(op, 1, fill, func(m wire.Message) error {
		interrupted = interrupted || m.Flags&unix.NLM_F_DUMP_INTR != 0
		return each(m)
	})
	return interrupted, err
}

const answerTimeout = 10 * time.Second

func (s *Socket) exchange(op string, acks int, fill func(seq uint32) []byte, each func(wire.Message) error) error {
	first := s.seq
	out := fill(first)
	s.seq += 1 << 12
	if err := s.send(op, out); err != nil {
		return err
	}
	if err := s.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	defer func() { _ = s.SetReadDeadline(time.Time{}) }()
	var kept [][]byte
	defer func() { s.pending = kept }()
	kept, s.pending = s.pending, nil
	for acks > 0 {
		b, err := s.Read()
		if err != nil {
			return fmt.Errorf("%s: wait for the kernel's answer: %w", op, err)
		}
		for _, d := range b.Datagrams {
			mine, done, err := s.answer(op, d, first, each)
			if err != nil {
				return err
			}
			if !mine {
				kept = append(kept, append([]byte(nil), d...))
			}
			acks -= done
		}
	}
	return nil
}

// answer goes through one datagram; done counts acknowledgements and ends of dumps.
func (s *Socket) answer(op string, d []byte, first uint32, each func(wire.Message) error) (mine bool, done int, err error) {
	for off := 0; ; {
		m, next, ok, err := wire.Next(d, off)
		if err != nil || !ok {
			return mine, done, err
		}
		off = next
		if m.Seq-first >= 1<<12 || len(d) < wire.HeaderLen || binary.NativeEndian.Uint32(d[12:]) != s.port {
			return false, 0, nil
		}
		mine = true
		switch {
		case m.Type == unix.NLMSG_ERROR:
			if err := ackError(op, m); err != nil {
				return true, done, err
			}
			done++
		case m.Type == unix.NLMSG_DONE:
			if err := ackError(op, m); err != nil {
				return true, done, err
			}
			done++
		case each != nil:
			if err := each(m); err != nil {
				return true, done, err
			}
		}
	}
}

func (s *Socket) send(op string, b []byte) error {
	return s.control(func(fd int) error {
		if err := unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return &Error{Op: op, Errno: toErrno(err)}
		}
		return nil
	})
}

func (s *Socket) control(f func(fd int) error) (err error) {
	if cerr := s.conn.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

func toErrno(err error) unix.Errno {
	var e unix.Errno
	if errors.As(err, &e) {
		return e
	}
	return unix.EIO
}
