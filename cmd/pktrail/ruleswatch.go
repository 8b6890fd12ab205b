package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/rules"
)

// rulesWatchFlags is what `pktrail rules watch` takes.
type rulesWatchFlags struct {
	output
	netns    []string
	ebtables bool
	interval time.Duration
	duration time.Duration
	count    int
	top      int
}

func rulesWatchCommand() *cobra.Command {
	var f rulesWatchFlags
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "which rules are being hit now",
		Long: `Say which rules and policies are hit, the one with most packets first: packets and
bytes a second, by their counters, which are read again at each interval. On a
terminal the view refreshes until ^C; elsewhere one block follows the other, or one
JSON line.

Rules of nft count only where they say "counter"; how many do not is told. Where the
ruleset changes meanwhile, rules are known again by their handles, in legacy tables
by their texts, and it is said how many came and went. Each look reads the whole
ruleset; of a large one the rest between two looks is three times as long as a look.`,
		Example: `  sudo pktrail rules watch
  sudo pktrail rules watch --interval 5s --top 10
  sudo pktrail rules watch --netns 4711 --duration 1m -o json
  sudo pktrail rules watch --count 1`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.output.add(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.netns, "netns", nil, "network namespace: a name of /run/netns, a path, a process id, or all (repeatable)")
	ebtablesFlag(cmd, &f.ebtables)
	flags.DurationVar(&f.interval, "interval", 2*time.Second, "time between two looks")
	flags.DurationVar(&f.duration, "duration", 0, "end after this time: 30s")
	flags.IntVar(&f.count, "count", 0, "end after so many views")
	flags.IntVar(&f.top, "top", 0, "rules to show (default as many as fit on the terminal, else 20)")
	return cmd
}

func (f *rulesWatchFlags) check() error {
	switch {
	case f.interval <= 0:
		return hint(errors.New("--interval: the looks must lie apart"), "for example --interval 2s")
	case f.duration < 0 || f.count < 0 || f.top < 0:
		return hint(errors.New("--duration, --count and --top cannot be negative"), "for example --duration 30s --top 10")
	case f.format != "text" && f.format != "json":
		return f.unknown()
	}
	return nil
}

func (f *rulesWatchFlags) run(cmd *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	spaces, err := openSpaces(f.netns)
	if err != nil {
		return err
	}
	defer closeSpaces(spaces)
	v := f.view(cmd.OutOrStdout(), len(spaces) > 1)
	for _, ns := range spaces {
		v.watched = append(v.watched, newWatched(ns, f.ebtables))
	}
	return printed(v.watch(cmd.Context(), f))
}

// watched is one namespace whose counters are looked at.
type watched struct {
	host *collect.Host
	from rules.Origin
	last *rules.Look
	took time.Duration
}

func newWatched(ns *netns.NS, ebtables bool) *watched {
	w := &watched{host: collect.New(ns), from: rules.Origin{Netns: &rules.Netns{Name: ns.Name, Inode: ns.Inode}}}
	w.host.EbtablesLegacy = ebtables
	return w
}

// look reads the counters, and tells what was hit since the look before; nil at the first.
func (w *watched) look(ctx context.Context) (*rules.Hits, error) {
	began := time.Now()
	host, err := w.host.Rules(ctx)
	if err != nil {
		return nil, err
	}
	look := rules.LookAt(host.Spend(false), host.ReadAt)
	before := w.last
	w.last, w.took = look, time.Since(began)
	if before == nil {
		return nil, nil
	}
	h := look.Since(before)
	h.Origin = w.from
	return h, nil
}

// rulesView shows what was hit, look after look.
type rulesView struct {
	out     io.Writer
	json    bool
	top     int
	screen  *screen // nil where the output is no terminal that is refreshed
	look    render.Options
	watched []*watched
}

func (f *rulesWatchFlags) view(w io.Writer, many bool) *rulesView {
	v := &rulesView{out: w, json: f.format == "json", top: f.top, look: f.look(w)}
	v.look.Netns = many
	if !v.json && os.Getenv("TERM") != "dumb" {
		v.screen = newScreen(w)
	}
	if v.top == 0 {
		v.top = defaultRows
	}
	return v
}

// watch looks until there were enough views, the time is over or the context ends.
// What is left of the time is a view too, however short.
func (v *rulesView) watch(ctx context.Context, f *rulesWatchFlags) (err error) {
	began := time.Now()
	if _, err := v.see(ctx); err != nil {
		return err
	}
	if v.screen != nil {
		if err := v.screen.open(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, v.screen.close()) }()
	}
	for n := 1; ; n++ {
		rest, last := v.rest(f.interval), n == f.count
		if left := f.duration - time.Since(began); f.duration > 0 && left <= rest {
			rest, last = max(left, 0), true
		}
		if err := pause(ctx, rest); err != nil {
			return err
		}
		hits, err := v.see(ctx)
		if err != nil {
			return err
		}
		if err := v.show(hits, f.top == 0); err != nil || last {
			return err
		}
	}
}

// rest is the time between two looks: three times as long as a look takes, at least.
func (v *rulesView) rest(interval time.Duration) time.Duration {
	for _, w := range v.watched {
		interval = max(interval, 3*w.took)
	}
	return interval
}

func (v *rulesView) see(ctx context.Context) (hits []*rules.Hits, err error) {
	for _, w := range v.watched {
		h, err := w.look(ctx)
		if err != nil {
			return nil, err
		}
		if h != nil {
			hits = append(hits, h)
		}
	}
	return hits, nil
}

// show prints the views of all namespaces; fit is to show as many rules as the
// terminal has room for.
func (v *rulesView) show(hits []*rules.Hits, fit bool) error {
	top := v.top
	if v.screen != nil {
		columns, lines := v.screen.size()
		v.look.Width = columns
		if fit {
			top = max(lines/len(hits)-6, 1)
		}
	}
	var frame bytes.Buffer
	text, lines := render.NewText(&frame, v.look), render.NewJSON(&frame)
	for _, h := range hits {
		h.Rules = h.Rules[:min(top, len(h.Rules))]
		show := text.RuleHits
		if v.json {
			show = lines.RuleHits
		}
		if err := show(h); err != nil {
			return err
		}
	}
	if v.screen != nil {
		return v.screen.draw(frame.Bytes())
	}
	_, err := v.out.Write(frame.Bytes())
	return err
}
