package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// rulesListFlags is what `pktrail rules` takes.
type rulesListFlags struct {
	output
	rulesSource
	ip4, ip6              bool
	backend, table, chain string
	hook                  string
	counters, noCounters  bool
	stateless, handles    bool
}

func rulesCommand(m match.Match) *cobra.Command {
	var f rulesListFlags
	cmd := &cobra.Command{
		Use:   "rules [list]",
		Short: "the rules of every backend: list, find, watch",
		Long: `List the whole ruleset: legacy iptables, iptables-nft and nftables of all families,
read from the kernel itself, in the order in which packets meet it: by hook, then
by priority; behind each base chain the chains that its rules lead to, each once.
Before each rule stand its number and what its counter has seen.

--file takes the place of the host: output of iptables-save, arptables-save or
ebtables-save, text of nft or of nft -j, told by what is in it, gzip too; repeated,
all of them together.

-o save prints what iptables-save and ip6tables-save print, table by table, -o nft
what nft list ruleset prints. What the form has no words for is left out, and that
is said on standard error. Nothing is changed, no table or module appears by this.`,
		Example: `  sudo pktrail rules
  sudo pktrail rules --table nat --hook prerouting
  sudo pktrail rules --netns all --chain FORWARD
  sudo pktrail rules -o save --backend legacy -4 --counters
  sudo pktrail rules -o nft --stateless
  pktrail rules --file rules.save -o json`,
		Args: listOrVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.output.add(cmd)
	cmd.Flags().Lookup("output").Usage = "text, json for JSON lines, save as iptables-save, or nft as nft list ruleset"
	f.rulesSource.add(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&f.ip4, "ipv4", "4", false, "only tables of IPv4: family ip")
	flags.BoolVarP(&f.ip6, "ipv6", "6", false, "only tables of IPv6: family ip6")
	flags.StringVar(&f.backend, "backend", "", "only tables of this backend: legacy or nft")
	flags.StringVarP(&f.table, "table", "t", "", "only tables of this name: nat")
	flags.StringVar(&f.chain, "chain", "", "only this chain (not with -o save or -o nft)")
	flags.StringVar(&f.hook, "hook", "", "only what is reached from this hook: prerouting (not with -o save or -o nft)")
	flags.BoolVarP(&f.counters, "counters", "c", false, "with -o save: each rule's counters, as iptables-save -c")
	flags.BoolVar(&f.noCounters, "no-counters", false, "leave counters out of text and JSON")
	flags.BoolVarP(&f.stateless, "stateless", "s", false, "with -o nft: without counters and what else changes by itself, as nft -s")
	flags.BoolVarP(&f.handles, "handle", "a", false, "with -o nft: with handles, as nft -a")
	cmd.AddCommand(rulesFindCommand(m), rulesWatchCommand(), rulesGraphCommand(), rulesCheckCommand())
	return cmd
}

// listOrVerb takes the word list, which is what rules does without any.
func listOrVerb(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && args[0] == "list" {
		return noArgs(cmd, args[1:])
	}
	return noSuchVerb(cmd, args)
}

func (f *rulesListFlags) run(cmd *cobra.Command) error {
	s, err := f.selection()
	if err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	read, err := f.read(cmd.Context())
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
	for _, r := range read {
		if words := r.host.Missing(s); words != "" && !f.many() {
			r.host.Doubts = append(r.host.Doubts, words)
		}
		if err := f.print(cmd, out, r, s); err != nil {
			return printed(err)
		}
		if err := f.notes(cmd, out, r); err != nil {
			return printed(err)
		}
	}
	return printed(out.Flush())
}

const mostNotes = 10 // that are told on standard error

// notes says what is to be minded of rules: in JSON among the lines, else on
// standard error.
func (o *output) notes(cmd *cobra.Command, out *bufio.Writer, r *readRules) error {
	notes := r.host.Notes()
	for i, words := range notes {
		if r.many {
			words = "network namespace " + r.host.Name + ": " + words
		}
		switch {
		case o.format == "json":
			if err := render.NewJSON(out).Note(words); err != nil {
				return err
			}
		case i == mostNotes:
			fmt.Fprintf(cmd.ErrOrStderr(), "note: and %d more\n", len(notes)-i)
			return nil
		default:
			fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", words)
		}
	}
	return nil
}

func (f *rulesListFlags) check() error {
	document := f.format == "save" || f.format == "nft"
	switch {
	case !slices.Contains([]string{"text", "json", "save", "nft"}, f.format):
		return hint(fmt.Errorf("-o %s: no such output", f.format), "-o text, -o json, -o save or -o nft")
	case document && f.chain+f.hook != "":
		return hint(fmt.Errorf("-o %s prints whole tables", f.format), "leave --chain and --hook away, or use -o text")
	case f.counters && f.format != "save":
		return hint(errors.New("--counters goes with -o save"), "text and JSON have counters unless --no-counters is given")
	case f.noCounters && document:
		return hint(fmt.Errorf("--no-counters does not go with -o %s", f.format), "-o save is without them, unless --counters is given; -o nft --stateless is without")
	case (f.stateless || f.handles) && f.format != "nft":
		return hint(errors.New("--stateless and --handle go with -o nft"), "pktrail rules -o nft --stateless")
	case document && f.many():
		return hint(fmt.Errorf("-o %s is of one network namespace", f.format), "run it once for each --netns")
	}
	return nil
}

// selection is which part of the ruleset the flags mean.
func (f *rulesListFlags) selection() (*rules.Selection, error) {
	s := &rules.Selection{Table: f.table, Chain: f.chain, Hook: ruleset.Hook(f.hook), Backend: ruleset.Backend(f.backend)}
	if f.backend != "" && s.Backend != ruleset.Legacy && s.Backend != ruleset.NFT {
		return nil, hint(fmt.Errorf("--backend %s: no such backend", f.backend), "legacy or nft")
	}
	if f.hook != "" && !slices.Contains(hooks(), f.hook) {
		return nil, hint(fmt.Errorf("--hook %s: no such hook", f.hook), "%s", strings.Join(hooks(), ", "))
	}
	if f.ip4 {
		s.Families = append(s.Families, ruleset.IP)
	}
	if f.ip6 {
		s.Families = append(s.Families, ruleset.IP6)
	}
	return s, nil
}

func hooks() []string {
	return []string{"ingress", "prerouting", "input", "forward", "output", "postrouting", "egress"}
}

func (f *rulesListFlags) print(cmd *cobra.Command, out *bufio.Writer, r *readRules, s *rules.Selection) error {
	switch f.format {
	case "save":
		leftOut, err := r.host.WriteSave(out, s, f.counters)
		noteLeftOut(cmd.ErrOrStderr(), leftOut)
		return err
	case "nft":
		leftOut, err := r.host.WriteNFT(out, s, rules.NFTForm{Stateless: f.stateless, Handles: f.handles})
		noteLeftOut(cmd.ErrOrStderr(), leftOut)
		return err
	}
	l := s.Arrange(r.host.Spend(false))
	if !s.Partial() {
		l.Between(r.host.Calls)
	}
	view := render.RulesView{From: r.from, Counters: !f.noCounters}
	if f.format == "json" {
		return render.NewJSON(out).Rules(l, view)
	}
	look := f.look(cmd.OutOrStdout())
	look.Netns = f.many()
	return render.NewText(out, look).Rules(l, view)
}

// noteLeftOut says what another tool's form cannot hold.
func noteLeftOut(w io.Writer, leftOut []string) {
	for _, words := range leftOut {
		fmt.Fprintf(w, "note: left out: %s\n", words)
	}
}
