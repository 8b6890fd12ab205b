package ctnetlink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
)

// Groups says which events are wanted.
type Groups uint8

// The groups of events that the kernel tells of.
const (
	NewFlows Groups = 1 << iota
	UpdatedFlows
	DestroyedFlows
	NewExpects
	DestroyedExpects

	AllFlows   = NewFlows | UpdatedFlows | DestroyedFlows
	AllExpects = NewExpects | DestroyedExpects
)

// Event is one thing that happened. It is reused, with what it points to.
type Event struct {
	Kind   conntrack.Kind    // OtherKind for a loss alone
	Flow   *conntrack.Flow   // where Kind is of an entry
	Expect *conntrack.Expect // where Kind is of an expectation
	Port   uint32            // netlink port id of the program whose doing it was; 0: the kernel's own
	Lost   Lost
}

// Lost is how many events were dropped since the one before, because there was
// no room for them.
type Lost struct {
	Count uint32
	More  bool // the count is only a lower bound
}

// Any reports whether anything was lost.
func (l Lost) Any() bool { return l.Count > 0 || l.More }

// Watcher listens to events.
type Watcher struct {
	sock   *nfnetlink.Socket
	dec    conntrack.Decoder
	flow   conntrack.Flow
	expect conntrack.Expect
	event  Event
	room   int
}

// Listen opens a listener in the namespace of the calling thread; what happens
// from then on is waiting when Run is called.
func Listen(groups Groups, opts Options) (*Watcher, error) {
	if err := loaded(opts); err != nil {
		return nil, err
	}
	s, err := nfnetlink.Open(opts.BufferBytes)
	if err != nil {
		return nil, err
	}
	for _, g := range [...]struct {
		group  Groups
		number int
	}{
		{NewFlows, unix.NFNLGRP_CONNTRACK_NEW}, {UpdatedFlows, unix.NFNLGRP_CONNTRACK_UPDATE}, {DestroyedFlows, unix.NFNLGRP_CONNTRACK_DESTROY},
		{NewExpects, unix.NFNLGRP_CONNTRACK_EXP_NEW}, {DestroyedExpects, unix.NFNLGRP_CONNTRACK_EXP_DESTROY},
	} {
		if groups&g.group == 0 {
			continue
		}
		if err := s.Join(g.number); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return &Watcher{sock: s, room: opts.BufferBytes}, nil
}

// Close ends the listener; a Run under way then returns os.ErrClosed.
func (w *Watcher) Close() error { return w.sock.Close() }

// BufferBytes is the room for events that the kernel really gives.
func (w *Watcher) BufferBytes() (int, error) { return w.sock.BufferBytes() }

// Run calls each for every event until ctx ends, then it returns nil. The kernel
// is read on another goroutine meanwhile. A loss is told in its place in the
// order of events, counted, and ends nothing; who wants to know how the table
// stands then dumps it with a Conn, from within each: events that wait behind
// the loss may be older than that dump. An error of each ends it.
func (w *Watcher) Run(ctx context.Context, each func(*Event) error) error {
	stop := context.AfterFunc(ctx, func() { _ = w.sock.SetReadDeadline(time.Unix(1, 0)) })
	err := w.sock.ReadAhead(nfnetlink.Ahead{Bytes: w.room}, func(b *nfnetlink.Batch) error { return w.batch(b, each) })
	if !stop() && ctx.Err() != nil {
		_ = w.sock.SetReadDeadline(time.Time{})
		return w.lostLast(each)
	}
	return err
}

// batch goes through what was read at once. What was lost lies behind it. The
// kernel's count of that runs ahead of the messages, so an overrun may have been
// counted with the one before.
func (w *Watcher) batch(b *nfnetlink.Batch, each func(*Event) error) error {
	for _, d := range b.Datagrams {
		if err := w.datagram(d, each); err != nil {
			return err
		}
	}
	if !b.Overrun {
		return nil
	}
	n, exact := w.sock.Dropped()
	if exact && n == 0 {
		return nil
	}
	return each(&Event{Lost: Lost{Count: max(n, 1), More: !exact}})
}

// lostLast tells of what was lost and not noticed yet when the end came.
func (w *Watcher) lostLast(each func(*Event) error) error {
	if n, _ := w.sock.Dropped(); n > 0 {
		return each(&Event{Lost: Lost{Count: n}})
	}
	return nil
}

func (w *Watcher) datagram(d []byte, each func(*Event) error) error {
	for off := 0; ; {
		m, next, ok, err := wire.Next(d, off)
		if err != nil {
			return fmt.Errorf("conntrack event: %w", err)
		}
		if !ok {
			return nil
		}
		off = next
		if err := w.message(m.Raw, each); err != nil {
			return err
		}
	}
}

func (w *Watcher) message(raw []byte, each func(*Event) error) error {
	e := &w.event
	*e = Event{Kind: conntrack.KindOf(raw), Port: conntrack.PortOf(raw)}
	var err error
	switch e.Kind {
	case conntrack.NewFlow, conntrack.UpdatedFlow, conntrack.DestroyedFlow:
		e.Flow, err = &w.flow, w.dec.Flow(raw, &w.flow)
	case conntrack.NewExpect, conntrack.DestroyedExpect:
		e.Expect, err = &w.expect, w.dec.Expect(raw, &w.expect)
	default:
		return nil // newer kernels may tell of more
	}
	if err != nil {
		return fmt.Errorf("conntrack event: %w", err)
	}
	return each(e)
}
