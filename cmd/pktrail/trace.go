package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/ruleset"
)

// traceFlags is what `pktrail trace` takes beside MATCH.
type traceFlags struct {
	output
	netns         []string
	count         int
	duration      time.Duration
	rate          string
	unlimited     bool
	from          []string
	record        string
	dryRun        bool
	milestones    string
	requireLegacy bool
	foreign       bool
	noOwner       bool
}

func traceCommand(m match.Match) *cobra.Command {
	var f traceFlags
	cmd := &cobra.Command{
		Use:   "trace [MATCH] [flags]",
		Short: "follow real packets, rule by rule",
		Long: `Follow the packets that MATCH names through every rule of every world - legacy
iptables, iptables-nft, native nftables - and say where each ended and why.

MATCH is iptables' own words: -p icmp, -s 8.8.8.8/32, ! -s 10.0.0.0/8, -d ADDR,
--dport 80, -i eth0, -4, -6, --syn, --icmp-type echo-request, --mark 1/0xff;
--both follows the replies too, across NAT. docs/match.md has them all. Without
MATCH every packet matches.

It adds one table of its own, which the kernel removes when the process ends,
however it ends, and traces at most 100 packets a second unless told otherwise.
No rule or table of anybody else is touched.`,
		Example: `  sudo pktrail trace -p icmp -s 8.8.8.8/32
  sudo pktrail trace -p tcp -d 10.96.0.10 --dport 80 --both --count 5
  sudo pktrail trace -p tcp --syn --count 1 --duration 30s -o json
  sudo pktrail trace -p udp --dport 53 --dry-run
  sudo pktrail trace -p icmp -w story.pktrail --duration 10s`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.output.add(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.netns, "netns", nil, "network namespace: a name of /run/netns, a path, a process id, or all (repeatable)")
	flags.IntVar(&f.count, "count", 0, "end after so many packets")
	flags.DurationVar(&f.duration, "duration", 0, "end after so long: 30s, 5m")
	flags.StringVar(&f.rate, "rate", "100/s", "trace at most so many packets a second, over all namespaces")
	flags.BoolVar(&f.unlimited, "unlimited", false, "no limit of the rate: each traced packet costs the host some microseconds a rule")
	flags.StringSliceVar(&f.from, "from", []string{"prerouting", "output"}, "where packets are met first: prerouting, output, bridge, ingress")
	flags.StringVarP(&f.record, "write", "w", "", "record to a file that pktrail read tells again, on any machine")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be changed, and change nothing")
	flags.StringVar(&f.milestones, "milestones", "auto", "auto, or off: no chains between legacy tables; their steps may then be inferred")
	flags.BoolVar(&f.requireLegacy, "require-legacy", false, "refuse where the rules of legacy tables cannot be seen")
	flags.BoolVar(&f.foreign, "foreign", false, "also show packets that somebody else's rules trace")
	flags.BoolVar(&f.noOwner, "no-owner-flag", false, "")
	_ = flags.MarkHidden("no-owner-flag")
	return cmd
}

// maxSpaces is how many namespaces one trace follows: each has a receive buffer
// of up to 64 MiB and its own table.
const maxSpaces = 32

func (f *traceFlags) run(cmd *cobra.Command, m match.Match) error {
	opt, err := f.options(m)
	if err != nil {
		return err
	}
	spaces, err := openSpaces(f.netns)
	if err != nil {
		return err
	}
	defer closeSpaces(spaces)
	opt.Spaces = spaces
	if slices.Contains(f.netns, "all") {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d namespaces: each gets a table of ours and up to 64 MiB of receive buffer; every packet in them passes one more chain\n", len(spaces))
	}
	t, err := live.Prepare(opt)
	if err != nil {
		return err
	}
	if f.dryRun {
		return dryRun(cmd.OutOrStdout(), spaces, t)
	}
	return f.trace(cmd, t, m)
}

func (f *traceFlags) options(m match.Match) (live.Options, error) {
	opt := live.Options{Match: m, Unlimited: f.unlimited, RequireLegacy: f.requireLegacy, NoOwner: f.noOwner}
	rate, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSuffix(f.rate, "ec"), "/s"), 10, 32)
	if err != nil || rate == 0 {
		return opt, hint(fmt.Errorf("--rate %s: not a number of packets a second", f.rate), "for example --rate 500/s")
	}
	opt.Rate = rate
	switch f.milestones {
	case "auto":
	case "off":
		opt.NoMilestones = true
	default:
		return opt, hint(fmt.Errorf("--milestones %s: no such choice", f.milestones), "auto or off")
	}
	if f.count < 0 || f.duration < 0 {
		return opt, hint(errors.New("--count and --duration cannot be negative"), "leave them away for no end")
	}
	for _, from := range f.from {
		switch from {
		case "prerouting", "output", "ingress":
			opt.From = append(opt.From, ruleset.Hook(from))
		case "bridge":
			opt.Bridge = true
		default:
			return opt, hint(fmt.Errorf("--from %s: no such place", from), "prerouting, output, bridge or ingress; several with commas")
		}
	}
	return opt, nil
}

// openSpaces opens the namespaces that the user named, or the process's own.
func openSpaces(names []string) ([]*netns.NS, error) {
	if len(names) == 0 {
		ns, err := netns.Current()
		if err != nil {
			return nil, err
		}
		return []*netns.NS{ns}, nil
	}
	if slices.Contains(names, "all") {
		return allSpaces()
	}
	var spaces []*netns.NS
	for _, name := range names {
		ns, err := netns.Open(name)
		if err != nil {
			closeSpaces(spaces)
			return nil, hint(err, "`ip netns list` has the names; a container's is that of its process: --netns PID")
		}
		if slices.ContainsFunc(spaces, func(o *netns.NS) bool { return o.Inode == ns.Inode }) {
			_ = ns.Close()
			continue
		}
		spaces = append(spaces, ns)
	}
	return spaces, nil
}

func allSpaces() ([]*netns.NS, error) {
	spaces, err := netns.All()
	if err != nil {
		return nil, err
	}
	if len(spaces) > maxSpaces {
		closeSpaces(spaces)
		return nil, hint(fmt.Errorf("--netns all: %d namespaces, and one trace follows at most %d", len(spaces), maxSpaces),
			"name those that the packet crosses: --netns NAME --netns PID")
	}
	return spaces, nil
}

func closeSpaces(spaces []*netns.NS) {
	for _, ns := range spaces {
		_ = ns.Close()
	}
}

// trace arms, waits, prints, and takes everything back.
func (f *traceFlags) trace(cmd *cobra.Command, t *live.Trace, m match.Match) (err error) {
	s, err := f.story(cmd.OutOrStdout(), t.Many(), false)
	if err != nil {
		return err
	}
	recorder, closeRecord, err := f.openRecord(m)
	if err != nil {
		return err
	}
	t.Record(recorder)
	defer func() { err = errors.Join(err, closeRecord()) }()
	if err := t.Arm(); err != nil {
		if f.record != "" {
			err = errors.Join(err, os.Remove(f.record))
		}
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if w := sshWarning(&m, os.Getenv("SSH_CONNECTION")); w != "" {
		t.Warnings = append(t.Warnings, w)
	}
	for _, w := range t.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", w)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "tracing %s in %s; ^C ends it\n", m, t.Names())
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if f.duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	s.limit, s.match, s.wider, s.live, s.foreign = f.count, &m, t.Wider(), true, f.foreign
	s.first = t.Wait(ctx, func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) })
	return s.tell(ctx, t)
}

func (f *traceFlags) openRecord(m match.Match) (*source.Recorder, func() error, error) {
	if f.record == "" {
		return nil, func() error { return nil }, nil
	}
	file, err := os.OpenFile(f.record, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, nil, hint(fmt.Errorf("-w %s: there is such a file already", f.record), "choose another name; recordings are never overwritten")
	}
	if err != nil {
		return nil, nil, hint(fmt.Errorf("-w: %w", err), "name a file in a folder that is there and can be written to")
	}
	r, err := source.NewRecorder(file, source.StoryHeader{Program: version(), Started: time.Now(), Match: m.String()})
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return r, func() error { return errors.Join(r.Close(), file.Close()) }, nil
}
