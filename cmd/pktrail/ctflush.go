package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
)

func ctFlushCommand(m match.Match) *cobra.Command {
	var f ctDeleteFlags
	cmd := &cobra.Command{
		Use:   "flush [MATCH] [flags]",
		Short: "delete all entries, or those that MATCH means, without showing them",
		Long: `Delete entries without listing them, which the kernel does at once where it can
judge all that is asked for (Linux 6.8 and later; else they are deleted one by
one). The number is shown first and a question asked; without a terminal --yes is
needed.`,
		Example: `  sudo pktrail ct flush --yes
  sudo pktrail ct flush -p udp --dport 53 --yes
  sudo pktrail ct flush --dry-run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.flush(cmd, m) },
	}
	f.ctOutput.add(cmd, "text, or json for JSON lines")
	f.ctQuery.add(cmd)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say how many would be deleted, and delete nothing")
	return cmd
}

func (f *ctDeleteFlags) flush(cmd *cobra.Command, m match.Match) error {
	q, err := f.query(cmd, m)
	if err != nil {
		return err
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
	sum := &journey.FlowSummary{}
	for _, t := range tables {
		n, err := t.meant(cmd.Context(), q, f.given(m))
		if err != nil {
			return err
		}
		sum.Shown += n
		sum.Tables = append(sum.Tables, journey.FlowTable{Netns: t.shown, Meant: new(n)})
	}
	if f.dryRun {
		sum.Notes = append(sum.Notes, "nothing was deleted: this is only what would be")
		return printed(errors.Join(p.FlowSummary(sum), out.Flush()))
	}
	if err := confirm(cmd, "flush", sum.Shown, "entries", f.yes); err != nil {
		return err
	}
	if err := flushAll(cmd.Context(), tables, q, f.given(m), sum); err != nil {
		return err
	}
	return printed(errors.Join(p.FlowSummary(sum), out.Flush()))
}

// meant counts the entries that a query means.
func (t *table) meant(ctx context.Context, q *flows.Query, some bool) (int64, error) {
	if !some {
		all, err := t.Totals()
		return int64(all.Entries), err
	}
	met, err := t.Dump(ctx, conntrack.Tracked, q.Filter(nil), func(*conntrack.Flow) error { return nil })
	return int64(met.Meant), err
}

// flushAll deletes, and notes how the tables stand then.
func flushAll(ctx context.Context, tables []*table, q *flows.Query, some bool, sum *journey.FlowSummary) error {
	sum.Done = journey.FlowDeleted
	for i, t := range tables {
		filter := q.Filter(nil)
		if !some {
			filter = conntrack.Filter{}
		}
		if _, _, err := t.Flush(ctx, filter); err != nil {
			return err
		}
		left, err := t.meant(ctx, q, some)
		if err != nil {
			return err
		}
		if left > 0 {
			sum.Notes = append(sum.Notes, fmt.Sprintf("%d are there in %s now: packets make new ones as long as there are any", left, t.ns.Name))
		}
		sum.Tables[i].Meant = new(left)
	}
	return nil
}
