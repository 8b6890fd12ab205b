package nfnetlink

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
)

// ErrPermission is in the chain of every Error that the kernel gave for want of
// a right. Group 0 of NFLOG answers the same where another listener holds it.
var ErrPermission = errors.New("the kernel refused it: CAP_NET_ADMIN in the namespace's user namespace is needed")

// Error is the kernel's refusal of a request.
type Error struct {
	Op      string // what was asked
	Seq     uint32 // the sequence number of the message that was refused
	Errno   unix.Errno
	Message string // the kernel's own words, where it gave any
	Offset  uint32 // of the attribute that it names, 0 when it names none
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %v", e.Op, e.Errno)
	if e.Message != "" {
		s += " (" + e.Message + ")"
	}
	if e.Offset != 0 {
		s += fmt.Sprintf(" at offset %d", e.Offset)
	}
	return s
}

// Unwrap gives the errno, and ErrPermission where it means that.
func (e *Error) Unwrap() []error {
	if e.Errno == unix.EPERM || e.Errno == unix.EACCES {
		return []error{e.Errno, ErrPermission}
	}
	return []error{e.Errno}
}

// Attributes of an extended acknowledgement (include/uapi/linux/netlink.h).
const (
	ackMessage = 1
	ackOffset  = 2
)

// ackError reads an NLMSG_ERROR message; nil is an acknowledgement.
func ackError(op string, m wire.Message) error {
	if len(m.Attrs) < 4 {
		return fmt.Errorf("%s: acknowledgement of %d bytes", op, len(m.Attrs))
	}
	code := int32(binary.NativeEndian.Uint32(m.Attrs))
	if code == 0 {
		return nil
	}
	e := &Error{Op: op, Seq: m.Seq, Errno: unix.Errno(-code)}
	if m.Flags&unix.NLM_F_ACK_TLVS != 0 && len(m.Attrs) >= 4+wire.HeaderLen {
		skip := 4 + wire.HeaderLen
		if m.Flags&unix.NLM_F_CAPPED == 0 {
			skip = 4 + wire.Align(int(binary.NativeEndian.Uint32(m.Attrs[4:])))
		}
		if skip <= len(m.Attrs) {
			e.fill(m.Attrs[skip:])
		}
	}
	return e
}

func (e *Error) fill(tlvs wire.Attrs) {
	for a, ok := tlvs.Next(); ok; a, ok = tlvs.Next() {
		switch a.Type {
		case ackMessage:
			e.Message = string(a.Text())
		case ackOffset:
			if len(a.Data) == 4 {
				e.Offset = binary.NativeEndian.Uint32(a.Data)
			}
		}
	}
}
