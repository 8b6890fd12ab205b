// Package ctnetlink talks to the kernel about connection tracking: it lists,
// gets, makes, changes and deletes entries and expectations, reads counters
// (Conn), and listens to events (Watcher). What is said is in package conntrack.
//
// A Conn and a Watcher belong to the network namespace of the thread that opened
// them, and may be used from any. Nothing here loads a module unless it is
// allowed to (Options.LoadModule), registers a hook, or changes a setting.
//
// An entry's absence, presence, want of a right or of support in the kernel is
// told by errors.Is with fs.ErrNotExist, fs.ErrExist, fs.ErrPermission and
// errors.ErrUnsupported.
package ctnetlink

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/nfnetlink"
	"github.com/pktrail/pktrail/internal/wire"
)

// Options of Open and Listen. The zero value asks for nothing more.
type Options struct {
	// LoadModule lets the kernel load the module nf_conntrack_netlink, and with
	// it nf_conntrack, where it is not there. Without, that is ErrNotLoaded.
	LoadModule bool
	// BufferBytes is the room for events on their way to a Watcher, in the
	// kernel, and as much again here while events wait; 0 is the system's default.
	// Without CAP_NET_ADMIN over the machine the kernel's is cut to
	// net.core.rmem_max.
	BufferBytes int
}

// Conn is a client. One goroutine at a time, but that entries may be asked for,
// made, changed and deleted while a dump hands out others.
type Conn struct {
	ask, list *nfnetlink.Socket
	dec       conntrack.Decoder
	flow      conntrack.Flow
	flush     support
	out       []byte
}

// support is whether the kernel knows something.
type support uint8

const (
	notAsked support = iota
	known
	unknown
)

// Open opens a client in the namespace of the calling thread.
func Open(opts Options) (*Conn, error) {
	if err := loaded(opts); err != nil {
		return nil, err
	}
	ask, err := nfnetlink.Open(opts.BufferBytes)
	if err != nil {
		return nil, err
	}
	list, err := nfnetlink.Open(0)
	if err != nil {
		return nil, errors.Join(err, ask.Close())
	}
	return &Conn{ask: ask, list: list}, nil
}

// Close closes the client.
func (c *Conn) Close() error { return errors.Join(c.ask.Close(), c.list.Close()) }

// Dumped is what a dump came across.
type Dumped struct {
	Seen  int // entries that the kernel sent
	Meant int // those of them that the filter meant
}

// Dump calls each for every entry of a list that the filter means. The Flow is
// reused, so keep nothing of it (Flow.Clone). The kernel is read on another
// goroutine meanwhile, and does what it can of the filter itself. Entries that
// come and go during a dump may be missed or met; no entry that stays is missed
// unless the table is resized. An error of each, or the end of ctx, ends it.
func (c *Conn) Dump(ctx context.Context, table conntrack.Table, filter conntrack.Filter, each func(*conntrack.Flow) error) (Dumped, error) {
	sent := filter
	for {
		d, err := c.dump(ctx, table, &sent, &filter, each)
		if d.Seen == 0 && sent.InKernel().Any && refusedFilter(err) {
			sent = conntrack.Filter{}
			continue
		}
		return d, err
	}
}

// refusedFilter: a kernel that does not take a filter answers so.
func refusedFilter(err error) bool {
	var refusal *nfnetlink.Error
	return errors.As(err, &refusal) && (refusal.Errno == unix.EINVAL || refusal.Errno == unix.EOPNOTSUPP)
}

// dump asks the kernel for what sent means, and looks for what filter means.
func (c *Conn) dump(ctx context.Context, table conntrack.Table, sent, filter *conntrack.Filter, each func(*conntrack.Flow) error) (d Dumped, err error) {
	ask := func(seq uint32) []byte { return conntrack.AppendDump(nil, seq, table, sent) }
	_, err = c.list.DumpAhead("list entries", ask, func(m wire.Message) error {
		d.Seen++
		if d.Seen%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.dec.Flow(m.Raw, &c.flow); err != nil {
			return fmt.Errorf("list entries: %w", err)
		}
		if !filter.Match(&c.flow) {
			return nil
		}
		d.Meant++
		return each(&c.flow)
	})
	return d, err
}

// Get asks for the entry with the flow's original tuple, or else its reply tuple,
// in its zone. fs.ErrNotExist is in the error's chain when there is none.
func (c *Conn) Get(flow *conntrack.Flow) (*conntrack.Flow, error) {
	var found *conntrack.Flow
	err := c.answer("get entry", func(seq uint32) []byte { return conntrack.AppendGet(c.out[:0], seq, true, flow) }, func(raw []byte) error {
		found = &conntrack.Flow{}
		if err := c.dec.Flow(raw, found); err != nil {
			return fmt.Errorf("get entry: %w", err)
		}
		found = found.Clone()
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("get entry: %w", errNoAnswer)
	}
	return found, err
}

// errNoAnswer should not occur: the kernel acknowledged without an answer.
var errNoAnswer = errors.New("the kernel acknowledged the request and sent nothing")

// answer asks for one message.
func (c *Conn) answer(op string, fill func(seq uint32) []byte, each func(raw []byte) error) error {
	_, err := c.ask.Dump(op, fill, func(m wire.Message) error { return each(m.Raw) })
	return err
}

// Create makes an entry of the flow's tuples, timeout and what else it has.
// fs.ErrExist is in the error's chain when one is there already.
func (c *Conn) Create(flow *conntrack.Flow) error {
	return c.ask.Request("create entry", 1, func(seq uint32) []byte {
		return conntrack.AppendCreate(c.out[:0], seq, true, flow)
	})
}

// Update changes the entry with the flow's original tuple, or else its reply
// tuple, to what else the flow has.
func (c *Conn) Update(flow *conntrack.Flow) error {
	return c.ask.Request("update entry", 1, func(seq uint32) []byte {
		return conntrack.AppendUpdate(c.out[:0], seq, true, flow)
	})
}

// Delete deletes the entry with the flow's original tuple, or else its reply
// tuple, in its zone; where the flow has an ID, only the entry with that.
func (c *Conn) Delete(flow *conntrack.Flow) error {
	if flow.Orig.IsZero() && flow.Reply.IsZero() {
		return errNoTuple
	}
	return c.ask.Request("delete entry", 1, func(seq uint32) []byte {
		return conntrack.AppendDelete(c.out[:0], seq, true, flow)
	})
}
