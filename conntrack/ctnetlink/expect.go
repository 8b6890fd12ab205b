package ctnetlink

import (
	"context"
	"fmt"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/packet"
)

// DumpExpects calls each for every expectation of a family, Unspec for any. The
// Expect is reused, so keep nothing of it (Expect.Clone).
func (c *Conn) DumpExpects(ctx context.Context, family packet.Family, each func(*conntrack.Expect) error) (n int, err error) {
	var e conntrack.Expect
	_, err = c.list.DumpAhead("list expectations", func(seq uint32) []byte {
		return conntrack.AppendExpectDump(nil, seq, family)
	}, func(m wire.Message) error {
		n++
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.dec.Expect(m.Raw, &e); err != nil {
			return fmt.Errorf("list expectations: %w", err)
		}
		return each(&e)
	})
	return n, err
}

// GetExpect asks for the expectation with e's tuple, and e's ID where it has one.
func (c *Conn) GetExpect(e *conntrack.Expect) (*conntrack.Expect, error) {
	var found *conntrack.Expect
	err := c.answer("get expectation", func(seq uint32) []byte {
		return conntrack.AppendExpectGet(c.out[:0], seq, true, e)
	}, func(raw []byte) error {
		var got conntrack.Expect
		if err := c.dec.Expect(raw, &got); err != nil {
			return fmt.Errorf("get expectation: %w", err)
		}
		found = got.Clone()
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("get expectation: %w", errNoAnswer)
	}
	return found, err
}

// CreateExpect makes an expectation. errors.ErrUnsupported is in the error's
// chain where the master flow has no helper.
func (c *Conn) CreateExpect(e *conntrack.Expect) error {
	return c.ask.Request("create expectation", 1, func(seq uint32) []byte {
		return conntrack.AppendExpectCreate(c.out[:0], seq, true, e)
	})
}

// UpdateExpect changes the timeout of the expectation with e's tuple.
func (c *Conn) UpdateExpect(e *conntrack.Expect) error {
	return c.ask.Request("update expectation", 1, func(seq uint32) []byte {
		return conntrack.AppendExpectUpdate(c.out[:0], seq, true, e)
	})
}

// DeleteExpect deletes the expectation with e's tuple, and e's ID where it has one.
func (c *Conn) DeleteExpect(e *conntrack.Expect) error {
	if e.Tuple.IsZero() {
		return fmt.Errorf("delete expectation: a tuple is needed to tell which")
	}
	return c.ask.Request("delete expectation", 1, func(seq uint32) []byte {
		return conntrack.AppendExpectDelete(c.out[:0], seq, true, e)
	})
}

// FlushExpects deletes all expectations, or those of flows with a helper where
// one is named.
func (c *Conn) FlushExpects(helper string) error {
	return c.ask.Request("flush expectations", 1, func(seq uint32) []byte {
		return conntrack.AppendExpectFlush(c.out[:0], seq, helper)
	})
}
