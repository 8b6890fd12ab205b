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
	return &Counter{table: t, census: census.New(opt), facts: collect.New(t.NS, collect.Options{}).ConntrackTable()}
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

// count is the kernel's own count and counters.
func (c *Counter) count() (n census.Count, err error) {
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

// Who looks twice, the interval apart, and says what fills the table.
func (c *Counter) Who(ctx context.Context, interval time.Duration, most int) (*census.Who, error) {
	before, err := c.count()
	if err != nil {
		return nil, err
	}
	if interval > 0 {
		if err := c.Look(ctx); err != nil {
			return nil, err
		}
		if err := wait(ctx, interval-time.Since(before.At)); err != nil {
			return nil, err
		}
	}
	if err := c.Look(ctx); err != nil {
		return nil, err
	}
	after := before
	if interval > 0 {
		if after, err = c.count(); err != nil {
			return nil, err
		}
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
