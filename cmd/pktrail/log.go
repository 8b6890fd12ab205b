package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/live"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// logFlags is what `pktrail log` takes beside MATCH.
type logFlags struct {
	output
	at            []string
	before, after bool
	limit         string
	burst         uint32
	unlimited     bool
	prefix        string
	count         int
	duration      time.Duration
	netns         []string
	legacy        bool
	dryRun        bool
	why           bool
	noOwner       bool
}

func logCommand(m match.Match) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "log [MATCH] [flags]",
		Short: "log packets at points of the ruleset, as a LOG rule does",
		Long: `Log the packets that MATCH names where --at says, one line each, and take the
rules away at the end, however it comes. No kernel log, no rsyslog and no rule of
anybody else is needed or touched.

MATCH is iptables' own words, as for pktrail trace; docs/match.md has them all.
Without MATCH every packet is logged.

--at takes one or several places, with commas or again:

  raw/PREROUTING, filter/FORWARD   a chain of iptables: its hook, and the priority
                                   that the kernel gives its table, whatever
                                   tables there are; IPv4 and IPv6
  prerouting, input, forward,      the beginning of a hook, before every other
  output, postrouting              chain; with --after its end
  forward:-150, input:filter       a hook and a priority, in nft's words
  inet/filter/input, filter/input  a base chain that the host has; without its
                                   family where that is clear
  all                              the beginning of every hook: one glance shows
                                   how far packets come. This is the default.

Of chains of equal priority the one made last runs first, so the rules
stand one priority before the place (--before, the default) or behind it
(--after): what --after does not show, the chains there have dropped or taken.

--explain logs nothing: it says why LOG and TRACE rules that the host has show
nothing in its own logs, and what to try.

With --legacy a rule of iptables-legacy is put at the head of the chain, or with
--after at its end: --at TABLE/CHAIN, chains of users too. It carries our name in
a comment, and a guardian process removes it should this one be killed.`,
		Example: `  sudo pktrail log -p icmp -s 8.8.8.8/32
  sudo pktrail log -p icmp -s 8.8.8.8/32 --at raw/PREROUTING --limit 500/minute --prefix "raw pre: "
  sudo pktrail log -p tcp --dport 443 --at filter/FORWARD --after --count 10
  sudo pktrail log -p udp --at inet/filter/input,nat/POSTROUTING --duration 30s -o json
  sudo pktrail log -d 172.17.0.2 --at filter/DOCKER-USER --legacy
  sudo pktrail log -p tcp --syn --dry-run
  sudo pktrail log --explain`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.add(cmd)
	return cmd
}

func (f *logFlags) add(cmd *cobra.Command) {
	f.output.add(cmd)
	flags := cmd.Flags()
	flags.Lookup("output").Usage = "text, json for JSON lines, or csv for one record a packet"
	flags.StringSliceVar(&f.at, "at", []string{arm.AllPoints}, "where to log: TABLE/CHAIN, HOOK, HOOK:PRIORITY, FAMILY/TABLE/CHAIN, all (repeatable)")
	flags.BoolVar(&f.before, "before", false, "before the chains at that place (the default)")
	flags.BoolVar(&f.after, "after", false, "behind the chains at that place")
	flags.StringVar(&f.limit, "limit", "", "log at most so many packets, over all points and namespaces: 500/minute, 10/s, 3/hour (default 100/second)")
	flags.Uint32Var(&f.burst, "limit-burst", 0, "so many may come at once before the limit holds (default 5 with --limit, as in iptables, else 100)")
	flags.BoolVar(&f.unlimited, "unlimited", false, "no limit: each logged packet costs the host some microseconds")
	flags.StringVar(&f.prefix, "prefix", "", "what to put before each packet (default the name of the point and a colon)")
	flags.IntVar(&f.count, "count", 0, "end after so many lines; a packet has one at each point that it comes to")
	flags.DurationVar(&f.duration, "duration", 0, "end after so long: 30s, 5m")
	flags.StringArrayVar(&f.netns, "netns", nil, "network namespace: a name of /run/netns, a path, a process id, or all (repeatable)")
	flags.BoolVar(&f.legacy, "legacy", false, "put rules into tables of iptables-legacy that are there, in place of a table of our own")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be changed, and change nothing")
	flags.BoolVar(&f.why, "explain", false, "say why packets of the host's own LOG and TRACE rules do not show, and log nothing")
	flags.BoolVar(&f.noOwner, "no-owner-flag", false, "")
	_ = flags.MarkHidden("no-owner-flag")
	_ = cmd.RegisterFlagCompletionFunc("at", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return usualPoints(), cobra.ShellCompDirectiveNoFileComp
	})
}

// usualPoints is what a shell offers behind --at.
func usualPoints() []string {
	points := []string{arm.AllPoints, "prerouting", "input", "forward", "output", "postrouting"}
	for _, table := range []string{"raw", "mangle", "nat", "filter", "security"} {
		for _, c := range xt.BuiltinChains(table) {
			points = append(points, table+"/"+c.Name)
		}
	}
	return points
}

// contradiction refuses flags that exclude each other.
func contradiction(cmd *cobra.Command) error {
	pairs := [][2]string{{"before", "after"}, {"limit", "unlimited"}, {"limit-burst", "unlimited"}}
	for _, other := range []string{"at", "before", "after", "limit", "limit-burst", "unlimited", "prefix", "count", "duration", "legacy", "dry-run"} {
		pairs = append(pairs, [2]string{"explain", other})
	}
	for _, p := range pairs {
		if cmd.Flags().Changed(p[0]) && cmd.Flags().Changed(p[1]) {
			return hint(fmt.Errorf("--%s and --%s exclude each other", p[0], p[1]), "give one of them")
		}
	}
	return nil
}

func (f *logFlags) run(cmd *cobra.Command, m match.Match) error {
	if err := contradiction(cmd); err != nil {
		return err
	}
	if f.why {
		if m.String() != "" {
			return hint(fmt.Errorf("--explain: %s was given too, and all rules that log are looked at", m), "leave MATCH away")
		}
		return explainLogging(cmd, f.netns, &f.output)
	}
	opt, err := f.options(cmd, m)
	if err != nil {
		return err
	}
	p, err := f.printer(cmd.OutOrStdout(), cmd.ErrOrStderr())
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
		fmt.Fprintf(cmd.ErrOrStderr(), "%d namespaces: each gets rules of ours and up to 64 MiB of receive buffer\n", len(spaces))
	}
	logs, err := live.PrepareLogs(opt)
	if err != nil {
		return err
	}
	if f.dryRun {
		return f.show(cmd.OutOrStdout(), logs)
	}
	return f.log(cmd, logs, m, p)
}

func (f *logFlags) options(cmd *cobra.Command, m match.Match) (live.LogOptions, error) {
	opt := live.LogOptions{Match: m, At: f.at, Unlimited: f.unlimited, Legacy: f.legacy, NoOwner: f.noOwner}
	if f.after {
		opt.Side = arm.After
	}
	if err := checkPrefix(f.prefix); err != nil {
		return opt, err
	}
	if f.count < 0 || f.duration < 0 {
		return opt, hint(errors.New("--count and --duration cannot be negative"), "leave them away for no end")
	}
	if len(f.at) == 0 {
		return opt, hint(errors.New("--at: no place given"), "--at all, or leave it away, logs at every hook")
	}
	return opt, f.setRate(cmd, &opt)
}

// setRate takes what --limit and --limit-burst say; without them the rate is live's own.
func (f *logFlags) setRate(cmd *cobra.Command, opt *live.LogOptions) error {
	given := cmd.Flags().Changed("limit-burst")
	switch {
	case given && f.burst == 0:
		return hint(errors.New("--limit-burst 0: nothing would be logged"), "at least 1")
	case f.limit == "" && !given:
		return nil
	}
	opt.Rate = arm.Rate{Packets: live.DefaultRate, Per: time.Second, Burst: f.burst}
	if f.limit != "" {
		rate, err := arm.ParseRate(f.limit)
		if err != nil {
			return hint(fmt.Errorf("--limit: %w", err), "for example --limit 500/minute, --limit 10/s")
		}
		opt.Rate = rate
	}
	if given {
		opt.Rate.Burst = f.burst
	}
	return nil
}

// checkPrefix holds a prefix to what the kernel's own could be.
func checkPrefix(prefix string) error {
	switch {
	case len(prefix) > nftexpr.MaxPrefix:
		return hint(fmt.Errorf("--prefix: %d bytes, and the kernel's prefixes have at most %d", len(prefix), nftexpr.MaxPrefix), "shorten it")
	case !utf8.ValidString(prefix) || strings.ContainsFunc(prefix, unicode.IsControl):
		return hint(fmt.Errorf("--prefix %q: control characters", prefix), "take letters, digits, blanks and signs")
	}
	return nil
}

// log arms, waits, prints, and takes everything back.
func (f *logFlags) log(cmd *cobra.Command, logs *live.Logs, m match.Match, p *logPrinter) (err error) {
	if err := logs.Arm(); err != nil {
		return refused(err)
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	if w := sshWarning(&m, os.Getenv("SSH_CONNECTION")); w != "" {
		logs.Warnings = append(logs.Warnings, strings.Replace(w, "is traced in turn", "is logged in turn", 1))
	}
	f.say(cmd.ErrOrStderr(), logs, m)
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if f.duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	p.logs, p.limit, p.enough = logs, f.count, cancel
	p.first = logs.Wait(ctx, func(text string) { fmt.Fprintln(cmd.ErrOrStderr(), text) })
	return p.print(ctx)
}

// refused adds what to try where iptables refused a rule.
func refused(err error) error {
	var rule *arm.RuleError
	switch {
	case !errors.As(err, &rule):
		return err
	case rule.Busy():
		return hint(err, "another program writes rules; try again when it has ended, or leave --legacy away")
	}
	return hint(err, "`iptables-legacy -t %s -S` lists the chains; where the chain is there, the kernel refuses a part of MATCH in it", rule.Table)
}

// say is what stands on standard error before the first packet.
func (f *logFlags) say(w io.Writer, logs *live.Logs, m match.Match) {
	for _, note := range append(logs.Warnings, f.natNotes(logs)...) {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	made := "a table of its own"
	if f.legacy {
		made = "rules in legacy tables"
	}
	for _, p := range logs.Plans() {
		fmt.Fprintf(w, "logging %s in %s at %s: %s, named %s, NFLOG group %d; ^C ends it\n", matchWords(m), p.Netns, pointWords(p), made, p.Name, p.Group)
	}
}

func matchWords(m match.Match) string {
	if text := m.String(); text != "" {
		return text
	}
	return "every packet"
}

func pointWords(p live.LogPlan) string {
	names := make([]string, len(p.Points))
	for i, pt := range p.Points {
		names[i] = pt.Name
	}
	return strings.Join(names, ", ")
}

// natNotes says what differs at nat: a table of ours is no nat table.
func (f *logFlags) natNotes(logs *live.Logs) []string {
	for _, pt := range logs.Plans()[0].Points {
		switch {
		case pt.NAT && f.legacy:
			return []string{pt.Name + ": the kernel asks a nat table for the first packet of a flow only, so only that is logged"}
		case pt.NAT:
			return []string{pt.Name + ": our chain sees every packet there, a rule in nat only the first of a flow"}
		}
	}
	return nil
}

// show prints what would be made, in the words of nft and iptables.
func (f *logFlags) show(w io.Writer, logs *live.Logs) error {
	for _, p := range logs.Plans() {
		fmt.Fprintf(w, "# in namespace %s; NFLOG group %d, or another that is free, is listened to before the rules are made\n", p.Netns, p.Group)
		fmt.Fprintf(w, "# kernel modules it stands on, loaded where they are not yet and not built in: %s\n", strings.Join(p.Modules, ", "))
		for i, pt := range p.Points {
			fmt.Fprintf(w, "# point %d, %s: %s\n", i+1, pt.Name, pt.Place())
		}
		if f.legacy {
			fmt.Fprintln(w, "# removed at the end; a guardian process removes them should this one be killed")
			for _, line := range p.LegacyCommands() {
				fmt.Fprintln(w, line)
			}
			continue
		}
		fmt.Fprintln(w, "# the kernel removes the table when pktrail ends, however it ends")
		fmt.Fprint(w, p.Text())
	}
	for _, note := range append(logs.Warnings, f.natNotes(logs)...) {
		fmt.Fprintf(w, "# note: %s\n", note)
	}
	fmt.Fprintln(w, "# cost to packets that do not match: each chain that they pass costs some hundredths of the rate of small packets; a packet that is logged, some microseconds")
	if !f.legacy {
		fmt.Fprintln(w, "# while it runs, `nft -f` of a saved `nft list ruleset` fails as a whole if the table above is in the saved text: nobody but its owner may write it")
	}
	return nil
}
