// Package netfilter reads what the kernel tells of packets in one namespace.
//
// Of traced ones: nf_tables' trace events and the lines of legacy TRACE, both on
// one socket (Open). Their common order is what ties a line to its packet, so
// they must never come over two. Of logged ones: the messages of an NFLOG group
// of our own (OpenGroup).
package netfilter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/source"
)

// Options says how to read. The zero value is good.
type Options struct {
	Netns       uint16 // the namespace's number in the stream
	BufferBytes int    // receive buffer; 0 is 64 MiB
	Recorder    *source.Recorder
}

// Source is one socket in one namespace.
type Source struct {
	opt     Options
	sock    *nfnetlink.Socket
	decoder *source.Decoder
	events  []event.Event
	losing  bool
	what    string // comes over the socket, for losses
}

const defaultBuffer = 64 << 20

// Open opens the socket in the namespace and joins the trace group. Nothing
// arrives before something in the namespace sets the trace bit.
func Open(ns *netns.NS, opt Options) (*Source, error) {
	s, err := open(ns, opt)
	if err != nil {
		return nil, err
	}
	s.what = "trace events and legacy lines"
	if err := s.sock.Join(unix.NFNLGRP_NFTRACE); err != nil {
		_ = s.sock.Close()
		return nil, err
	}
	return s, nil
}

func open(ns *netns.NS, opt Options) (*Source, error) {
	if opt.BufferBytes == 0 {
		opt.BufferBytes = defaultBuffer
	}
	s := &Source{opt: opt, decoder: source.NewDecoder()}
	err := ns.Do(func() (err error) {
		s.sock, err = nfnetlink.Open(opt.BufferBytes)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close closes the socket.
func (s *Source) Close() error { return s.sock.Close() }

// Port is the socket's netlink port id.
func (s *Source) Port() uint32 { return s.sock.Port() }

// Run implements source.Source.
func (s *Source) Run(ctx context.Context, emit func([]event.Event)) error {
	for {
		batch, err := s.sock.ReadWithin(idleAfter)
		switch {
		case ctx.Err() != nil:
			s.finish(batch, emit)
			return nil
		case errors.Is(err, os.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("read %s: %w", s.what, err)
		case len(batch.Datagrams) == 0 && !batch.Overrun:
			s.idle(emit)
		default:
			s.take(batch, emit)
		}
	}
}

// idleAfter is how long the kernel must have been silent for an Idle event, and
// how late the end of ctx may be noticed.
const idleAfter = 50 * time.Millisecond

func (s *Source) idle(emit func([]event.Event)) {
	s.opt.Recorder.Together(func() {
		e := event.Event{Kind: event.KindIdle, Time: time.Now().Add(-idleAfter), Netns: s.opt.Netns}
		if s.opt.Recorder != nil {
			s.opt.Recorder.Event(&e)
		}
		emit([]event.Event{e})
	})
}

// finish hands over what had arrived when the reading was stopped, and ends a
// loss that is still going on. More than the receive buffer holds, which the kernel
// makes twice as large as was asked for, had not arrived.
func (s *Source) finish(batch *nfnetlink.Batch, emit func([]event.Event)) {
	s.take(batch, emit)
	for read := 0; !batch.Drained && read < 2*s.opt.BufferBytes; {
		var err error
		batch, err = s.sock.ReadWithin(0)
		s.take(batch, emit)
		if err != nil {
			break
		}
		for _, d := range batch.Datagrams {
			read += len(d)
		}
	}
	if s.losing {
		s.opt.Recorder.Together(func() {
			s.events = s.events[:0]
			s.endLoss(time.Now(), true)
			emit(s.events)
		})
	}
}

// take decodes one batch. A loss is reported twice: open when the kernel says
// that it had no room, closed with the count when the queue has run empty,
// before which the kernel delivers nothing more.
func (s *Source) take(b *nfnetlink.Batch, emit func([]event.Event)) {
	s.opt.Recorder.Together(func() { s.tell(b, emit) })
}

func (s *Source) tell(b *nfnetlink.Batch, emit func([]event.Event)) {
	now := time.Now()
	s.events = s.events[:0]
	if b.Overrun && !s.losing {
		s.losing = true
		s.lost(now, &event.Lost{What: s.what, More: true, Open: true})
	}
	for _, d := range b.Datagrams {
		if s.opt.Recorder != nil {
			s.opt.Recorder.Datagram(now, s.opt.Netns, d)
		}
		s.events = s.decoder.Datagram(now, s.opt.Netns, d, s.events)
	}
	if b.Drained && s.losing {
		s.endLoss(now, false)
	}
	if len(s.events) > 0 {
		emit(s.events)
	}
}

// endLoss tells how much was lost; more: and that it may go on.
func (s *Source) endLoss(at time.Time, more bool) {
	s.losing = false
	n, known := s.sock.Dropped()
	if !known {
		n = 1
	}
	s.lost(at, &event.Lost{What: s.what, Count: int64(n), More: more || !known})
}

func (s *Source) lost(at time.Time, l *event.Lost) {
	e := event.Event{Kind: event.KindLost, Time: at, Netns: s.opt.Netns, Lost: l}
	if s.opt.Recorder != nil {
		s.opt.Recorder.Event(&e)
	}
	s.decoder.Lost(l)
	s.events = append(s.events, e)
}
