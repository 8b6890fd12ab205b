package ctnetlink

import (
	"github.com/pktrail/pktrail/conntrack"
)

// Writer sends many requests at once, which is some times faster than one by one.
// The kernel does them in their order; one that it refuses does not keep it from
// the others.
type Writer struct {
	c       *Conn
	refused func(i int, err error)
	pending []request
	flows   []conntrack.Flow
	done    int // requests sent
}

// request is what is to be done with the flow of the same index.
type request uint8

const (
	create request = iota
	update
	remove
)

// batchSize requests are sent at once: a few kilobytes, whose refusals fit into
// any receive buffer.
const batchSize = 128

// NewWriter makes a Writer. refused is called for each request that the kernel
// refused, with its number in the order in which they were given, from 0 on.
func (c *Conn) NewWriter(refused func(i int, err error)) *Writer {
	return &Writer{c: c, refused: refused, pending: make([]request, 0, batchSize), flows: make([]conntrack.Flow, batchSize)}
}

// Create is Conn.Create, sooner or later. An error is about all requests that
// were sent with it.
func (w *Writer) Create(flow *conntrack.Flow) error { return w.add(create, flow) }

// Update is Conn.Update, sooner or later.
func (w *Writer) Update(flow *conntrack.Flow) error { return w.add(update, flow) }

// Delete is Conn.Delete, sooner or later.
func (w *Writer) Delete(flow *conntrack.Flow) error {
	if flow.Orig.IsZero() && flow.Reply.IsZero() {
		return errNoTuple
	}
	return w.add(remove, flow)
}

func (w *Writer) add(r request, flow *conntrack.Flow) error {
	w.flows[len(w.pending)].CopyFrom(flow)
	w.pending = append(w.pending, r)
	if len(w.pending) == batchSize {
		return w.Flush()
	}
	return nil
}

// Flush sends what was not sent yet and waits until the kernel has done it.
func (w *Writer) Flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	err := w.c.ask.Requests("change entries", w.fill, func(i int, err error) { w.refused(w.done+i, err) })
	w.done += len(w.pending)
	w.pending = w.pending[:0]
	return err
}

func (w *Writer) fill(seq uint32) []byte {
	out := w.c.out[:0]
	for i, r := range w.pending {
		ack := i == len(w.pending)-1
		switch f := &w.flows[i]; r {
		case create:
			out = conntrack.AppendCreate(out, seq, ack, f)
		case update:
			out = conntrack.AppendUpdate(out, seq, ack, f)
		case remove:
			out = conntrack.AppendDelete(out, seq, ack, f)
		}
		seq++
	}
	w.c.out = out
	return out
}
