package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
)

// ctWatchFlags is what `pktrail ct watch` takes beside MATCH.
type ctWatchFlags struct {
	ctOutput
	ctQuery
	events   []string
	count    int64
	duration time.Duration
	resync   bool
	room     int
}

func ctWatchCommand(m match.Match) *cobra.Command {
	var f ctWatchFlags
	cmd := &cobra.Command{
		Use:   "watch [MATCH] [flags]",
		Short: "flows as they begin, change and end",
		Long: `Print what happens to flows: new, update, destroy. NAT is shown as (as from → to).

At its end a flow's lifetime is shown: by the kernel's own stamps where
net.netfilter.nf_conntrack_timestamp is on, else for flows whose start was seen;
packets and bytes where net.netfilter.nf_conntrack_acct is on. What is off is said
at the beginning, with the command that switches it on; nothing is switched on here.

Events that were lost for want of room are counted and shown in their place; with
--resync the table is listed again after a loss, as events of the name listed.`,
		Example: `  sudo pktrail ct watch
  sudo pktrail ct watch -p tcp --dport 443 --event new,destroy --count 20
  sudo pktrail ct watch --event destroy --nat dnat --duration 30s -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.ctOutput.add(cmd, "text, wide, or json for JSON lines")
	f.ctQuery.add(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&f.events, "event", []string{"new", "update", "destroy"}, "which events: new, update, destroy")
	flags.Int64Var(&f.count, "count", 0, "end after so many events")
	flags.DurationVar(&f.duration, "duration", 0, "end after so long: 30s, 5m")
	flags.BoolVar(&f.resync, "resync", false, "list the table again after a loss")
	flags.IntVar(&f.room, "buffer-bytes", 64<<20, "room for events that wait to be read, in each namespace; memory is taken only as far as they wait")
	return cmd
}

func (f *ctWatchFlags) run(cmd *cobra.Command, m match.Match) error {
	q, err := f.query(cmd, m)
	if err != nil {
		return err
	}
	groups, err := f.groups()
	if err != nil {
		return err
	}
	if f.count < 0 || f.duration < 0 || f.room < 1 {
		return hint(errors.New("--count and --duration cannot be negative, and --buffer-bytes is 1 at least"), "leave them away for no end, and for 64 MiB")
	}
	w := &watch{q: q, limit: f.count, resync: f.resync, began: time.Now(), kinds: map[journey.FlowChange]int64{}}
	if w.printer, w.out, err = f.printer(cmd.OutOrStdout()); err != nil {
		return err
	}
	spots, err := openSpots(f.netns, groups, f.room)
	if err != nil {
		return err
	}
	defer closeSpots(spots)
	var names []string
	for _, s := range spots {
		for _, note := range s.table.offNotes(f.events) {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", note)
		}
		names = append(names, spaceWords(s.table.ns.Name))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "watching %s in %s; ^C ends it\n", flowWords(m), strings.Join(names, ", "))
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if f.duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	return w.watch(cmd.Context(), ctx, cancel, spots)
}

func flowWords(m match.Match) string {
	if text := m.String(); text != "" {
		return text
	}
	return "every flow"
}

func (f *ctWatchFlags) groups() (groups ctnetlink.Groups, err error) {
	for _, name := range f.events {
		switch name {
		case "new":
			groups |= ctnetlink.NewFlows
		case "update":
			groups |= ctnetlink.UpdatedFlows
		case "destroy":
			groups |= ctnetlink.DestroyedFlows
		default:
			return 0, hint(fmt.Errorf("--event %s: no such event", name), "new, update, destroy; several with commas")
		}
	}
	return groups, nil
}

// spot is one namespace that is listened to.
type spot struct {
	table   *table
	watcher *ctnetlink.Watcher
	births  flows.Births

	stale  bool          // events were lost since the table was listed
	listed time.Time     // when it was, last
	took   time.Duration // how long that took
}

func openSpots(names []string, groups ctnetlink.Groups, room int) (spots []*spot, err error) {
	tables, err := openTables(names)
	if err != nil {
		return nil, err
	}
	for i, t := range tables {
		s := &spot{table: t}
		err := t.ns.Do(func() (err error) {
			s.watcher, err = ctnetlink.Listen(groups, ctnetlink.Options{BufferBytes: room})
			return err
		})
		if err != nil {
			closeSpots(spots)
			closeTables(tables[i:])
			return nil, err
		}
		spots = append(spots, s)
	}
	return spots, nil
}

func closeSpots(spots []*spot) {
	for _, s := range spots {
		_ = s.watcher.Close()
		closeTables([]*table{s.table})
	}
}

// offNotes says what events do not tell in this namespace, and what switches it on.
func (t *table) offNotes(events []string) (notes []string) {
	notes = t.eventNotes()
	say := func(setting, value, words string) { notes = append(notes, t.settingNote(setting, value, words)) }
	if slices.Contains(events, "destroy") && t.setting("nf_conntrack_timestamp") == "0" {
		say("nf_conntrack_timestamp", "1", "the kernel keeps no lifetimes in %s, so they are those of flows whose start is seen here; %s lets it keep them")
	}
	if t.setting("nf_conntrack_acct") == "0" {
		say("nf_conntrack_acct", "1", "packets and bytes are not counted in %s; %s counts them for flows that begin from then on")
	}
	return notes
}

// eventNotes says which flows send no events, nor do expectations because of them.
func (t *table) eventNotes() []string {
	switch t.setting("nf_conntrack_events") {
	case "0":
		return []string{t.settingNote("nf_conntrack_events", "2", "flows of %s send no events; %s lets those send them that begin from then on")}
	case "2":
		return []string{t.settingNote("nf_conntrack_events", "1", "flows of %s that began while nobody listened send no events; %s lets all send them that begin from then on")}
	}
	return nil
}

// settingNote is words of the namespace's name and of the command that sets a value.
func (t *table) settingNote(setting, value, words string) string {
	return fmt.Sprintf(words, spaceWords(t.ns.Name), t.inside("sysctl -w net.netfilter."+setting+"="+value))
}
