package main

import (
	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/match"
)

func ctCountCommand(m match.Match) *cobra.Command {
	var f ctListFlags
	cmd := &cobra.Command{
		Use:   "count [MATCH] [flags]",
		Short: "count entries, and compare them with nf_conntrack_max",
		Long: `Count the entries that MATCH and the flags mean, by protocol, and say how full the
table is. Without MATCH the kernel is asked for its own count, which takes no time.

net.netfilter.nf_conntrack_max is one number for the whole host, with which each
namespace's own count is compared.`,
		Example: `  sudo pktrail ct count
  sudo pktrail ct count -p tcp --state UNREPLIED
  sudo pktrail ct count --netns all -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.countAll(cmd, m) },
	}
	f.ctOutput.add(cmd, "text, or json for JSON lines")
	f.ctQuery.add(cmd)
	return cmd
}

func (f *ctListFlags) countAll(cmd *cobra.Command, m match.Match) error {
	q, err := f.query(cmd, m)
	if err != nil {
		return err
	}
	l, err := f.lister(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	l.unread = !f.given(m)
	for _, t := range tables {
		if l.unread {
			all, err := t.Totals()
			if err != nil {
				return err
			}
			l.sum.Shown += int64(all.Entries)
			if err := l.table(t, int64(all.Entries)); err != nil {
				return err
			}
			continue
		}
		met, err := t.Dump(cmd.Context(), conntrack.Tracked, q.Filter(l.unjudged), func(f *conntrack.Flow) error {
			l.count(f)
			return nil
		})
		if err != nil {
			return l.broken(cmd.Context(), err)
		}
		if err := l.table(t, int64(met.Meant)); err != nil {
			return err
		}
	}
	return printed(l.end())
}
