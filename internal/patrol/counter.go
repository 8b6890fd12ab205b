package patrol

import (
	"context"
	"time"

	"github.com/pktrail/pktrail/internal/census"
	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/snapshot"
)

// Counter counts one table, look after look.
type Counter struct {
	table  Table
	census *census.Census
	facts  snapshot.ConntrackTable
	took   time.Duration // the last look
}

// NewCounter makes a counter of a table by some kinds of groups. Owners may be nil
// where namespaces are not asked for.
func NewCounter(t Table, owners *collect.Owners, by ...census.By) *Counter {
	opt := census.Options{By: by}
	if owners != nil {
		opt.Owner = Owner(owners, t.NS)
	}
	return &Counter{table: t, census: census.New(opt), facts: collect.New(t.NS).ConntrackTable()}
}

// Look reads the table once.
func (c *Counter) Look(ctx context.Context) error {
	totals, err := c.table.Conn.Totals()
	if err != nil {
		return err
	}
	began := time.Now()
	c.census.Begin(began, int64(totals.Entries))
	err = c.table.dump(ctx, c.census.Add)
	c.took = time.Since(began)
	return err
}

// Rest is how long to wait before the next look: what was asked for, and no less
// than three times as long as a look takes the kernel.
func (c *Counter) Rest(interval time.Duration) time.Duration { return max(interval, 3*c.took) }

// Top is the last look.
func (c *Counter) Top(by census.By, most int) *census.Top {
	top := c.census.Top(by, most, c.table.limit(&c.facts))
	top.Netns = c.table.Netns()
	return top
}

// Count is the kernel's own count and counters.
func (c *Counter) Count() (n census.Count, err error) {
	if n.Totals, err = c.table.Conn.Totals(); err != nil {
		return n, err
	}
	n.At = time.Now()
	cpus, err := c.table.Conn.CPUStats()
	for i := range cpus {
		n.CPU.Add(&cpus[i])
	}
	return n, err
}

// Who looks twice, the interval apart, and says what fills the table. Without an
// interval it looks once, and rates are not known.
func (c *Counter) Who(ctx context.Context, interval time.Duration, most int) (*census.Who, error) {
	before, err := c.Count()
	if err != nil {
		return nil, err
	}
	if interval == 0 {
		before.At = time.Time{}
	} else {
		if err := c.Look(ctx); err != nil {
			return nil, err
		}
		if err := wait(ctx, interval-time.Since(before.At)); err != nil {
			return nil, err
		}
	}
	return c.WhoSince(ctx, before, most)
}

// WhoSince looks at the table and says what fills it, and what the kernel counted
// since; without a time, as if that was just now.
func (c *Counter) WhoSince(ctx context.Context, before census.Count, most int) (*census.Who, error) {
	if err := c.Look(ctx); err != nil {
		return nil, err
	}
	after, err := c.Count()
	if err != nil {
		return nil, err
	}
	if before.At.IsZero() {
		before.At = after.At
	}
	w := c.census.Who(before, after, c.table.limit(&c.facts), most)
	w.Netns, w.Memory = c.table.Netns(), c.memory(w)
	return w, nil
}

func (c *Counter) memory(w *census.Who) *census.Memory {
	size, known := c.facts.EntryBytes.Get()
	if !known {
		return nil
	}
	m := &census.Memory{Entry: size, Table: size * w.Entries, Hash: 8 * c.facts.Buckets.Is}
	if w.Max != nil {
		m.Full = size * *w.Max
	}
	return m
}
