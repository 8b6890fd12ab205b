package ctnetlink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pktrail/pktrail/conntrack"
)

var errNoTuple = errors.New("delete entry: a tuple is needed to tell which")

// DeleteMatching deletes every entry that the filter means, by tuple and ID, so
// that none is deleted that came in another's place, and calls each, unless it
// is nil, for those that it really deleted. It returns their number.
func (c *Conn) DeleteMatching(ctx context.Context, filter conntrack.Filter, each func(*conntrack.Flow) error) (int, error) {
	s := sweep{c: c, each: each, flows: make([]conntrack.Flow, 0, batchSize)}
	_, err := c.Dump(ctx, conntrack.Tracked, filter, s.add)
	if err == nil {
		err = s.send()
	}
	return s.deleted, err
}

// sweep is a DeleteMatching under way.
type sweep struct {
	c       *Conn
	each    func(*conntrack.Flow) error
	flows   []conntrack.Flow // to be deleted
	gone    [batchSize]bool  // those that somebody else deleted
	failure error
	deleted int
}

func (s *sweep) add(flow *conntrack.Flow) error {
	s.flows = s.flows[:len(s.flows)+1]
	s.flows[len(s.flows)-1].CopyFrom(flow)
	if len(s.flows) == cap(s.flows) {
		return s.send()
	}
	return nil
}

func (s *sweep) send() error {
	if len(s.flows) == 0 {
		return nil
	}
	clear(s.gone[:])
	if err := s.c.ask.Requests("delete entries", s.fill, s.refused); err != nil {
		return err
	}
	for i := range s.flows {
		if s.gone[i] {
			continue
		}
		s.deleted++
		if s.each == nil {
			continue
		}
		if err := s.each(&s.flows[i]); err != nil {
			return err
		}
	}
	s.flows = s.flows[:0]
	return s.failure
}

func (s *sweep) refused(i int, err error) {
	s.gone[i] = true
	if !errors.Is(err, fs.ErrNotExist) {
		s.failure = err
	}
}

func (s *sweep) fill(seq uint32) []byte {
	out := s.c.out[:0]
	for i := range s.flows {
		out = conntrack.AppendDelete(out, seq+uint32(i), i == len(s.flows)-1, &s.flows[i])
	}
	s.c.out = out
	return out
}

// Flush deletes every entry that the filter means. Where the kernel can do it all
// by itself it is asked to, in one message, and nobody counts; else it is
// DeleteMatching, and n is how many were deleted.
func (c *Conn) Flush(ctx context.Context, filter conntrack.Filter) (n int, counted bool, err error) {
	byKernel, err := c.flushInKernel(&filter)
	if err != nil {
		return 0, false, err
	}
	if !byKernel {
		n, err = c.DeleteMatching(ctx, filter, nil)
		return n, true, err
	}
	err = c.ask.Request("flush entries", 1, func(seq uint32) []byte { return conntrack.AppendFlush(nil, seq, &filter) })
	return 0, false, err
}

// flushInKernel reports whether the kernel can be asked to delete by the filter.
func (c *Conn) flushInKernel(filter *conntrack.Filter) (bool, error) {
	can := filter.InKernel()
	if !can.Exact || !can.Any {
		return can.Exact, nil
	}
	if c.flush == notAsked {
		err := c.ask.Request("ask whether the kernel deletes by filter", 1, func(seq uint32) []byte {
			return conntrack.AppendFlushProbe(nil, seq)
		})
		switch {
		case err == nil:
			c.flush = known
		case errors.Is(err, fs.ErrNotExist), refusedFilter(err):
			c.flush = unknown
		default:
			return false, fmt.Errorf("flush entries: %w", err)
		}
	}
	return c.flush == known, nil
}
