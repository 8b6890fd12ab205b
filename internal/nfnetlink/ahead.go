package nfnetlink

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
)

const (
	minTanks = 4
	// tankBytes is small enough that what was read is still in the processor's
	// cache when it is looked at.
	tankBytes = 256 << 10
)

// tank is a batch that has a buffer of its own.
type tank struct {
	buf   []byte
	batch Batch
	err   error // of the Read that filled it
}

// Ahead says how ReadAhead reads. The zero value reads until something fails.
type Ahead struct {
	Patience time.Duration     // how long a Read may wait; 0: for ever
	Bytes    int               // as much may wait for each to look at it, taken only when it does; at least 1 MB
	Last     func(*Batch) bool // reports the last batch, on the goroutine that reads; nil: there is none
}

// ReadAhead reads on a goroutine of its own, ahead of each, which is called for
// one batch after the other, so that the kernel's work and the caller's overlap.
// A batch holds during the call. It ends with the first error of each or of
// Read, or with the last batch.
func (s *Socket) ReadAhead(o Ahead, each func(*Batch) error) error {
	a := ahead{Ahead: o, s: s, left: max(o.Bytes/tankBytes, minTanks), quit: make(chan struct{})}
	a.full, a.free = make(chan *tank, a.left), make(chan *tank, a.left)
	buf, batch := s.buf, s.batch
	go a.fill()
	err := a.drain(each)
	s.buf, s.batch = buf, batch
	if o.Patience > 0 || err != nil {
		_ = s.SetReadDeadline(time.Time{})
	}
	return err
}

// ahead is one ReadAhead under way. Tanks go round between its goroutines; new
// ones are made only where all are full.
type ahead struct {
	Ahead
	s          *Socket
	left       int // tanks that may still be made
	full, free chan *tank
	quit       chan struct{}
}

// drain hands batches to each until the reader has ended.
func (a *ahead) drain(each func(*Batch) error) (err error) {
	for t := range a.full {
		if err == nil && len(t.batch.Datagrams)+btoi(t.batch.Overrun) > 0 {
			if err = each(&t.batch); err != nil {
				// In this order, so that the reader cannot set a later deadline unseen.
				close(a.quit)
				_ = a.s.SetReadDeadline(time.Unix(1, 0))
			}
		}
		if err == nil {
			err = t.err
		}
		a.free <- t
	}
	return err
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fill reads until it fails, the last batch has come or drain wants no more.
func (a *ahead) fill() {
	defer close(a.full)
	for {
		t := a.tank()
		if a.Patience > 0 {
			_ = a.s.SetReadDeadline(time.Now().Add(a.Patience))
		}
		select {
		case <-a.quit:
			return
		default:
		}
		done := a.read(t)
		a.full <- t
		if done {
			return
		}
	}
}

// tank is one that is free, a new one, or the next that becomes free.
func (a *ahead) tank() *tank {
	select {
	case t := <-a.free:
		return t
	default:
	}
	if a.left > 0 {
		a.left--
		return &tank{buf: make([]byte, tankBytes)}
	}
	return <-a.free
}

func (a *ahead) read(t *tank) (done bool) {
	a.s.buf, a.s.batch = t.buf, t.batch
	_, t.err = a.s.Read()
	t.batch = a.s.batch
	return t.err != nil || a.Last != nil && a.Last(&t.batch)
}

// DumpAhead is Dump whose answer is read on another goroutine while each is
// called. It is for sockets that are in no group: datagrams that are no answer
// are lost. After an error of each the rest of the dump is read, and dropped, by
// the next DumpAhead.
func (s *Socket) DumpAhead(op string, fill func(seq uint32) []byte, each func(wire.Message) error) (interrupted bool, err error) {
	if err := s.finishDump(op); err != nil {
		return false, err
	}
	r := &request{op: op, port: s.port, first: s.seq, last: s.seq, open: 1, each: func(m wire.Message) error {
		interrupted = interrupted || m.Flags&unix.NLM_F_DUMP_INTR != 0
		return each(m)
	}}
	out := fill(s.seq)
	s.seq++
	if err := s.send(op, out, false); err != nil {
		return false, err
	}
	s.dumping = true
	err = s.ReadAhead(Ahead{Patience: answerTimeout, Last: s.endsDump}, r.takeAll)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%s: wait for the kernel's answer: %w", op, err)
	}
	return interrupted, err
}

// takeAll goes through a batch of answers.
func (r *request) takeAll(b *Batch) error {
	for _, d := range b.Datagrams {
		if err := r.take(d); err != nil {
			return err
		}
	}
	return nil
}

// endsDump notes whether a dump's last datagram is in the batch. It is the last
// in it, since nothing comes behind the end.
func (s *Socket) endsDump(b *Batch) bool {
	if len(b.Datagrams) == 0 {
		return false
	}
	d := b.Datagrams[len(b.Datagrams)-1]
	for off := 0; ; {
		m, next, ok, err := wire.Next(d, off)
		if !ok || err != nil {
			return err != nil
		}
		if m.Type == unix.NLMSG_DONE || m.Type == unix.NLMSG_ERROR {
			s.dumping = false
			return true
		}
		off = next
	}
}

// finishDump reads what is left of a dump that was not wanted to its end.
func (s *Socket) finishDump(op string) error {
	if !s.dumping {
		return nil
	}
	if err := s.ReadAhead(Ahead{Patience: answerTimeout, Last: s.endsDump}, func(*Batch) error { return nil }); err != nil {
		return fmt.Errorf("%s: read the rest of the dump before: %w", op, err)
	}
	return nil
}
