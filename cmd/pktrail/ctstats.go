package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
)

// ctStatsFlags is what `pktrail ct stats` takes.
type ctStatsFlags struct {
	ctOutput
	interval time.Duration
}

func ctStatsCommand(m match.Match) *cobra.Command {
	var f ctStatsFlags
	cmd := &cobra.Command{
		Use:   "stats [flags]",
		Short: "the kernel's counters of connection tracking, in words",
		Long: `Print each counter of conntrack -S: its sum over the CPUs since the namespace was
made, how fast it grows now, what it counts, and for those that are not 0 and tell
of trouble when it matters and what to do.`,
		Example: `  sudo pktrail ct stats
  sudo pktrail ct stats --interval 10s -o wide
  sudo pktrail ct stats --netns all --interval 0 -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.add(cmd, "text, wide for each CPU's too, or json for JSON lines")
	cmd.Flags().DurationVar(&f.interval, "interval", time.Second, "time over which rates are taken; 0 for none")
	return cmd
}

func (f *ctStatsFlags) run(cmd *cobra.Command, m match.Match) error {
	switch {
	case m.String() != "":
		return hint(fmt.Errorf("%s: the kernel counts packets of all flows together", m), "leave MATCH away; pktrail ct count takes it")
	case f.interval < 0:
		return hint(errors.New("--interval cannot be negative"), "for example --interval 10s, or 0 for no rates")
	}
	p, out, err := f.printer(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	before, began, err := f.first(cmd.Context(), tables)
	if err != nil {
		return err
	}
	for i, t := range tables {
		s, err := t.stats(before[i], began)
		if err != nil {
			return err
		}
		if err := p.FlowStats(s); err != nil {
			return printed(err)
		}
	}
	return printed(out.Flush())
}

// first reads the counters that rates are taken from, and waits.
func (f *ctStatsFlags) first(ctx context.Context, tables []*table) (before [][]conntrack.CPUStats, began time.Time, err error) {
	before = make([][]conntrack.CPUStats, len(tables))
	if f.interval == 0 {
		return before, began, nil
	}
	began = time.Now()
	for i, t := range tables {
		if before[i], err = t.CPUStats(); err != nil {
			return nil, began, err
		}
	}
	select {
	case <-ctx.Done():
		return nil, began, ctx.Err()
	case <-time.After(f.interval):
		return before, began, nil
	}
}

// stats reads the counters; before may be nil.
func (t *table) stats(before []conntrack.CPUStats, began time.Time) (*journey.FlowStats, error) {
	now, err := t.CPUStats()
	if err != nil {
		return nil, err
	}
	all, err := t.Totals()
	if err != nil {
		return nil, err
	}
	s := &journey.FlowStats{Netns: t.shown, Time: journey.Time{Time: time.Now()}}
	between := time.Duration(0)
	if before != nil {
		between = time.Since(began)
		s.Seconds = between.Seconds()
	}
	s.Counters = flows.Counters(now, before, between)
	s.Table.Entries = new(int64(all.Entries))
	if all.Max != 0 {
		s.Table.Max = new(int64(all.Max))
	}
	return s, nil
}
