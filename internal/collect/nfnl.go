package collect

import (
	"errors"
	"iter"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
)

// errChanged says that the kernel's objects changed while they were read.
var errChanged = errors.New("the rules changed each time they were read")

// errStop ends a dump early without being an error of it. What the kernel
// still had to say stays unread, so the socket must not be used again.
var errStop = errors.New("enough seen")

// dial opens a netfilter socket in the namespace of the calling thread.
func dial() (*nfnetlink.Socket, error) { return nfnetlink.Open(0) }

// offThread runs f on another goroutine and waits for it. Reading through the
// poller from a goroutine that is locked to its thread, as all work inside a
// namespace is, costs two thread switches a message.
func offThread(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return <-done
}

// where asks over a socket of the namespace, where that part of the kernel is there.
func (h *Host) where(module, function string, ask func(*nfnetlink.Socket) error) error {
	return h.NS.Do(func() error {
		if lookUp(module, function) != present {
			return nil
		}
		s, err := dial()
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		return offThread(func() error { return ask(s) })
	})
}

// request is a question to nf_tables.
type request struct {
	op     string // what it is, for errors
	msg    uint16
	family uint8
	dump   bool
	attrs  []byte
}

// ask hands over the family and the attributes of each answer, which hold only
// until the function returns. A dump that was interrupted by a change is errChanged.
func ask(s *nfnetlink.Socket, r request, each func(family uint8, attrs wire.Attrs) error) error {
	flags := uint16(unix.NLM_F_REQUEST | unix.NLM_F_ACK)
	if r.dump {
		flags = unix.NLM_F_REQUEST | unix.NLM_F_DUMP
	}
	fill := func(seq uint32) []byte {
		return wire.AppendMessage(nil, unix.NFNL_SUBSYS_NFTABLES<<8|r.msg, flags, seq, r.family, 0, r.attrs)
	}
	interrupted, err := s.Dump(r.op, fill, func(m wire.Message) error { return each(m.Family, m.Attrs) })
	if interrupted || errors.Is(err, unix.EINTR) {
		return errChanged
	}
	return err
}

// attrs walks attributes.
func attrs(a wire.Attrs) iter.Seq[wire.Attr] {
	return func(yield func(wire.Attr) bool) {
		for attr, ok := a.Next(); ok && yield(attr); attr, ok = a.Next() {
		}
	}
}

func text(a wire.Attr) string { return string(a.Text()) }

// name is a zero-terminated string as the data of an attribute.
func name(s string) []byte { return append([]byte(s), 0) }
