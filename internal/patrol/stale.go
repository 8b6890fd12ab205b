package patrol

import (
	"context"
	"net/netip"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/stale"
)

// maxAsked is how many addresses are asked for: one question each.
const maxAsked = 4096

// StaleOptions of Stale.
type StaleOptions struct {
	stale.Options
	Interval time.Duration // between the two looks
	Inside   stale.Inside
	All      []*netns.NS // the host's namespaces, which may own addresses
}

// Search is what was found stale in a table, and can be deleted from it.
type Search struct {
	Report *stale.Report
	table  Table
	survey *stale.Survey
	left   bool // by Delete
}

// Stale looks twice at a table and judges what it met. It sends no packet.
func Stale(ctx context.Context, t Table, opt StaleOptions) (*Search, error) {
	h := collect.New(t.NS)
	began := time.Now()
	routes, err := h.OpenRoutes()
	if err != nil {
		return nil, err
	}
	defer routes.Close()
	opt.Local, opt.Way = localAddrs(t.NS), waysOf(routes)
	s := &Search{table: t, survey: stale.New(opt.Options)}
	s.survey.Rules(readRules(ctx, h).nat)
	if err := t.dump(ctx, func(f *conntrack.Flow) { s.survey.First(f, time.Now()) }); err != nil {
		return nil, err
	}
	s.survey.Rules(nil) // they are many, and are read anew
	before, err := reach(h, opt.All, s.survey.Backends(maxAsked))
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, opt.Interval-time.Since(began)); err != nil {
		return nil, err
	}
	r := readRules(ctx, h)
	s.survey.Rules(r.nat)
	if err := t.dump(ctx, func(f *conntrack.Flow) { s.survey.Second(f, time.Now()) }); err != nil {
		return nil, err
	}
	after, err := reach(h, opt.All, s.survey.Backends(maxAsked))
	if err != nil {
		return nil, err
	}
	s.Report = s.survey.Judge(s.facts(r, opt, before, after))
	s.Report.Netns = t.Netns()
	s.Report.Notes = append(s.Report.Notes, r.notes...)
	return s, nil
}

// reach asks with the namespaces' addresses as they are now.
func reach(h *collect.Host, all []*netns.NS, addrs []netip.Addr) (map[netip.Addr]snapshot.Reach, error) {
	found := map[netip.Addr]snapshot.Reach{}
	if len(addrs) == 0 {
		return found, nil
	}
	answers, err := h.Reach(collect.ReadOwners(all), addrs)
	for _, r := range answers {
		found[r.Addr] = r
	}
	return found, err
}

func (s *Search) facts(r *nowRules, opt StaleOptions, before, after map[netip.Addr]snapshot.Reach) stale.Facts {
	return stale.Facts{
		Targets: r.targets, Inside: opt.Inside,
		Local: localAddrs(s.table.NS),
		Reach: func(a netip.Addr) stale.Truth {
			now, asked := after[a]
			then, too := before[a]
			switch {
			case !asked:
				return stale.Truth{Is: stale.Unknown, Why: "it was not asked for: there are more addresses than are asked for at once"}
			case !too:
				return stale.Reachable(&now)
			}
			return stale.Silent(&then, &now)
		},
	}
}

// localAddrs tells the addresses that the namespace has now.
func localAddrs(ns *netns.NS) func(netip.Addr) bool {
	owners := collect.ReadOwners([]*netns.NS{ns})
	return func(a netip.Addr) bool { return a.IsLoopback() || len(owners.Of(a)) > 0 }
}

// Deletable is how many entries Delete is about.
func (s *Search) Deletable(suspected bool) (n int64) {
	for i := range s.Report.Findings {
		if f := &s.Report.Findings[i]; suspected || f.Certainty == stale.Certain {
			n += f.Entries
		}
	}
	return n
}

// Delete deletes the entries that are certainly stale, or suspected too, and still
// are as they were found. The report then tells how many it deleted.
func (s *Search) Delete(ctx context.Context, suspected bool) error {
	n, err := s.table.Conn.DeleteMatching(ctx, conntrack.Filter{Also: func(f *conntrack.Flow) bool { return s.survey.Stale(f, suspected) }}, nil)
	s.Report.Deleted = new(int64(n))
	s.left = !suspected && s.Deletable(true) > s.Deletable(false)
	return err
}

// Left reports whether something stale was found and Delete was not asked to
// delete it.
func (s *Search) Left() bool {
	if s.Report.Deleted == nil {
		return len(s.Report.Findings) > 0
	}
	return s.left
}
