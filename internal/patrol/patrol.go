// Package patrol looks at connection tracking tables as they stand: it reads them
// again and again for a census (Counter, Who), and twice for what is stale in them
// (Stale), asks the host what these need to know beside, and deletes what was
// found. It changes nothing that it was not asked to.
package patrol

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/journey"
)

// Table is the table of one namespace. Both must stay open while it is looked at.
type Table struct {
	NS     *netns.NS
	Conn   *ctnetlink.Conn
	Filter conntrack.Filter // which entries are counted; Stale wants the zero value
}

// Netns is the table's namespace as it is shown.
func (t Table) Netns() *journey.Netns { return shown(t.NS) }

func shown(ns *netns.NS) *journey.Netns {
	n := &journey.Netns{Name: ns.Name, Inode: ns.Inode}
	if ns.Cookie != 0 {
		n.Cookie = strconv.FormatUint(ns.Cookie, 10)
	}
	return n
}

// Limit is net.netfilter.nf_conntrack_max, nil where it is not known.
func (t Table) limit(facts *snapshot.ConntrackTable) *int64 {
	if facts.Max.Known {
		return &facts.Max.Is
	}
	return nil
}

// dump hands out the entries of the table.
func (t Table) dump(ctx context.Context, each func(*conntrack.Flow)) error {
	_, err := t.Conn.Dump(ctx, conntrack.Tracked, t.Filter, func(f *conntrack.Flow) error {
		each(f)
		return nil
	})
	return err
}

// Owner names the namespace that has an address, for a look from one of them.
func Owner(o *collect.Owners, from *netns.NS) func(netip.Addr) string {
	return func(a netip.Addr) string {
		if a.IsLoopback() || a.IsUnspecified() {
			return from.Name
		}
		return strings.Join(o.Of(a), ", ")
	}
}

// wait lets time pass, and returns the error of a ctx that ends meanwhile.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
