package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/journey"
)

// ctDeleteFlags is what `pktrail ct delete` and `flush` take beside MATCH.
type ctDeleteFlags struct {
	ctOutput
	ctQuery
	yes, dryRun, quiet bool
}

func ctDeleteCommand(m match.Match) *cobra.Command {
	var f ctDeleteFlags
	cmd := &cobra.Command{
		Use:   "delete MATCH [flags]",
		Short: "delete the entries that MATCH and the flags mean, and show them",
		Long: `Delete entries and print each one that is gone. Where there is more than one, the
number is shown first and a question asked; without a terminal --yes is needed.

The next packet of a connection whose entry is gone is a new flow: rules for new
flows see it, and NAT is worked out anew.`,
		Example: `  sudo pktrail ct delete -p udp -d 10.96.0.10 --dport 53
  sudo pktrail ct delete -p tcp --nat dnat -d 192.0.2.7 --state UNREPLIED --yes
  sudo pktrail ct delete --mark 0x1 --dry-run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.ctOutput.add(cmd, "text, wide, or json for JSON lines")
	f.ctQuery.add(cmd)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be deleted, and delete nothing")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print the count alone")
	return cmd
}

func (f *ctDeleteFlags) run(cmd *cobra.Command, m match.Match) error {
	if !f.given(m) {
		return hint(errors.New("which entries? nothing is said of them"), "name them, such as -p udp -d 10.96.0.10; pktrail ct flush deletes all")
	}
	q, err := f.query(cmd, m)
	if err != nil {
		return err
	}
	d := deleter{q: q, asks: !f.yes}
	if d.printer, d.out, err = f.printer(cmd.OutOrStdout()); err != nil {
		return err
	}
	d.change = journey.FlowDeleted
	if d.tables, err = openTables(f.netns); err != nil {
		return err
	}
	defer closeTables(d.tables)
	if f.dryRun {
		return printed(d.list(cmd.Context(), "nothing was deleted: this is only what would be"))
	}
	if err := d.count(cmd.Context()); err != nil {
		return err
	}
	if d.meant == 0 {
		return hint(errors.New("no entry is meant: nothing to delete"), "pktrail ct list shows those there are")
	}
	if err := confirm(cmd, "delete", d.meant, "entries", f.yes); err != nil {
		return err
	}
	return printed(d.delete(cmd.Context(), f.quiet))
}

// eventPrinter prints what was done to entries.
type eventPrinter struct {
	printer render.FlowPrinter
	out     *bufio.Writer // what printer writes to
	change  journey.FlowChange
	maker   flows.Maker
	births  flows.Births
}

func (e *eventPrinter) print(t *table, f *conntrack.Flow) error {
	shown := e.maker.Event(e.change, f, time.Now(), &e.births)
	shown.Flow.Netns = t.shown
	return e.printer.FlowEvent(shown)
}

// deleter deletes what a query means from some tables.
type deleter struct {
	eventPrinter
	q      *flows.Query
	tables []*table
	asks   bool // before it changes more than one
	meant  int64
	one    *conntrack.Flow // the first that was counted
	in     *table          // where that is
	agreed [][]uint32      // ids of those that were counted, by table, where it asks
	gone   int64
}

// maxAgreed bounds the ids that are kept while a question waits: 16 MiB of them.
const maxAgreed = 4 << 20

// list prints what would be changed.
func (d *deleter) list(ctx context.Context, note string) error {
	for _, t := range d.tables {
		met, err := t.Dump(ctx, conntrack.Tracked, d.q.Filter(nil), func(f *conntrack.Flow) error {
			shown := d.maker.Flow(f)
			shown.Netns = t.shown
			return d.printer.Flow(shown)
		})
		d.meant += int64(met.Meant)
		if err != nil {
			d.change = ""
			return d.broken(ctx, err, d.meant)
		}
	}
	d.change = ""
	return d.end(d.meant, note)
}

// count counts what is meant, and keeps in mind which entries a question is about.
func (d *deleter) count(ctx context.Context) error {
	for _, t := range d.tables {
		var ids []uint32
		_, err := t.Dump(ctx, conntrack.Tracked, d.q.Filter(nil), func(f *conntrack.Flow) error {
			if d.meant++; d.meant == 1 {
				d.one, d.in = f.Clone(), t
			}
			if !d.asks {
				return nil
			}
			if d.meant > maxAgreed {
				return hint(fmt.Errorf("more than %d entries are too many to ask about", maxAgreed), "--yes does it without")
			}
			ids = append(ids, f.ID)
			return nil
		})
		if err != nil {
			return err
		}
		if d.asks {
			slices.Sort(ids)
			d.agreed = append(d.agreed, ids)
		}
	}
	return nil
}

// filter means the entries of the table of this place that are to be changed: not
// those that came while a question waited for its answer.
func (d *deleter) filter(place int) conntrack.Filter {
	f := d.q.Filter(nil)
	if d.agreed == nil {
		return f
	}
	ids, also := d.agreed[place], f.Also
	f.Also = func(flow *conntrack.Flow) bool {
		_, counted := slices.BinarySearch(ids, flow.ID)
		return counted && (also == nil || also(flow))
	}
	return f
}

// delete deletes; where one entry was counted just that, so that none goes
// unasked which came meanwhile.
func (d *deleter) delete(ctx context.Context, quiet bool) error {
	if d.meant == 1 {
		return d.deleteOne(quiet)
	}
	for i, t := range d.tables {
		each := func(f *conntrack.Flow) error { return d.print(t, f) }
		if quiet {
			each = nil
		}
		n, err := t.DeleteMatching(ctx, d.filter(i), each)
		d.gone += int64(n)
		if err != nil {
			return d.broken(ctx, err, d.gone)
		}
	}
	return d.end(d.gone)
}

func (d *deleter) deleteOne(quiet bool) error {
	switch err := d.in.Delete(d.one); {
	case errors.Is(err, fs.ErrNotExist):
		return d.end(0, "the entry was gone before it could be deleted")
	case err != nil:
		return err
	}
	if !quiet {
		if err := d.print(d.in, d.one); err != nil {
			return err
		}
	}
	return d.end(1)
}

// broken says how far it came.
func (d *deleter) broken(ctx context.Context, err error, n int64) error {
	note := "this is how far it came: others are there still"
	if ctx.Err() != nil {
		err, note = ctx.Err(), "interrupted: others are there still"
	}
	return errors.Join(err, d.end(n, note))
}

// end prints the count.
func (d *deleter) end(n int64, notes ...string) error {
	sum := &journey.FlowSummary{Shown: n, Done: d.change, Notes: notes}
	return errors.Join(d.printer.FlowSummary(sum), d.out.Flush())
}
