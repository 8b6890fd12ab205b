package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// ctListFlags is what `pktrail ct list` takes beside MATCH.
type ctListFlags struct {
	ctOutput
	ctQuery
	dying, unconfirmed bool
}

func ctListCommand(m match.Match) *cobra.Command {
	var f ctListFlags
	cmd := &cobra.Command{
		Use:   "list [MATCH] [flags]",
		Short: "list the entries that MATCH and the flags mean",
		Long: `List entries: protocol, time left until the entry goes, state, from → to, with NAT
as (as from → to), what of its status matters, mark, zone, labels, helper, and
packets and bytes where net.netfilter.nf_conntrack_acct is on.

A row is printed as soon as the kernel sent the entry, so a list of a million
takes no more memory than one of ten. The kernel looks for what it can itself.

-o save writes what conntrack -o save does, which conntrack -R and pktrail ct -R
make entries of again: without marks, labels and helpers, as there.`,
		Example: `  sudo pktrail ct list
  sudo pktrail ct list -p tcp -s 10.1.0.0/16 --dport 443 --state ESTABLISHED
  sudo pktrail ct list --nat dnat --status UNREPLIED -o wide
  sudo pktrail ct list -p udp --expires-within 10s --netns all -o json
  sudo pktrail ct list -d 10.96.0.10 -o save
  sudo pktrail ct list --dying`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.ctOutput.add(cmd, "text, wide for all that is known, json for JSON lines, or save for conntrack -R")
	f.ctQuery.add(cmd)
	cmd.Flags().BoolVar(&f.dying, "dying", false, "entries that have left the table and whose end waits to be told, instead of the table's")
	cmd.Flags().BoolVar(&f.unconfirmed, "unconfirmed", false, "entries whose first packet is still under way, instead of the table's")
	return cmd
}

// list is the kernel's list that is meant.
func (f *ctListFlags) list() conntrack.Table {
	switch {
	case f.dying:
		return conntrack.DyingList
	case f.unconfirmed:
		return conntrack.UnconfirmedList
	}
	return conntrack.Tracked
}

func (f *ctListFlags) run(cmd *cobra.Command, m match.Match) error {
	if f.dying && f.unconfirmed {
		return hint(errors.New("--dying and --unconfirmed exclude each other"), "list the one, then the other")
	}
	q, err := f.query(cmd, m)
	if err != nil {
		return err
	}
	l, err := f.lister(cmd.OutOrStdout())
	if f.format == "save" {
		l, err = f.saveLister(cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	if err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	l.which = f.list()
	for _, t := range tables {
		if err := l.list(cmd.Context(), t, q); err != nil {
			return l.broken(cmd.Context(), err)
		}
	}
	if f.unconfirmed && l.sum.Shown == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: no entry is unconfirmed, or this kernel keeps no list of them: those of today keep none")
	}
	for _, words := range emptyWords(l.sum.Tables) {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", words)
	}
	return printed(l.end())
}

// broken hands on what was listed so far, and after an interrupt says that it is a
// part.
func (l *lister) broken(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return printed(errors.Join(err, l.out.Flush()))
	}
	l.sum.Notes = append(l.sum.Notes, "interrupted: not all entries were looked at")
	return printed(errors.Join(ctx.Err(), l.end()))
}

func (f *ctListFlags) lister(w io.Writer) (*lister, error) {
	p, out, err := f.printer(w)
	return &lister{printer: p, out: out}, err
}

// lister prints entries and counts them.
type lister struct {
	printer render.FlowPrinter
	out     *bufio.Writer // what printer writes to
	save    *saver        // writes entries to out in printer's place, unless nil
	maker   flows.Maker
	sum     journey.FlowSummary
	states  journey.FlowStateCounts
	which   conntrack.Table
	unread  bool // the entries were not looked at, but counted by the kernel
	protos  [256]int64
}

func (l *lister) list(ctx context.Context, t *table, q *flows.Query) error {
	met, err := t.Dump(ctx, l.which, q.Filter(l.unjudged), func(f *conntrack.Flow) error { return l.flow(t, f) })
	if err != nil {
		return err
	}
	return l.table(t, int64(met.Meant))
}

func (l *lister) unjudged(why string) {
	l.sum.Unjudged++
	if !slices.Contains(l.sum.Why, why) {
		l.sum.Why = append(l.sum.Why, why)
	}
}

func (l *lister) flow(t *table, f *conntrack.Flow) error {
	l.count(f)
	if l.save != nil {
		return l.save.write(l.out, f)
	}
	shown := l.maker.Flow(f)
	shown.Netns = t.shown
	return l.printer.Flow(shown)
}

func (l *lister) count(f *conntrack.Flow) {
	l.sum.Shown++
	l.protos[f.Orig.Proto]++
	if f.Status&conntrack.SeenReply == 0 {
		l.states.Unreplied++
	}
	if f.Status&conntrack.Assured != 0 {
		l.states.Assured++
	}
}

// table notes how full a table is; where it is empty, why.
func (l *lister) table(t *table, meant int64) error {
	if l.which != conntrack.Tracked {
		l.sum.Tables = append(l.sum.Tables, journey.FlowTable{Netns: t.shown, Meant: new(meant)})
		return nil
	}
	all, err := t.Totals()
	if err != nil {
		return err
	}
	shown := journey.FlowTable{Netns: t.shown, Entries: new(int64(all.Entries)), Meant: new(meant)}
	if all.Max != 0 {
		shown.Max = new(int64(all.Max))
	}
	if all.Entries == 0 {
		t.sayTracks(&shown)
	}
	l.sum.Tables = append(l.sum.Tables, shown)
	return nil
}

// sayTracks says of a table that is empty whether anything is tracked there.
func (t *table) sayTracks(shown *journey.FlowTable) {
	tracks, why := collect.New(t.ns).Tracks()
	if is, known := tracks.Get(); known {
		shown.Tracks = &is
	}
	shown.TracksWhy = why
}

// emptyWords puts that into words.
func emptyWords(tables []journey.FlowTable) (words []string) {
	for _, t := range tables {
		name, why := spaceWords(t.Netns.Name), t.TracksWhy
		switch {
		case why == "":
		case t.Tracks == nil:
			words = append(words, fmt.Sprintf("the table of %s is empty; whether anything is tracked there is not known: %s", name, why))
		case *t.Tracks:
			words = append(words, fmt.Sprintf("the table of %s is empty, though connection tracking is on: %s", name, why))
		default:
			words = append(words, fmt.Sprintf("the table of %s is empty, since nothing is tracked there: %s. Tracking starts with the first rule that does: NAT, -m conntrack, or ct in nft", name, why))
		}
	}
	return words
}

// end prints the summary.
func (l *lister) end() error {
	for proto, n := range l.protos {
		if n > 0 {
			l.sum.Protos = append(l.sum.Protos, journey.FlowCount{Name: packet.ProtoName(uint8(proto)), Count: n})
		}
	}
	slices.SortStableFunc(l.sum.Protos, func(a, b journey.FlowCount) int { return cmp.Compare(b.Count, a.Count) })
	if !l.unread {
		l.sum.States = &l.states
	}
	if err := l.printer.FlowSummary(&l.sum); err != nil {
		return err
	}
	return l.out.Flush()
}
