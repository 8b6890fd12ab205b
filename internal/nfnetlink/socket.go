// Package nfnetlink is the socket to netfilter's netlink subsystems, made for
// streams: datagrams are read in bulk into one buffer, losses are counted.
package nfnetlink

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is a NETLINK_NETFILTER socket. It belongs to the namespace of the
// thread that opened it and may be read from anywhere. One goroutine at a time.
type Socket struct {
	file   *os.File
	conn   syscall.RawConn
	closed atomic.Bool
	port   uint32
	seq    uint32 // of the next request
	drops  uint32 // of the kernel's count, those told already

	dumping bool // the end of a DumpAhead was not read
	// awaited is the request whose last answer ends a Read, while waiting is set.
	awaited uint32
	waiting bool
	timed   bool // the read deadline is a request's

	buf   []byte
	used  int
	batch Batch
	fail  error
	ready func(fd uintptr) bool // drain, kept so that a Read allocates nothing

	// What came while a request waited for its answer, for the next Read.
	pending [][]byte
	overrun bool
}

// Batch is what one wake-up brought.
type Batch struct {
	// Datagrams lie in the socket's buffer and hold until the next Read.
	Datagrams [][]byte
	// Overrun: the kernel had no room and dropped messages behind these.
	Overrun bool
	// Drained: the queue was found empty behind these. After an overrun the
	// kernel delivers nothing until it is (net/netlink/af_netlink.c:
	// netlink_rcv_wake), so a gap lies before the datagrams of later reads.
	Drained bool
}

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
	s.ready = s.drain
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
// It may be called while another goroutine reads.
func (s *Socket) Close() error {
	s.closed.Store(true)
	return s.file.Close()
}

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
// last call (sk_drops, by SO_MEMINFO; 4.12 and later). The count is exact: each
// message for which there is no room adds one, though ENOBUFS comes once for
// many (net/netlink/af_netlink.c: netlink_overrun).
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
