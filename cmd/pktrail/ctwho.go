package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/census"
	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/patrol"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/journey"
)

// ctWhoFlags is what `pktrail ct who` takes.
type ctWhoFlags struct {
	ctOutput
	interval time.Duration
	rows     int
}

func ctWhoCommand() *cobra.Command {
	var f ctWhoFlags
	cmd := &cobra.Command{
		Use:   "who [flags]",
		Short: "what fills the table, and when it will be full",
		Long: `Look twice at the table and say, in one line first: how full it is, how fast it
grows, when it will be full at this rate, and what most of it is. Then what that
stands on: entries that came and went, those that are given up first when it is full
(not ASSURED), the kernel's counters of refused packets and evicted entries, the
memory that it takes, the other namespaces with entries, and the largest groups.

net.netfilter.nf_conntrack_max is one number for the whole host, with which the
kernel compares each namespace's own count.`,
		Example: `  sudo pktrail ct who
  sudo pktrail ct who --interval 10s --rows 10
  sudo pktrail ct who --netns all -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.add(cmd, "text, or json for JSON lines")
	cmd.Flags().DurationVar(&f.interval, "interval", 2*time.Second, "time between the two looks; 0 for one look without rates")
	cmd.Flags().IntVar(&f.rows, "rows", 5, "groups of each kind to show")
	return cmd
}

// whoBy is what `ct who` groups by, in the order in which it is shown.
func whoBy() []census.By {
	return []census.By{census.Pair, census.Target, census.Source, census.Destination, census.Service, census.State, census.Zone, census.Netns}
}

func (f *ctWhoFlags) run(cmd *cobra.Command) error {
	if f.interval < 0 || f.rows < 1 {
		return hint(errors.New("--interval cannot be negative, and --rows must be 1 at least"), "for example --interval 10s --rows 10")
	}
	print, err := f.whoPrinter(cmd)
	if err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	all, err := netns.All()
	if err != nil {
		return err
	}
	defer closeSpaces(all)
	owners := collect.ReadOwners(all)
	for _, t := range tables {
		c := patrol.NewCounter(patrol.Table{NS: t.ns, Conn: t.Conn}, owners, whoBy()...)
		w, err := c.Who(cmd.Context(), f.interval, f.rows)
		if err != nil {
			return err
		}
		patrol.Holders(w, all)
		if err := print(w); err != nil {
			return printed(err)
		}
		t.noteEmpty(cmd.ErrOrStderr(), w.Entries)
	}
	return nil
}

// noteEmpty says of a table without entries whether anything is tracked there.
func (t *table) noteEmpty(w io.Writer, entries int64) {
	if entries > 0 {
		return
	}
	shown := journey.FlowTable{Netns: t.shown}
	t.sayTracks(&shown)
	for _, words := range emptyWords([]journey.FlowTable{shown}) {
		fmt.Fprintf(w, "note: %s\n", words)
	}
}

func (f *ctWhoFlags) whoPrinter(cmd *cobra.Command) (func(*census.Who) error, error) {
	switch f.format {
	case "json":
		return render.NewJSON(cmd.OutOrStdout()).ConnWho, nil
	case "text":
		look := f.look(cmd.OutOrStdout())
		look.Netns = f.many()
		return render.NewText(cmd.OutOrStdout(), look).ConnWho, nil
	}
	return nil, f.unknown()
}
