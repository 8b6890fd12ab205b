package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/lab"
)

// labCommand is `pktrail lab`: the namespaces playground.
func labCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "small networks of namespaces to try packets, rules and pktrail in",
		Long: `Small networks of namespaces on this machine, joined by virtual links. They
touch nothing of the host but names in /run/netns, stay until "lab down", and
need root.`,
		Example: `  pktrail lab list
  sudo pktrail lab up router
  sudo pktrail lab shell router client -- ping -c 1 10.2.0.2
  sudo pktrail lab down router`,
		Args: noArgs,
	}
	cmd.AddCommand(labUpCommand(), labDownCommand(), labListCommand(), labShellCommand())
	return cmd
}

func labUpCommand() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "up TOPOLOGY",
		Short: "make a lab and leave it standing",
		Example: `  sudo pktrail lab up router
  sudo pktrail lab up node --as n1
  sudo pktrail lab up demo`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeTopologies,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := lab.Find(args[0])
			if err != nil {
				return err
			}
			l, err := lab.Up(cmd.Context(), t, lab.Options{Persistent: true, Prefix: as})
			if err != nil {
				return err
			}
			defer l.Release()
			return describeLab(cmd.OutOrStdout(), l)
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "name of the lab, so that a topology can stand more than once (default: the topology's)")
	return cmd
}

func describeLab(w io.Writer, l *lab.Lab) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "lab %s is up: %s\n", l.Prefix, l.Topology.Summary)
	for _, n := range l.Topology.Namespaces {
		name := l.Name(n.Name)
		for _, e := range l.Topology.Interfaces(n.Name) {
			fmt.Fprintf(tw, "  %s\t%s\t%s\n", name, e.Name, addresses(e, l.IPv6()))
			name = ""
		}
	}
	for _, s := range l.Missing() {
		fmt.Fprintf(tw, "rules left out: %s\n", s)
	}
	fmt.Fprintln(tw, "try:")
	for _, line := range l.Commands() {
		fmt.Fprintf(tw, "  %s\n", line)
	}
	return tw.Flush()
}

func addresses(e lab.End, ipv6 bool) string {
	var words []string
	for _, p := range e.Addrs {
		if ipv6 || p.Addr().Is4() {
			words = append(words, p.String())
		}
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, " ")
}

func labDownCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "down NAME",
		Short:             "take a lab away",
		Example:           `  sudo pktrail lab down router`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeStanding,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := lab.Get(args[0])
			if err != nil {
				return err
			}
			if err := s.Down(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "lab %s is gone\n", s.Prefix)
			return err
		},
	}
}

func labListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the topologies and the labs that stand",
		Example: `  pktrail lab list
  pktrail lab list -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			standing, unread, err := lab.List()
			if err != nil {
				return err
			}
			if unread > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d names in /run/netns cannot be looked into without root: which labs stand is not known\n", unread)
			}
			switch output {
			case "text":
				return listLabs(cmd.OutOrStdout(), standing, unread > 0)
			case "json":
				return listLabsJSON(cmd.OutOrStdout(), standing, unread > 0)
			}
			return hint(fmt.Errorf("-o %s: no such output", output), "-o text or -o json")
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func listLabs(w io.Writer, standing []lab.Standing, partly bool) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TOPOLOGY\tUP AS\tWHAT IT IS")
	for _, t := range lab.Topologies() {
		up := strings.Join(standingAs(t.Name, standing), " ")
		switch {
		case partly:
			up = strings.TrimSpace(up + " ?")
		case up == "":
			up = "-"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", t.Name, up, t.Summary)
	}
	return tw.Flush()
}

// labLine is a line of `lab list -o json`.
type labLine struct {
	Schema     string   `json:"schema"`
	Topology   string   `json:"topology"`
	Summary    string   `json:"summary"`
	Namespaces []string `json:"namespaces"`
	UpAs       []string `json:"up_as,omitzero"` // absent: not known
}

func listLabsJSON(w io.Writer, standing []lab.Standing, partly bool) error {
	enc := json.NewEncoder(w)
	for _, t := range lab.Topologies() {
		line := labLine{Schema: "pktrail/lab/v1", Topology: t.Name, Summary: t.Summary}
		if !partly {
			line.UpAs = standingAs(t.Name, standing)
		}
		for _, n := range t.Namespaces {
			line.Namespaces = append(line.Namespaces, n.Name)
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func standingAs(topology string, standing []lab.Standing) []string {
	names := []string{}
	for _, s := range standing {
		if s.Topology == topology {
			names = append(names, s.Prefix)
		}
	}
	return names
}

func labShellCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "shell NAME [NAMESPACE] [-- COMMAND...]",
		Short: "run a shell, or a command, inside a lab",
		Example: `  sudo pktrail lab shell router
  sudo pktrail lab shell router rt -- ip route
  sudo pktrail lab shell router client -- ping -c 1 10.2.0.2`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeStanding,
		RunE: func(cmd *cobra.Command, args []string) error {
			where, argv := args, []string(nil)
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				where, argv = args[:dash], args[dash:]
			}
			if len(where) < 1 || len(where) > 2 {
				return fmt.Errorf("want the name of a lab and at most one namespace, got %q: a command comes after --", where)
			}
			s, err := lab.Get(where[0])
			if err != nil {
				return err
			}
			return enterLab(cmd, s, where[1:], argv)
		},
	}
}

func enterLab(cmd *cobra.Command, s lab.Standing, namespace, argv []string) error {
	ns := ""
	if len(namespace) == 1 {
		ns = namespace[0]
	} else {
		t, err := lab.Find(s.Topology)
		if err != nil {
			return err
		}
		ns = t.Namespaces[0].Name
	}
	if !slices.Contains(s.Namespaces, ns) {
		return fmt.Errorf("lab %s has no namespace %q: it has %v; a command comes after --", s.Prefix, ns, s.Namespaces)
	}
	if len(argv) == 0 {
		argv = []string{userShell()}
		fmt.Fprintf(cmd.ErrOrStderr(), "inside %s; exit leaves it\n", s.Name(ns))
	}
	return s.Become(ns, argv, append(os.Environ(), "PKTRAIL_LAB="+s.Name(ns)))
}

func userShell() string {
	if sh := os.Getenv("SHELL"); sh != "" {
		return sh
	}
	return "/bin/sh"
}

func completeTopologies(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	if len(args) == 0 {
		for _, t := range lab.Topologies() {
			words = append(words, cobra.CompletionWithDesc(t.Name, t.Summary))
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeStanding completes the name of a lab, then that of a namespace.
func completeStanding(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	labs, _, err := lab.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var words []cobra.Completion
	for _, s := range labs {
		switch {
		case len(args) == 0:
			words = append(words, cobra.CompletionWithDesc(s.Prefix, "topology "+s.Topology))
		case len(args) == 1 && cmd.Name() == "shell" && s.Prefix == args[0]:
			words = append(words, s.Namespaces...)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
