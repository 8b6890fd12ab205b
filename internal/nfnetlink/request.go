package nfnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
)

// answerTimeout is how long the kernel may stay silent.
const answerTimeout = 10 * time.Second

// errAnswerLost is in the chain of a request's error when the kernel had no
// room for the answer. What was asked may have been done.
var errAnswerLost = errors.New("no room in the receive buffer for the kernel's answer: what was asked may have been done")

// Request sends one or more messages made by fill, numbered one by one from seq
// on, and waits for the kernel's acknowledgement of each of the acks that carry
// NLM_F_ACK. op names them in errors. The first refusal ends it.
func (s *Socket) Request(op string, acks int, fill func(seq uint32) []byte) error {
	return s.converse(request{op: op, open: acks}, fill)
}

// Dump sends one dump request and calls each for every message of the answer,
// which holds during the call only. An error of each ends it; the socket then
// refuses another dump (EBUSY) and is best closed. It reports whether the kernel
// marked the dump as inconsistent (NLM_F_DUMP_INTR).
func (s *Socket) Dump(op string, fill func(seq uint32) []byte, each func(wire.Message) error) (interrupted bool, err error) {
	err = s.converse(request{op: op, open: 1, brief: true, each: func(m wire.Message) error {
		interrupted = interrupted || m.Flags&unix.NLM_F_DUMP_INTR != 0
		return each(m)
	}}, fill)
	return interrupted, err
}

// Requests sends messages made by fill, numbered one by one from seq on, of which
// only the last carries NLM_F_ACK, and waits until the kernel has done them all.
// refused is called for each that it refused, 0 being the first.
func (s *Socket) Requests(op string, fill func(seq uint32) []byte, refused func(i int, err error)) error {
	return s.converse(request{op: op, open: 1, refused: refused}, fill)
}

// Ask is Requests for messages that the kernel answers: each is called for every
// message of the answers, which holds during the call only.
func (s *Socket) Ask(op string, fill func(seq uint32) []byte, each func(wire.Message) error, refused func(i int, err error)) error {
	return s.converse(request{op: op, open: 1, each: each, refused: refused}, fill)
}

// request is one exchange under way.
type request struct {
	op          string
	port        uint32 // the socket's own
	first, last uint32 // sequence numbers sent
	open        int    // acknowledgements and ends of dumps still to come
	brief       bool   // the kernel does little while it is sent
	each        func(wire.Message) error
	refused     func(i int, err error) // nil: a refusal ends the request
}

func (s *Socket) converse(r request, fill func(seq uint32) []byte) error {
	op, out := r.op, fill(s.seq)
	r.port, r.first, r.last = s.port, s.seq, lastSeq(out, s.seq)
	s.seq = r.last + 1
	if err := s.send(op, out, r.brief); err != nil {
		return err
	}
	// Read hands out what is pending each time; it is kept here meanwhile.
	kept, overrun := s.pending, s.overrun
	s.pending, s.overrun = nil, false
	s.awaited, s.waiting = r.last, true
	defer func() {
		s.pending, s.overrun, s.waiting = kept, overrun, false
		if s.timed {
			s.timed = false
			_ = s.SetReadDeadline(time.Time{})
		}
	}()
	heard := true
	var until time.Time
	for r.open > 0 {
		if heard {
			until = time.Now().Add(answerTimeout)
		}
		b, err := s.await(heard, until)
		if err != nil {
			return fmt.Errorf("%s: wait for the kernel's answer: %w", op, err)
		}
		overrun = overrun || b.Overrun
		if kept, heard, err = r.sort(b.Datagrams, kept); err != nil {
			return err
		}
		if overrun && b.Drained && r.open > 0 {
			return fmt.Errorf("%s: %w", op, errAnswerLost)
		}
	}
	return nil
}

// sort takes the answers out of datagrams and appends a copy of the others to
// kept, those behind a refusal too.
func (r *request) sort(datagrams, kept [][]byte) (all [][]byte, heard bool, err error) {
	for _, d := range datagrams {
		switch {
		case len(d) < wire.HeaderLen || !r.addressed(d):
			kept = append(kept, append([]byte(nil), d...))
		case err == nil && r.open > 0:
			heard = true
			err = r.take(d)
		}
	}
	return kept, heard, err
}

// addressed reports whether a datagram is an answer to this socket. Those of
// nfnetlink_hook, which sends nothing unasked, name no port
// (net/netfilter/nfnetlink_hook.c: nfnl_hook_dump_one).
func (r *request) addressed(d []byte) bool {
	port, subsystem := binary.NativeEndian.Uint32(d[12:]), binary.NativeEndian.Uint16(d[4:])>>8
	return port == r.port || port == 0 && subsystem == unix.NFNL_SUBSYS_HOOK
}

// take goes through one datagram of answers. Those to an earlier request, which
// had ended before them, are passed over.
func (r *request) take(d []byte) error {
	for off := 0; ; {
		m, next, ok, err := wire.Next(d, off)
		if err != nil {
			return fmt.Errorf("%s: the kernel's answer: %w", r.op, err)
		}
		if !ok {
			return nil
		}
		off = next
		if m.Seq-r.first > r.last-r.first {
			continue
		}
		switch {
		case m.Type == unix.NLMSG_ERROR || m.Type == unix.NLMSG_DONE:
			err = r.answered(m)
		case r.each != nil:
			err = r.each(m)
		}
		if err != nil {
			return err
		}
	}
}

// answered takes an acknowledgement, a refusal or the end of a dump.
func (r *request) answered(m wire.Message) error {
	err := ackError(r.op, m)
	if r.refused == nil {
		r.open--
		return err
	}
	if m.Seq == r.last {
		r.open--
	}
	if err != nil {
		r.refused(int(m.Seq-r.first), err)
	}
	return nil
}

// lastSeq is the sequence number of the last of the messages to send.
func lastSeq(out []byte, first uint32) uint32 {
	last := first - 1
	for off := 0; ; last++ {
		_, next, ok, err := wire.Next(out, off)
		if err != nil || !ok {
			return last
		}
		off = next
	}
}

// send hands messages to the kernel, which acts on them in the call. Where that
// is brief the scheduler is not told: it would start another thread each time.
func (s *Socket) send(op string, b []byte, brief bool) error {
	return s.control(func(fd int) error {
		var err error
		if brief {
			err = sendBrief(fd, b)
		} else {
			err = unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		}
		if err != nil {
			return &Error{Op: op, Errno: toErrno(err)}
		}
		return nil
	})
}

func sendBrief(fd int, b []byte) error {
	to := unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}
	_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0,
		uintptr(unsafe.Pointer(&to)), unsafe.Sizeof(to))
	if e != 0 {
		return e
	}
	return nil
}
