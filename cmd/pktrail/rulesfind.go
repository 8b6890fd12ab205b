package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/packet"
)

// rulesFindFlags is what `pktrail rules find` takes beside MATCH.
type rulesFindFlags struct {
	output
	rulesSource
	all bool
}

func rulesFindCommand(m match.Match) *cobra.Command {
	var f rulesFindFlags
	cmd := &cobra.Command{
		Use:   "find ADDRESS[:PORT[/PROTOCOL]] | MATCH",
		Short: "every rule that could match such packets, by meaning",
		Long: `Say which rules could match packets, by what rules mean and not by their text:
networks, ranges, negations, sets, maps of verdicts. The walk begins at the base
chains, in the order in which packets meet them, and goes through the jumps that
could match, too: below a jump stand the rules of its chain.

The packets are those to an address, port and protocol, or of MATCH in iptables'
own words: pktrail trace --help has an example. A rule "matches" where all of them
match, and "may match" where it depends on what was not said, or on what a packet
does not tell, such as a limit: behind "needs" stands what. Rules behind one that
certainly takes the packets are "not reached".

The addresses are those that the packets have as they come to a rule. Where a rule
may translate them, what to ask next is said.`,
		Example: `  sudo pktrail rules find 10.96.0.10:80/tcp
  sudo pktrail rules find [2001:db8::10]:443/tcp
  sudo pktrail rules find -s 10.1.0.0/16 -p udp --dport 53 -i eth0
  sudo pktrail rules find ! -s 10.0.0.0/8 -p tcp --syn --dport 22 -o json
  pktrail rules find 192.0.2.7 --file rules.save --all`,
		Args: findArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, m) },
	}
	f.output.add(cmd)
	f.rulesSource.add(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "rules in chains that no such packet comes to, too")
	return cmd
}

func findArgs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	_, err := targetWords(args[0], false)
	if err == nil {
		err = fmt.Errorf("%s: one address at a time", args[0])
	}
	return hint(err, "for example 10.96.0.10:80/tcp, or in MATCH: -d 10.96.0.10 -p tcp --dport 80")
}

// splitFind takes MATCH out of the arguments of find; an address for short is
// MATCH for its destination.
func splitFind(args []string) (match.Match, []string, error) {
	protocol := slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "-p") || strings.HasPrefix(a, "--proto")
	})
	var words []string
	for i, word := range args {
		target, err := targetWords(word, protocol)
		switch {
		case err == nil && (i == 0 || !takesValue(args[i-1])):
			words = append(words, target...)
		case word == "-f": // a fragment to iptables
			words = append(words, "--file")
		default:
			words = append(words, word)
		}
	}
	return match.Parse(words)
}

// takesValue reports whether the word is an option whose value follows, which
// is no address for short.
func takesValue(word string) bool {
	alone := []string{"--all", "--no-color", "-4", "-6", "--ipv4", "--ipv6", "--syn", "--both"}
	return strings.HasPrefix(word, "-") && !strings.Contains(word, "=") && !slices.Contains(alone, word)
}

// targetWords are ADDRESS, ADDRESS:PORT or ADDRESS:PORT/PROTOCOL as MATCH; a port
// alone is of TCP or UDP, unless -p says of which.
func targetWords(word string, protocol bool) ([]string, error) {
	rest, proto, hasProto := word, "", false
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		if _, err := strconv.Atoi(word[i+1:]); err != nil {
			rest, proto, hasProto = word[:i], word[i+1:], true
		}
	}
	addr, port := rest, ""
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && (strings.HasPrefix(rest, "[") || strings.Count(rest, ":") == 1) {
		addr, port = rest[:i], rest[i+1:]
	}
	addr = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
	if !isAddress(addr) {
		return nil, fmt.Errorf("%s: no address", word)
	}
	words := []string{"-d", addr}
	switch {
	case hasProto:
		words = append(words, "-p", proto)
	case port != "" && !protocol:
		words = append(words, "-p", "tcp,udp")
	}
	if port != "" {
		words = append(words, "--dport", port)
	}
	return words, nil
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	if err != nil {
		_, err = netip.ParsePrefix(s)
	}
	return err == nil
}

func (f *rulesFindFlags) run(cmd *cobra.Command, m match.Match) error {
	if m.String() == "" {
		return hint(errors.New("which packets? every rule could match some"), "say which: pktrail rules find 10.96.0.10:80/tcp, or in MATCH; pktrail rules lists all rules")
	}
	if m.Both {
		return hint(errors.New("--both: find looks for packets of one direction"), "leave it away, and ask for the replies: pktrail rules find %s", shown(m.Reverse()))
	}
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<16)
	printer, err := f.printer(cmd, out)
	if err != nil {
		return err
	}
	read, err := f.read(cmd.Context())
	if err != nil {
		return err
	}
	for _, r := range read {
		tables := r.host.Spend(true)
		view := f.view(r.from, &m)
		for _, q := range rules.Questions(&m) {
			if err := printer.Found(rules.Find(tables, &q, f.all), view); err != nil {
				return printed(err)
			}
		}
		if err := f.notes(cmd, out, r); err != nil {
			return printed(err)
		}
	}
	return printed(out.Flush())
}

func shown(m match.Match) string {
	m.Both = false
	return m.String()
}

// foundPrinter prints found rules.
type foundPrinter interface {
	Found(*rules.Found, render.FoundView) error
}

func (f *rulesFindFlags) printer(cmd *cobra.Command, out *bufio.Writer) (foundPrinter, error) {
	switch f.format {
	case "json":
		return render.NewJSON(out), nil
	case "text":
		look := f.look(cmd.OutOrStdout())
		look.Netns = f.many()
		return render.NewText(out, look), nil
	}
	return nil, f.unknown()
}

func (f *rulesFindFlags) view(from rules.Origin, m *match.Match) render.FoundView {
	v := render.FoundView{From: from}
	for _, name := range f.files {
		v.Where += " --file " + shellWord(name)
	}
	if len(f.netns) > 0 && from.Netns != nil && !f.many() {
		v.Where = " --netns " + shellWord(f.netns[0])
	}
	if len(m.Proto.Values) == 1 && !m.Proto.Not {
		v.Proto = packet.ProtoName(m.Proto.Values[0])
	}
	if p := m.DstPort; len(p.Values) == 1 && !p.Not && p.Values[0].Lo == p.Values[0].Hi {
		v.Port = strconv.Itoa(int(p.Values[0].Lo))
	}
	return v
}
