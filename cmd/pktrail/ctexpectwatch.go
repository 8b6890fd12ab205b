package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
)

func ctExpectWatchCommand(m match.Match) *cobra.Command {
	var f ctExpectFlags
	cmd := &cobra.Command{
		Use:   "watch [MATCH] [flags]",
		Short: "expectations as they begin and end",
		Long: `Print what happens to expectations: new, and destroy when the flow came, the time
was over, or somebody deleted it. The kernel does not say which of these it was, and
tells nothing of expectations because of a flow that sends no events itself.`,
		Example: `  sudo pktrail ct expect watch
  sudo pktrail ct expect watch --helper ftp --event new --count 5 -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.watch(cmd, m) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&f.events, "event", []string{"new", "destroy"}, "which events: new, destroy")
	flags.Int64Var(&f.count, "count", 0, "end after so many events")
	flags.DurationVar(&f.duration, "duration", 0, "end after so long: 30s, 5m")
	return cmd
}

func (f *ctExpectFlags) groups() (groups ctnetlink.Groups, err error) {
	for _, name := range f.events {
		switch name {
		case "new":
			groups |= ctnetlink.NewExpects
		case "destroy":
			groups |= ctnetlink.DestroyedExpects
		default:
			return 0, hint(fmt.Errorf("--event %s: no such event", name), "new, destroy; both with a comma")
		}
	}
	return groups, nil
}

// expectRoom is the room for events that wait to be read: expectations are few.
const expectRoom = 4 << 20

func (f *ctExpectFlags) watch(cmd *cobra.Command, m match.Match) error {
	groups, err := f.groups()
	if err != nil {
		return err
	}
	if f.count < 0 || f.duration < 0 {
		return hint(errors.New("--count and --duration cannot be negative"), "leave them away for no end")
	}
	x, err := f.expects(cmd.OutOrStdout(), m)
	if err != nil {
		return err
	}
	spots, err := openSpots(f.netns, groups, expectRoom)
	if err != nil {
		return err
	}
	defer closeSpots(spots)
	var names []string
	for _, s := range spots {
		for _, note := range s.table.eventNotes() {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", note)
		}
		names = append(names, spaceWords(s.table.ns.Name))
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "watching expectations in %s; ^C ends it\n", strings.Join(names, ", "))
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if f.duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	w := expectWatch{expects: x, limit: f.count, kinds: map[journey.FlowChange]int64{}}
	return w.run(ctx, cancel, spots)
}

// expectWatch prints events, one at a time.
type expectWatch struct {
	*expects
	mu    sync.Mutex
	limit int64 // end after so many; 0 is no limit
	kinds map[journey.FlowChange]int64
}

func (w *expectWatch) run(ctx context.Context, cancel func(), spots []*spot) error {
	began := time.Now()
	errs := make(chan error)
	for _, s := range spots {
		go func() {
			err := s.watcher.Run(ctx, func(e *ctnetlink.Event) error { return w.event(s.table, e) })
			cancel()
			errs <- err
		}()
	}
	var err error
	for range spots {
		if e := <-errs; !errors.Is(e, errEnough) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return printed(errors.Join(err, w.out.Flush()))
	}
	w.sum.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	for _, change := range []journey.FlowChange{journey.FlowNew, journey.FlowDestroy} {
		if n := w.kinds[change]; n > 0 {
			w.sum.Events = append(w.sum.Events, journey.FlowCount{Name: string(change), Count: n})
		}
	}
	return w.end()
}

func (w *expectWatch) event(t *table, e *ctnetlink.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Lost.Any() {
		if err := w.lose(t, e.Lost); err != nil {
			return err
		}
	}
	change := journey.FlowNew
	switch e.Kind {
	case conntrack.NewExpect:
	case conntrack.DestroyedExpect:
		change = journey.FlowDestroy
	default:
		return nil
	}
	if !w.meant(e.Expect) {
		return nil
	}
	if w.limit > 0 && w.sum.Shown >= w.limit {
		return errEnough
	}
	shown := &journey.ExpectEvent{Schema: journey.ExpectEventSchema, Time: journey.Time{Time: time.Now()}, Event: change, Expect: *flows.Expect(e.Expect)}
	shown.Expect.Netns = t.shown
	if e.Port != 0 {
		shown.PortID = new(e.Port)
	}
	w.sum.Shown++
	w.kinds[change]++
	if err := errors.Join(w.printer.ExpectEvent(shown), w.out.Flush()); err != nil {
		return err
	}
	if w.limit > 0 && w.sum.Shown >= w.limit {
		return errEnough
	}
	return nil
}

func (w *expectWatch) lose(t *table, l ctnetlink.Lost) error {
	w.sum.Lost.Count += int64(l.Count)
	w.sum.Lost.More = w.sum.Lost.More || l.More
	return w.printer.Lost(&journey.Lost{
		Schema: journey.LostSchema, Time: journey.Time{Time: time.Now()}, Netns: t.shown,
		What: "expectation events", Lost: journey.LostCount{Count: int64(l.Count), More: l.More},
	})
}
