package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/correlate"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/internal/source/logfile"
)

// readFlags is what the command line of read says.
type readFlags struct {
	output
	rules         []string
	follow, fresh bool
	since, until  when
	zone          zone
	boot          bootTime
	strict        bool
	summary       bool
	hosts         bool
	top           int
}

func readCommand(m match.Match) *cobra.Command {
	f := readFlags{since: when{now: time.Now}, until: when{now: time.Now}, boot: bootTime{when{now: time.Now}}, zone: zone{time.Local}}
	cmd := &cobra.Command{
		Use:   "read [MATCH] FILE...",
		Short: "tell what kernel logs, captures and recordings hold",
		Long: `Tell what LOG and TRACE rules wrote into kernel logs, on any machine and without
root. Lines of LOG rules become a table and a summary: by prefix, flow and
interface, over time. Lines of TRACE rules become journeys, as pktrail trace
tells them; --rules gives the rules that they name.

FILE is a kernel log of any kind: of syslog or journald (journalctl -o json, -o
export and the plain forms), of dmesg, /dev/kmsg itself; plain or compressed by
gzip, xz, zstd or bzip2; rotated files of one log in any order. Or it is one
capture, pcap or pcapng, also of an NFLOG group; or one recording of pktrail
trace -w. - reads standard input. MATCH, as for trace, chooses packets.`,
		Example: `  pktrail read /var/log/kern.log
  dmesg | pktrail read -
  journalctl -k -o json | pktrail read -
  pktrail read -p tcp --dport 22 --since yesterday /var/log/kern.log*
  pktrail read --rules rules.save --rules ip6:rules6.save messages.gz
  pktrail read --follow /var/log/kern.log
  pktrail read -o json story.pktrail`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return hint(errors.New("read: no file given"),
					"name a log, a capture or a recording: pktrail read /var/log/kern.log; dmesg | pktrail read -; journalctl -k -o json | pktrail read -")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.read(cmd, args, m) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.Lookup("output").Usage = "text, json for JSON lines, or csv for one record a line of the log"
	flags.StringArrayVar(&f.rules, "rules", nil, "file of iptables-save that TRACE lines are joined with; ip6:FILE names the family")
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with what is written to the log, across rotation")
	flags.BoolVar(&f.fresh, "new", false, "with --follow: leave out what the log holds already")
	flags.Var(&f.since, "since", `leave out earlier lines: "2026-11-22 18:00", 18:00, yesterday, 10m (ago)`)
	flags.Var(&f.until, "until", "leave out later lines")
	flags.Var(&f.zone, "zone", "time zone of times that name none, here and in the log, and of those in text: local, UTC, +02:00, Europe/Berlin")
	flags.Var(&f.boot, "boot", "when the host was started, for logs that count from then; here: when this one was")
	flags.BoolVar(&f.strict, "strict", false, "fail at the first line that cannot be read")
	flags.BoolVar(&f.summary, "summary", false, "print only the summary of LOG lines, not their table")
	flags.BoolVar(&f.hosts, "hosts", false, "show the host that each line or packet is of")
	flags.IntVar(&f.top, "top", 5, "how many of each kind the summary names; 0 for all")
	return cmd
}

// bootTime is a flag that takes when a host was started.
type bootTime struct{ when }

// Set implements pflag.Value. `here` is reckoned by the clock that stamps the
// kernel's log, which stands still while the machine is suspended.
func (b *bootTime) Set(text string) error {
	if text != "here" {
		return b.when.Set(text)
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &up); err != nil {
		return err
	}
	b.text, b.Time = text, b.now().Add(-time.Duration(up.Nano()))
	return nil
}

func (f *readFlags) read(cmd *cobra.Command, paths []string, m match.Match) (err error) {
	if f.top < 0 {
		return hint(fmt.Errorf("--top %d: cannot be negative", f.top), "--top 0 names all")
	}
	f.times = f.zone.Location
	for _, w := range []*when{&f.since, &f.until, &f.boot.when} {
		w.in(f.zone.Location)
	}
	if !f.since.IsZero() && !f.until.IsZero() && f.until.Before(f.since.Time) {
		return hint(fmt.Errorf("--until %s: is before --since %s", &f.until, &f.since), "exchange them")
	}
	if f.fresh && !f.follow {
		return hint(errors.New("--new: there is nothing new without --follow"), "pktrail read --follow --new FILE")
	}
	in, err := openInput(paths, os.Stdin, logfile.Options{
		Since: f.since.Time, Until: f.until.Time, Follow: f.follow, FromEnd: f.fresh, Zone: f.zone.Location, Boot: f.boot.Time,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	if err := f.fits(in, paths[0]); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	r := &reading{flags: f, in: in, match: m, stop: cancel, stderr: cmd.ErrOrStderr()}
	if err := r.open(cmd.OutOrStdout()); err != nil {
		return err
	}
	src, err := f.withRules(in, r)
	if err != nil {
		return err
	}
	src = named{src, r}
	if f.format == "csv" {
		return r.table(ctx, src)
	}
	return r.tell(ctx, src)
}

// fits refuses flags that mean nothing for what is read.
func (f *readFlags) fits(in *input, path string) error {
	if in.logs != nil {
		return nil
	}
	for _, flag := range []struct {
		given bool
		name  string
	}{
		{!f.since.IsZero(), "--since"}, {!f.until.IsZero(), "--until"},
		{f.follow && path != kmsgPath, "--follow"}, {len(f.rules) > 0 && in.recording, "--rules"},
	} {
		switch {
		case flag.given && path == kmsgPath:
			return hint(fmt.Errorf("%s: not for %s, whose records have no time of day", flag.name, path),
				"dmesg --time-format iso | pktrail read %s TIME -", flag.name)
		case flag.given:
			return hint(fmt.Errorf("%s: only for kernel logs, and %s is none", flag.name, path), "leave it away")
		}
	}
	return nil
}

func (f *readFlags) withRules(in *input, r *reading) (source.Source, error) {
	if len(f.rules) == 0 {
		return in, nil
	}
	rules, notes, err := readRulesFiles(f.rules)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		fmt.Fprintf(r.stderr, "note: %s\n", n)
	}
	return source.WithRules(in, rules), nil
}

// tell prints journeys and lines as they come, and the summaries.
func (r *reading) tell(ctx context.Context, src source.Source) error {
	to := r.story.teller()
	if !r.in.recording {
		to.Line, to.Bad = r.line, r.bad
		to.Quiet, to.MaxOpen = quietLog, mostOpen
	}
	counts, err := live.Tell(ctx, src, to)
	if err := r.failed(err); err != nil || gone(r.story.err) {
		return err
	}
	if err := r.summaries(counts); err != nil {
		return err
	}
	r.story.flush()
	return r.failed(nil)
}

// mostOpen is how many packets of a log are followed at once: its time may stand
// still for a second.
const mostOpen = 1 << 16

// table prints every line as a record, those of TRACE too.
func (r *reading) table(ctx context.Context, src source.Source) error {
	err := src.Run(ctx, func(events []event.Event) {
		for i := range events {
			switch e := &events[i]; e.Kind {
			case event.KindLine, event.KindLog:
				r.line(e)
			case event.KindBadLine:
				r.bad(e.BadLine)
			case event.KindNote:
				r.notes = append(r.notes, e.Note)
			case event.KindLost:
				r.lost.Count += e.Lost.Count
				r.lost.More = r.lost.More || e.Lost.More
			}
		}
		r.story.flush()
	})
	if err := r.failed(err); err != nil || gone(r.story.err) {
		return err
	}
	r.story.keep(r.lines.LogSummary(r.logSummary(correlate.Counts{Notes: together(r.notes), Lost: r.lost})))
	r.story.flush()
	return r.failed(nil)
}
