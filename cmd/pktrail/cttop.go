package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/census"
	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/patrol"
	"github.com/pktrail/pktrail/internal/render"
)

// ctTopFlags is what `pktrail ct top` takes beside MATCH.
type ctTopFlags struct {
	ctOutput
	ctQuery
	by       string
	interval time.Duration
	rows     int
	count    int
	once     bool
}

func ctTopCommand(m match.Match) *cobra.Command {
	var f ctTopFlags
	cmd := &cobra.Command{
		Use:   "top [MATCH] [flags]",
		Short: "who has most entries, and how fast they come and go",
		Long: `Group the entries that MATCH and the flags mean, count each group, and say how many
entries came and went in it since the look before. On a terminal the view refreshes
until ^C; elsewhere it is printed once, or as JSON lines until --count or ^C.

--by groups by what packets of the original direction have, before NAT:
source, destination, service (protocol and port), state, zone, netns (the
namespace of this host that has the source address), target (destination and
service), pair (source and target).

Each look reads the whole table, so a large one is looked at less often: the rest
between two looks is three times as long as a look. An entry that came and went
between two looks is not counted. Memory is bounded: groups beyond 65536 are given
up, the smallest first, and counts that may lack some say so.`,
		Example: `  sudo pktrail ct top
  sudo pktrail ct top --by target -p udp --interval 5s
  sudo pktrail ct top --by state --once
  sudo pktrail ct top --by pair --count 10 -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.ctOutput.add(cmd, "text, or json for JSON lines")
	f.ctQuery.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.by, "by", string(census.Source), "source, destination, service, state, zone, netns, target or pair")
	flags.DurationVar(&f.interval, "interval", 2*time.Second, "time between two looks; with --once 0 for one look without rates")
	flags.IntVar(&f.rows, "rows", 0, "groups to show (default as many as fit on the terminal, else 20)")
	flags.IntVar(&f.count, "count", 0, "end after so many views")
	flags.BoolVar(&f.once, "once", false, "print one view and end")
	_ = cmd.RegisterFlagCompletionFunc("by", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return kinds(), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func kinds() []string {
	var words []string
	for _, by := range census.Kinds() {
		words = append(words, string(by))
	}
	return words
}

func (f *ctTopFlags) run(cmd *cobra.Command, m match.Match) error {
	by, err := f.check()
	if err != nil {
		return err
	}
	v, err := f.view(cmd.OutOrStdout(), by)
	if err != nil {
		return err
	}
	q, err := f.query(cmd, m)
	if err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	owners, done, err := addressOwners(by == census.Netns)
	if err != nil {
		return err
	}
	defer done()
	for _, t := range tables {
		v.counters = append(v.counters, patrol.NewCounter(patrol.Table{NS: t.ns, Conn: t.Conn, Filter: q.Filter(nil)}, owners, by))
	}
	return printed(v.watch(cmd.Context(), f))
}

func (f *ctTopFlags) check() (census.By, error) {
	by, err := census.ParseBy(f.by)
	switch {
	case err != nil:
		return by, hint(fmt.Errorf("--by: %w", err), "for example --by target")
	case f.interval < 0 || f.rows < 0 || f.count < 0:
		return by, hint(errors.New("--interval, --rows and --count cannot be negative"), "for example --interval 5s --rows 30")
	case f.interval == 0 && !f.once:
		return by, hint(errors.New("--interval 0: views must lie apart"), "--once --interval 0 takes a single look")
	case f.once && f.count > 1:
		return by, hint(errors.New("--once and --count exclude each other"), "give one of them")
	}
	return by, nil
}

// addressOwners looks into the host's namespaces, where that is asked for.
func addressOwners(wanted bool) (*collect.Owners, func(), error) {
	if !wanted {
		return nil, func() {}, nil
	}
	all, err := netns.All()
	if err != nil {
		return nil, nil, err
	}
	return collect.ReadOwners(all), func() { closeSpaces(all) }, nil
}

// topView shows looks, one after the other.
type topView struct {
	out      io.Writer
	by       census.By
	rows     int
	screen   *screen // nil where the output is no terminal that is refreshed
	json     *render.JSON
	look     render.Options
	counters []*patrol.Counter
}

// defaultRows is how many groups are shown where no terminal bounds them.
const defaultRows = 20

func (f *ctTopFlags) view(w io.Writer, by census.By) (*topView, error) {
	v := &topView{out: w, by: by, rows: f.rows}
	switch f.format {
	case "json":
		v.json = render.NewJSON(w)
	case "text":
		v.look = f.look(w)
		v.look.Netns = f.many()
		v.screen = newScreen(w)
		if v.screen == nil || f.once || os.Getenv("TERM") == "dumb" {
			f.once, v.screen = f.once || f.count == 0, nil
		}
	default:
		return nil, f.unknown()
	}
	if v.rows == 0 {
		v.rows = defaultRows
	}
	return v, nil
}

// watch looks until there were enough views or the context ends. What stood on the
// screen last is printed again behind it, so that it can be read.
func (v *topView) watch(ctx context.Context, f *ctTopFlags) (err error) {
	views := f.count
	if f.once {
		views = 1
	}
	if f.interval > 0 {
		if err := v.see(ctx, f.interval); err != nil {
			return err
		}
	}
	if v.screen != nil {
		if err := v.screen.open(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, v.screen.close()) }()
	}
	for n := 1; ; n++ {
		if err := v.see(ctx, 0); err != nil {
			return err
		}
		if err := v.show(f); err != nil || n == views {
			return err
		}
		if err := pause(ctx, v.rest(f.interval)); err != nil {
			return err
		}
	}
}

// see looks at each table, and rests after it.
func (v *topView) see(ctx context.Context, interval time.Duration) error {
	for _, c := range v.counters {
		if err := c.Look(ctx); err != nil {
			return err
		}
	}
	if interval == 0 {
		return nil
	}
	return pause(ctx, v.rest(interval))
}

func (v *topView) rest(interval time.Duration) time.Duration {
	for _, c := range v.counters {
		interval = max(interval, c.Rest(interval))
	}
	return interval
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (v *topView) show(f *ctTopFlags) error {
	if v.json != nil {
		for _, c := range v.counters {
			if err := v.json.ConnTop(c.Top(v.by, v.rows)); err != nil {
				return err
			}
		}
		return nil
	}
	rows := v.rows
	if v.screen != nil {
		columns, lines := v.screen.size()
		v.look.Width = columns
		if f.rows == 0 {
			rows = max(lines/len(v.counters)-6, 1)
		}
	}
	var frame bytes.Buffer
	text := render.NewText(&frame, v.look)
	for _, c := range v.counters {
		if err := text.ConnTop(c.Top(v.by, rows)); err != nil {
			return err
		}
	}
	if v.screen != nil {
		return v.screen.draw(frame.Bytes())
	}
	_, err := v.out.Write(frame.Bytes())
	return err
}

// screen is a terminal that is written over and over, and then put back.
type screen struct {
	file *os.File
	last []byte // the frame that it shows
}

func newScreen(w io.Writer) *screen {
	if _, terminal := terminalWidth(w); !terminal {
		return nil
	}
	return &screen{file: w.(*os.File)}
}

// What the terminal is told (ECMA-48; the alternate screen is xterm's).
const (
	screenOpen  = "\x1b[?1049h\x1b[?25l"
	screenClose = "\x1b[?25h\x1b[?1049l"
	screenHome  = "\x1b[H"
	lineEnd     = "\x1b[K"
	screenRest  = "\x1b[J"
)

func (s *screen) open() error {
	_, err := io.WriteString(s.file, screenOpen)
	return err
}

// close puts the terminal back and leaves the last frame on it.
func (s *screen) close() error {
	_, err := s.file.Write(append([]byte(screenClose), s.last...))
	return err
}

func (s *screen) size() (columns, lines int) {
	size, err := unix.IoctlGetWinsize(int(s.file.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Row == 0 {
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}

// draw writes a frame over the one before, in one write, so that nothing flickers.
func (s *screen) draw(frame []byte) error {
	s.last = append(s.last[:0], frame...)
	_, lines := s.size()
	out := []byte(screenHome)
	for i, l := range bytes.Split(bytes.TrimSuffix(frame, []byte("\n")), []byte("\n")) {
		if i == lines {
			break
		}
		if i > 0 {
			out = append(out, '\n')
		}
		out = append(append(out, l...), lineEnd...)
	}
	_, err := s.file.Write(append(out, screenRest...))
	return err
}
