package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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

// ctExpectFlags is what the verbs of `pktrail ct expect` take beside MATCH.
type ctExpectFlags struct {
	ctOutput
	helper      string
	yes, dryRun bool
	events      []string
	count       int64
	duration    time.Duration
}

func ctExpectCommand(m match.Match) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "expect",
		Short: "the flows that helpers wait for: list, watch, delete them",
		Long: `A helper reads what the two ends of a flow agree on, as FTP does on a port for its
data, and expects the flow that will come of it: its first packet then belongs to the
flow that it is because of, and is RELATED to rules.

MATCH is held against the flow that is expected. Of an end that may be any, such as
the source port, it is not known whether MATCH means it: such an expectation is not
shown, but counted with the reason.`,
		Example: `  sudo pktrail ct expect list
  sudo pktrail ct expect watch --helper ftp`,
	}
	cmd.AddCommand(ctExpectListCommand(m), ctExpectWatchCommand(m), ctExpectDeleteCommand(m), ctExpectFlushCommand(m))
	return cmd
}

func ctExpectListCommand(m match.Match) *cobra.Command {
	var f ctExpectFlags
	cmd := &cobra.Command{
		Use:   "list [MATCH] [flags]",
		Short: "list the expectations that MATCH means",
		Long: `List expectations: protocol, time until one goes if its flow does not come, from →
to, the helper, and the flow that it is because of.`,
		Example: `  sudo pktrail ct expect list
  sudo pktrail ct expect list -p tcp -d 10.0.0.2 --helper ftp -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.list(cmd, m) },
	}
	f.add(cmd)
	return cmd
}

func ctExpectDeleteCommand(m match.Match) *cobra.Command {
	var f ctExpectFlags
	cmd := &cobra.Command{
		Use:   "delete MATCH [flags]",
		Short: "delete the expectations that MATCH means, and show them",
		Long: `Delete expectations and print each one that is gone. Where there is more than one,
the number is shown first and a question asked; without a terminal --yes is needed.
The flow, if it comes, is then NEW to rules, not RELATED.`,
		Example: `  sudo pktrail ct expect delete -p tcp -d 10.0.0.2
  sudo pktrail ct expect delete --helper ftp --dry-run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if m.String() == "" && f.helper == "" {
				return hint(errors.New("which expectations? nothing is said of them"), "name them, such as -p tcp -d 10.0.0.2 or --helper ftp; pktrail ct expect flush deletes all")
			}
			return f.remove(cmd, m)
		},
	}
	f.add(cmd)
	f.addChange(cmd)
	return cmd
}

func ctExpectFlushCommand(m match.Match) *cobra.Command {
	var f ctExpectFlags
	cmd := &cobra.Command{
		Use:   "flush [flags]",
		Short: "delete all expectations, and show them",
		Long: `Delete all expectations, or those of one helper, and print each one that is gone.
Where there is more than one, the number is shown first and a question asked; without
a terminal --yes is needed.`,
		Example: `  sudo pktrail ct expect flush --yes
  sudo pktrail ct expect flush --helper sip --yes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if m.String() != "" {
				return hint(fmt.Errorf("%s: flush takes no MATCH", m), "pktrail ct expect delete takes it")
			}
			return f.remove(cmd, m)
		},
	}
	f.add(cmd)
	f.addChange(cmd)
	return cmd
}

func (f *ctExpectFlags) add(cmd *cobra.Command) {
	f.ctOutput.add(cmd, "text, wide, or json for JSON lines")
	cmd.Flags().StringVar(&f.helper, "helper", "", "of this connection tracking helper, such as ftp")
}

func (f *ctExpectFlags) addChange(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be deleted, and delete nothing")
}

// expectPrinter prints expectations.
type expectPrinter interface {
	render.FlowPrinter
	Expect(*journey.Expect) error
	ExpectEvent(*journey.ExpectEvent) error
}

// expects is a pass through the expectations of some namespaces.
type expects struct {
	m       match.Match
	helper  string
	printer expectPrinter
	out     *bufio.Writer // what printer writes to
	sum     journey.FlowSummary
}

func (f *ctExpectFlags) expects(w io.Writer, m match.Match) (*expects, error) {
	for _, r := range m.CannotJudge(match.Conntrack) {
		return nil, hint(fmt.Errorf("%s: %s", r.Arg, r.Why), "%s", r.Hint)
	}
	if m.Both || m.Mark != nil || m.AnyPort.Given() || m.ICMP.Given() {
		return nil, hint(errors.New("--both, --mark, --ports and --icmp-type: an expectation has one direction, two ports and no mark"), "-p, -s, -d, --sport and --dport")
	}
	p, out, err := f.printer(w)
	if err != nil {
		return nil, err
	}
	return &expects{m: m, helper: f.helper, printer: p.(expectPrinter), out: out}, nil
}

// meant reports whether an expectation is, and counts those of which that is not
// known.
func (x *expects) meant(e *conntrack.Expect) bool {
	if x.helper != "" && x.helper != e.Helper {
		return false
	}
	v := flows.JudgeExpect(&x.m, e)
	if v.Answer == match.Unknown {
		x.sum.Unjudged++
		if !slices.Contains(x.sum.Why, v.Why) {
			x.sum.Why = append(x.sum.Why, v.Why)
		}
	}
	return v.Answer == match.Yes
}

func (x *expects) show(t *table, e *conntrack.Expect) error {
	shown := flows.Expect(e)
	shown.Netns = t.shown
	x.sum.Shown++
	return x.printer.Expect(shown)
}

// each goes through what is meant.
func (x *expects) each(ctx context.Context, tables []*table, take func(*table, *conntrack.Expect) error) error {
	for _, t := range tables {
		if _, err := t.DumpExpects(ctx, x.m.Family, func(e *conntrack.Expect) error {
			if !x.meant(e) {
				return nil
			}
			return take(t, e)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (x *expects) end() error {
	x.sum.What = "expectation"
	return printed(errors.Join(x.printer.FlowSummary(&x.sum), x.out.Flush()))
}

func (f *ctExpectFlags) list(cmd *cobra.Command, m match.Match) error {
	x, err := f.expects(cmd.OutOrStdout(), m)
	if err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	if err := x.each(cmd.Context(), tables, x.show); err != nil {
		return printed(err)
	}
	return x.end()
}

// expectIn is an expectation of a namespace.
type expectIn struct {
	in *table
	*conntrack.Expect
}

// remove deletes what is meant: just those that were counted, by their ids.
func (f *ctExpectFlags) remove(cmd *cobra.Command, m match.Match) error {
	x, err := f.expects(cmd.OutOrStdout(), m)
	if err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	var meant []expectIn
	if err := x.each(cmd.Context(), tables, func(t *table, e *conntrack.Expect) error {
		meant = append(meant, expectIn{t, e.Clone()})
		return nil
	}); err != nil {
		return err
	}
	if f.dryRun {
		x.sum.Notes = append(x.sum.Notes, "nothing was deleted: this is only what would be")
		for _, e := range meant {
			if err := x.show(e.in, e.Expect); err != nil {
				return printed(err)
			}
		}
		return x.end()
	}
	if err := confirm(cmd, "delete", int64(len(meant)), "expectations", f.yes); err != nil {
		return err
	}
	return x.delete(meant)
}

func (x *expects) delete(meant []expectIn) error {
	x.sum.Done = journey.FlowDeleted
	for _, e := range meant {
		err := e.in.DeleteExpect(e.Expect)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return errors.Join(err, x.out.Flush())
		}
		shown := flows.Expect(e.Expect)
		shown.Netns = e.in.shown
		x.sum.Shown++
		if err := x.printer.ExpectEvent(&journey.ExpectEvent{
			Schema: journey.ExpectEventSchema, Time: journey.Time{Time: time.Now()}, Event: journey.FlowDeleted, Expect: *shown,
		}); err != nil {
			return printed(err)
		}
	}
	return x.end()
}
