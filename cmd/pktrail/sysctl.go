package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/procsys"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/sysctl"
)

type sysctlFlags struct {
	output  output
	netns   []string
	changed bool
	set     string
	dryRun  bool
}

func sysctlCommand() *cobra.Command {
	var f sysctlFlags
	cmd := &cobra.Command{
		Use:   "sysctl [PATTERN]",
		Short: "conntrack, forwarding and bridge settings: value, default, meaning, where set",
		Long: `Show the kernel's settings that decide about packets: connection tracking,
forwarding, reverse path filter, bridges, neighbours. For each: its value here, the
kernel's default, and which file of sysctl.d sets it, or that the next restart
loses it. PATTERN is a part of a name or a glob, with dots or slashes; where it
names one setting in one namespace, all about it is told: what it is for, when to
change it, what to mind, what it costs.

Nothing is changed, unless --set says what: one setting, one value, now. What makes
it last over a restart is printed, not written.`,
		Example: `  pktrail sysctl
  pktrail sysctl nf_conntrack_max
  pktrail sysctl "net.ipv4.conf.*.rp_filter" --netns 4711
  pktrail sysctl --changed -o json
  sudo pktrail sysctl --set net.netfilter.nf_conntrack_tcp_be_liberal=1 --dry-run`,
		Args: atMostOnePattern,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, strings.Join(args, "")) },
	}
	f.output.add(cmd)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return hint(err, "pktrail sysctl --help lists the flags; --set KEY=VALUE sets one")
	})
	flags := cmd.Flags()
	flags.StringArrayVar(&f.netns, "netns", nil, "network namespace: a name of /run/netns, a path, a process id, or all (repeatable)")
	flags.BoolVar(&f.changed, "changed", false, "only settings that differ from the kernel's default")
	flags.StringVar(&f.set, "set", "", "set one setting now: `KEY=VALUE`")
	flags.BoolVar(&f.dryRun, "dry-run", false, "with --set: print what would be changed, and change nothing")
	return cmd
}

func atMostOnePattern(_ *cobra.Command, args []string) error {
	if len(args) < 2 {
		return nil
	}
	err := fmt.Errorf("%s: an argument too many", args[1])
	if args[1] == "=" || strings.Contains(args[0], "=") {
		return hint(err, "to set one: --set KEY=VALUE")
	}
	return hint(err, "one PATTERN; quote a glob, or the shell expands it")
}

func (f *sysctlFlags) run(cmd *cobra.Command, pattern string) error {
	if strings.Contains(pattern, "=") {
		return hint(fmt.Errorf("%s: a PATTERN has no =", pattern), "to set it: pktrail sysctl --set %s", pattern)
	}
	if err := sysctl.ParsePattern(pattern).Check(); err != nil {
		return hint(fmt.Errorf("%s: %w", pattern, err), "a glob has *, ? and [a-z]; a part of the name will do")
	}
	changing := cmd.Flags().Changed("set")
	switch {
	case changing && (pattern != "" || f.changed):
		return hint(errors.New("--set stands alone"), "pktrail sysctl --set %s", f.set)
	case f.dryRun && !changing:
		return hint(errors.New("--dry-run: there is nothing to change"), "it goes with --set KEY=VALUE")
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	printer, err := f.output.settings(cmd.OutOrStdout(), out)
	if err != nil {
		return err
	}
	spaces, err := openSpaces(f.netns)
	if err != nil {
		return err
	}
	defer closeSpaces(spaces)
	if changing {
		err = f.change(cmd.Context(), spaces, printer)
	} else {
		err = f.tell(cmd.Context(), spaces, pattern, printer)
	}
	if ferr := out.Flush(); err == nil && !gone(ferr) {
		err = ferr
	}
	return err
}

// settingsPrinter prints settings and a change of one.
type settingsPrinter interface {
	Sysctls(*sysctl.Report) error
	SysctlChange(*sysctl.Change) error
}

// settings makes the printer: how it looks goes by where it is shown.
func (o *output) settings(shown, w io.Writer) (settingsPrinter, error) {
	switch o.format {
	case "json":
		return render.NewJSON(w), nil
	case "text":
		return render.NewText(w, o.look(shown)), nil
	}
	return nil, o.unknown()
}

func (f *sysctlFlags) tell(ctx context.Context, spaces []*netns.NS, pattern string, printer settingsPrinter) error {
	want := sysctl.Want{Pattern: sysctl.ParsePattern(pattern), Changed: f.changed}
	found, absent := 0, []sysctl.Absent(nil)
	var reports []sysctl.Report
	for _, ns := range spaces {
		snap, err := collect.New(ns).Sysctls(ctx, "/")
		if err != nil {
			return err
		}
		r := sysctl.Tell(snap, want)
		r.Full = r.Full && len(spaces) == 1 // the same page for each namespace hides in what they differ
		found += len(r.Entries)
		absent = r.Absent
		reports = append(reports, r)
	}
	if found == 0 && pattern != "" && !f.changed {
		return noSetting(pattern, absent)
	}
	for i := range reports {
		if err := printer.Sysctls(&reports[i]); err != nil {
			return err
		}
	}
	return nil
}

// noSetting says why a pattern fits nothing that is here.
func noSetting(pattern string, absent []sysctl.Absent) error {
	if len(absent) > 0 {
		return hint(fmt.Errorf("%s: not here", absent[0].Name), "%s", absent[0].Why)
	}
	return hint(fmt.Errorf("%s: no setting that is described has such a name", pattern),
		"a part of the name will do; pktrail sysctl lists them all, sysctl -a every other")
}

// change sets one key in one namespace.
func (f *sysctlFlags) change(ctx context.Context, spaces []*netns.NS, printer settingsPrinter) error {
	if len(spaces) != 1 {
		return hint(fmt.Errorf("--set: %d network namespaces", len(spaces)), "one at a time: name it with --netns")
	}
	snap, err := collect.New(spaces[0]).Sysctls(ctx, "/")
	if err != nil {
		return err
	}
	c, err := sysctl.Plan(snap, f.set)
	var refused *sysctl.Refusal
	switch {
	case errors.As(err, &refused):
		return hint(err, "%s", refused.Hint)
	case err != nil:
		return err
	}
	if c.DryRun = f.dryRun; !f.dryRun {
		if c.New, err = procsys.Set(spaces[0], c.Path, c.Wanted); err != nil {
			return f.failed(err)
		}
	}
	return printer.SysctlChange(c)
}

func (f *sysctlFlags) failed(err error) error {
	if errors.Is(err, unix.EINVAL) {
		return hint(err, "the kernel does not take that value: pktrail sysctl %s says what it is for", strings.SplitN(f.set, "=", 2)[0])
	}
	return err
}
