package patrol

import (
	"cmp"
	"slices"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/census"
	"github.com/pktrail/pktrail/internal/netns"
)

// Holders asks each namespace how many entries it has, and adds those that have
// some to what is known of one table: the fullest first.
func Holders(w *census.Who, all []*netns.NS) {
	for _, ns := range all {
		n, err := totals(ns)
		if err != nil {
			w.Silent++
			continue
		}
		if n.Entries > 0 {
			w.Namespaces = append(w.Namespaces, census.Holder{
				Netns: *shown(ns), Entries: int64(n.Entries), Fill: census.NewFill(int64(n.Entries), w.Max).Share,
			})
		}
	}
	slices.SortStableFunc(w.Namespaces, func(a, b census.Holder) int { return cmp.Compare(b.Entries, a.Entries) })
}

func totals(ns *netns.NS) (n conntrack.Totals, err error) {
	var c *ctnetlink.Conn
	err = ns.Do(func() (err error) {
		c, err = ctnetlink.Open(ctnetlink.Options{})
		return err
	})
	if err != nil {
		return n, err
	}
	defer func() { _ = c.Close() }()
	return c.Totals()
}
