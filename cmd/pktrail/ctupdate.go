package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// ctUpdateFlags is what `pktrail ct update` takes beside MATCH.
type ctUpdateFlags struct {
	ctOutput
	ctQuery
	mark, setState, setStatus, helper string
	timeout                           time.Duration
	setLabels                         []string
	yes, dryRun                       bool
}

func ctUpdateCommand(m match.Match) *cobra.Command {
	var f ctUpdateFlags
	cmd := &cobra.Command{
		Use:   "update MATCH --set-… [flags]",
		Short: "change the entries that MATCH and the flags mean",
		Long: `Change entries: MATCH and the flags of pktrail ct list say which, the flags that
begin with --set- what becomes of them. Where there is more than one, the number is
shown first and a question asked; without a terminal --yes is needed. Tuples, NAT
and zones of an entry cannot be changed, and bits of the status not taken away.`,
		Example: `  sudo pktrail ct update -p tcp -s 10.1.0.2 --dport 443 --set-mark 0x1/0xff
  sudo pktrail ct update -p udp --state UNREPLIED --set-timeout 5s --yes
  sudo pktrail ct update --mark 0x1 --set-mark 0 --dry-run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.ctOutput.add(cmd, "text, wide, or json for JSON lines")
	f.ctQuery.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.mark, "set-mark", "", "the connection's mark: VALUE, or VALUE/MASK for the bits of the mask alone")
	flags.DurationVar(&f.timeout, "set-timeout", 0, "time until it goes if no packet comes, in whole seconds")
	flags.StringVar(&f.setState, "set-state", "", "state of TCP or SCTP, such as CLOSE")
	flags.StringVar(&f.setStatus, "set-status", "", "bits of the status to set: SEEN_REPLY,ASSURED")
	flags.StringSliceVar(&f.setLabels, "set-label", nil, "labels to set beside those that are, by number or name")
	flags.StringVar(&f.helper, "set-helper", "", "none: take the connection tracking helper away")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the entries that would be changed, and change nothing")
	return cmd
}

func (f *ctUpdateFlags) run(cmd *cobra.Command, m match.Match) error {
	if !f.given(m) {
		return hint(errors.New("which entries? nothing is said of them"), "name them, such as -p udp -d 10.96.0.10")
	}
	q, err := f.query(cmd, m)
	if err != nil {
		return err
	}
	change, err := f.change(cmd, m)
	if err != nil {
		return err
	}
	u := updater{deleter: deleter{q: q, asks: !f.yes}, change: change}
	u.deleter.change = journey.FlowUpdated
	if u.printer, u.out, err = f.printer(cmd.OutOrStdout()); err != nil {
		return err
	}
	if u.tables, err = openTables(f.netns); err != nil {
		return err
	}
	defer closeTables(u.tables)
	if f.dryRun {
		return printed(u.list(cmd.Context(), "nothing was changed: this is only what would be"))
	}
	if err := u.count(cmd.Context()); err != nil {
		return err
	}
	if u.meant == 0 {
		return hint(errors.New("no entry is meant: nothing to change"), "pktrail ct list shows those there are")
	}
	if err := confirm(cmd, "change", u.meant, "entries", f.yes); err != nil {
		return err
	}
	return printed(u.update(cmd.Context()))
}

// change is what is to be changed, without the tuple.
func (f *ctUpdateFlags) change(cmd *cobra.Command, m match.Match) (*conntrack.Flow, error) {
	c := &conntrack.Flow{}
	if cmd.Flags().Changed("set-timeout") {
		if err := setTimeout(c, "--set-timeout", f.timeout); err != nil {
			return nil, err
		}
	}
	if err := setStatus(c, "--set-status", f.setStatus); err != nil {
		return nil, err
	}
	if err := setLabels(c, f.setLabels); err != nil {
		return nil, err
	}
	if c.Has&conntrack.HasLabels != 0 {
		c.Has |= conntrack.HasLabelsMask
	}
	for _, set := range []func(*conntrack.Flow, match.Match) error{f.changeMark, f.changeState} {
		if err := set(c, m); err != nil {
			return nil, err
		}
	}
	switch f.helper {
	case "":
	case "none":
		c.Has |= conntrack.HasHelper
	default:
		return nil, hint(fmt.Errorf("--set-helper %s: an entry gets its helper when it begins", f.helper), "--set-helper none takes it away; pktrail ct create --helper %s makes an entry with it", f.helper)
	}
	if c.Has == 0 {
		return nil, hint(errors.New("what to change? nothing is said of it"), "--set-mark, --set-timeout, --set-state, --set-status, --set-label or --set-helper")
	}
	return c, nil
}

func (f *ctUpdateFlags) changeMark(c *conntrack.Flow, _ match.Match) error {
	if f.mark == "" {
		return nil
	}
	value, mask, masked := strings.Cut(f.mark, "/")
	v, err := strconv.ParseUint(value, 0, 32)
	bits := uint64(1<<32 - 1)
	if err == nil && masked {
		bits, err = strconv.ParseUint(mask, 0, 32)
	}
	if err != nil {
		return hint(fmt.Errorf("--set-mark %s: no mark", f.mark), "VALUE or VALUE/MASK, such as 0x1 or 0x1/0xff")
	}
	c.Mark, c.MarkMask = uint32(v), uint32(bits)
	c.Has |= conntrack.HasMark
	if masked {
		c.Has |= conntrack.HasMarkMask
	}
	return nil
}

func (f *ctUpdateFlags) changeState(c *conntrack.Flow, m match.Match) error {
	if f.setState == "" {
		return nil
	}
	if m.Proto.Not || len(m.Proto.Values) != 1 {
		return hint(errors.New("--set-state: states are of one protocol"), "add -p tcp")
	}
	if err := flows.SetState(c, m.Proto.Values[0], f.setState); err != nil {
		return hint(fmt.Errorf("--set-state: %w", err), "%s", settable(m.Proto.Values[0]))
	}
	return nil
}

// updater changes what a query means in some tables.
type updater struct {
	deleter
	change *conntrack.Flow
	ask    conntrack.Flow
}

// update changes entries and prints how they stand then.
func (u *updater) update(ctx context.Context) error {
	if u.meant == 1 {
		if err := u.entry(u.in, u.one); err != nil {
			return err
		}
		return u.end(u.gone)
	}
	for i, t := range u.tables {
		_, err := t.Dump(ctx, conntrack.Tracked, u.filter(i), func(f *conntrack.Flow) error { return u.entry(t, f) })
		if err != nil {
			return u.broken(ctx, err, u.gone)
		}
	}
	return u.end(u.gone)
}

// entry changes one entry; one that has gone meanwhile is passed over.
func (u *updater) entry(t *table, f *conntrack.Flow) error {
	u.ask.CopyFrom(u.change)
	u.ask.Orig, u.ask.Family, u.ask.Zone = f.Orig, f.Family, f.Zone
	u.ask.Has |= f.Has & conntrack.HasZone
	if u.change.Has&conntrack.HasStatus != 0 {
		u.ask.Status |= f.Status & kernelsOwn
	}
	if u.change.Has&conntrack.HasSCTPState != 0 { // whose tags the kernel wants beside it
		u.ask.SCTP.TagOrig, u.ask.SCTP.TagReply = f.SCTP.TagOrig, f.SCTP.TagReply
		u.ask.Has |= conntrack.HasSCTPTagOrig | conntrack.HasSCTPTagReply
	}
	if err := t.Update(&u.ask); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return refusedEntry(fmt.Errorf("entry of %s: %w", packet.ProtoName(f.Orig.Proto), err))
	}
	got, err := t.Get(&conntrack.Flow{Orig: f.Orig, Has: f.Has & conntrack.HasZone, Zone: f.Zone})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	u.gone++
	return u.print(t, got)
}

// kernelsOwn are bits that a request must repeat as they are
// (net/netfilter/nf_conntrack_core.c: nf_ct_change_status_common).
const kernelsOwn = conntrack.Expected | conntrack.Confirmed | conntrack.Dying | conntrack.SeenReply | conntrack.Assured
