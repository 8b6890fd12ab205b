package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/patrol"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/stale"
)

// ctStaleFlags is what `pktrail ct stale` takes.
type ctStaleFlags struct {
	ctOutput
	interval             time.Duration
	pile                 int
	delete, suspect, yes bool
}

func ctStaleCommand() *cobra.Command {
	var f ctStaleFlags
	cmd := &cobra.Command{
		Use:   "stale [flags]",
		Short: "entries that hurt, with the evidence and what deletes them",
		Long: `Look twice at the table, ask the routes, neighbours, namespaces and NAT rules, and
name the entries that hurt:

  dnat-unreachable  translated to an address that no route, neighbour or namespace
                    of this host leads to any more
  backend-left      UDP that goes on to a backend to which no rule translates it any more
  nat-bypassed      older than the NAT rule that would translate it now: rules are asked
                    for a flow's first packet alone, so that it goes on without them
  never-replied     renewed by packets again and again, and never answered
  half-open         many connections to one destination that do not get on

What is certain has evidence that proves it. What is suspected has only evidence that
speaks for it: what is one-way by design looks like never-replied. What is not known
is counted as not judged, and multicast, tunnels and logs are left out.

An entry counts as renewed when its timeout rose between the looks, so a sender that
sends once in 20 seconds needs --interval 30s. No packet is sent, and nothing is
changed without --delete, which deletes what is certain, and with --suspect what is
suspected too, if it still is as it was found.

Exit code 1 where something stale was found and is still there.`,
		Example: `  sudo pktrail ct stale
  sudo pktrail ct stale --interval 30s -o json
  sudo pktrail ct stale --delete
  sudo pktrail ct stale --netns all --delete --suspect --yes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.add(cmd, "text, or json for JSON lines")
	flags := cmd.Flags()
	flags.DurationVar(&f.interval, "interval", 5*time.Second, "time between the two looks")
	flags.IntVar(&f.pile, "pile", 50, "half-open connections to one destination that make a pile")
	flags.BoolVar(&f.delete, "delete", false, "delete what is certain")
	flags.BoolVar(&f.suspect, "suspect", false, "with --delete: what is suspected too")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	return cmd
}

// leastInterval is what timeouts, which are in seconds, can tell anything over.
const leastInterval = 2 * time.Second

func (f *ctStaleFlags) run(cmd *cobra.Command) error {
	switch {
	case f.interval < leastInterval:
		return hint(fmt.Errorf("--interval %s: timeouts are in seconds, so the looks must lie %s apart at least", f.interval, leastInterval), "for example --interval 10s")
	case f.pile < 1:
		return hint(errors.New("--pile must be 1 at least"), "for example --pile 100")
	case f.suspect && !f.delete:
		return hint(errors.New("--suspect says what --delete deletes, and that was not given"), "suspected entries are shown without it")
	}
	if f.delete && !f.yes && !isTerminal(cmd.InOrStdin()) {
		return hint(errors.New("--delete: there is no terminal to ask on"), "leave --delete away to see what would go; --yes deletes it")
	}
	print, err := f.stalePrinter(cmd)
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
	found, err := f.search(cmd.Context(), tables, all)
	if err != nil {
		return err
	}
	return f.finish(cmd, found, print)
}

func (f *ctStaleFlags) stalePrinter(cmd *cobra.Command) (func(*stale.Report) error, error) {
	switch f.format {
	case "json":
		return render.NewJSON(cmd.OutOrStdout()).Stale, nil
	case "text":
		look := f.look(cmd.OutOrStdout())
		look.Netns = f.many()
		return render.NewText(cmd.OutOrStdout(), look).Stale, nil
	}
	return nil, f.unknown()
}

func (f *ctStaleFlags) search(ctx context.Context, tables []*table, all []*netns.NS) (found []*patrol.Search, err error) {
	for _, t := range tables {
		s, err := patrol.Stale(ctx, patrol.Table{NS: t.ns, Conn: t.Conn}, patrol.StaleOptions{
			Options: stale.Options{Pile: f.pile}, Interval: f.interval, Inside: t.insideWords(), All: all,
		})
		if err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	return found, nil
}

// insideWords is how commands are told for the table's namespace.
func (t *table) insideWords() stale.Inside {
	enter := t.inside("")
	if enter == "" {
		return stale.Inside{}
	}
	return stale.Inside{Enter: enter, Netns: " --netns " + shellWord(strings.TrimPrefix(t.ns.Name, "pid "))}
}

// finish prints what was found and deletes it where that is wanted. Where a
// question is asked, it is asked below the findings.
func (f *ctStaleFlags) finish(cmd *cobra.Command, found []*patrol.Search, print func(*stale.Report) error) error {
	var meant int64
	for _, s := range found {
		meant += s.Deletable(f.suspect)
	}
	asks := f.delete && meant > 0 && !f.yes && f.format == "text"
	if asks {
		if err := showStale(found, print); err != nil {
			return printed(err)
		}
	}
	if f.delete && meant > 0 {
		if err := confirm(cmd, "delete", meant, "entries", f.yes); err != nil {
			return err
		}
		if err := f.deleteFound(cmd.Context(), found); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d entries deleted; others are there still\n", deletedOf(found))
			return err
		}
	}
	var err error
	if asks {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d entries deleted\n", deletedOf(found))
	} else {
		err = showStale(found, print)
	}
	if err == nil && slices.ContainsFunc(found, (*patrol.Search).Left) {
		return errTrouble
	}
	return printed(err)
}

func (f *ctStaleFlags) deleteFound(ctx context.Context, found []*patrol.Search) error {
	for _, s := range found {
		if err := s.Delete(ctx, f.suspect); err != nil {
			return err
		}
	}
	return nil
}

func showStale(found []*patrol.Search, print func(*stale.Report) error) error {
	for _, s := range found {
		if err := print(s.Report); err != nil {
			return err
		}
	}
	return nil
}

func deletedOf(found []*patrol.Search) (n int64) {
	for _, s := range found {
		if s.Report.Deleted != nil {
			n += *s.Report.Deleted
		}
	}
	return n
}
