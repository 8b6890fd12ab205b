package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack/ctnetlink"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/journey"
)

func ctCommand(m match.Match) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ct",
		Short: "the connection tracking table: list, watch, change it",
		Long: `List, watch and change the entries of the kernel's connection tracking table, and
read its counters.

MATCH is iptables' own words, as for pktrail trace: -p tcp, -s ADDR, --dport 80,
! -d 10.0.0.0/8. It is held against the packets of an entry's original direction
as they come in, before NAT; with --both against those of either direction.
--mark is the connection's mark (connmark), not a packet's: an entry has no other.

Nothing here makes a rule or switches a setting, or loads a module unless create
asks for a helper or NAT.`,
		Example: `  sudo pktrail ct list -p tcp --dport 443
  sudo pktrail ct watch --event destroy
  sudo pktrail ct delete -p udp -s 10.1.0.2 --dry-run`,
	}
	cmd.AddCommand(ctListCommand(m), ctGetCommand(m), ctWatchCommand(m), ctCreateCommand(m), ctUpdateCommand(m),
		ctDeleteCommand(m), ctFlushCommand(m), ctCountCommand(m), ctStatsCommand(m),
		ctTopCommand(m), ctWhoCommand(), ctStaleCommand(), ctExpectCommand(m))
	refuseEmptyIn(cmd)
	return cmd
}

// refuseEmptyIn makes every verb below refuse flags that say nothing.
func refuseEmptyIn(cmd *cobra.Command) {
	for _, verb := range cmd.Commands() {
		refuseEmptyIn(verb)
		run := verb.RunE
		if run == nil {
			continue
		}
		verb.RunE = func(cmd *cobra.Command, args []string) error {
			if err := refuseEmpty(cmd); err != nil {
				return err
			}
			return run(cmd, args)
		}
	}
}

// refuseEmpty refuses flags that were given and say nothing, such as of a variable
// of the shell that is not set: taken for not given, they would mean more entries.
func refuseEmpty(cmd *cobra.Command) error {
	for _, name := range wordFlags {
		if !cmd.Flags().Changed(name) {
			continue
		}
		if text := cmd.Flags().Lookup(name).Value.String(); text == "" || text == "[]" {
			return hint(fmt.Errorf("--%s: the value is empty", name), "give it one, or leave the flag away")
		}
	}
	return nil
}

// wordFlags are the flags of ct's verbs that take words.
var wordFlags = [...]string{
	"state", "status", "nat", "zone", "orig-zone", "reply-zone", "label", "reply-src", "reply-dst", "reply-sport", "reply-dport",
	"srckey", "dstkey", "reply-srckey", "reply-dstkey", "src-nat", "dst-nat", "helper", "event", "by", "netns", "output",
	"set-mark", "set-state", "set-status", "set-label", "set-helper",
}

// negatable are the flags whose value may begin with !, which MATCH would take for
// the negation of an option.
var negatable = [...]string{"--state", "--status", "--set-status", "--reply-src", "--reply-dst", "--reply-sport", "--reply-dport"}

// splitCT takes MATCH out of the arguments of a verb of ct. An entry has no
// interfaces, so that -o can only be the form of the output. Who and stale look at
// the whole table and have no MATCH.
func splitCT(args []string) (match.Match, []string, error) {
	verbs := 2
	if args[1] == "expect" && len(args) > 2 && !strings.HasPrefix(args[2], "-") {
		verbs = 3
	}
	words := slices.Clone(args[verbs:])
	for i := 0; i < len(words) && words[i] != "--"; i++ {
		word := words[i]
		switch {
		case word == "-o" && i+1 < len(words):
			words = slices.Replace(words, i, i+2, "--output="+words[i+1])
		case strings.HasPrefix(word, "-o") && len(word) > 2:
			words[i] = "--output=" + strings.TrimPrefix(word[2:], "=")
		case slices.Contains(negatable[:], word) && i+1 < len(words) && strings.HasPrefix(words[i+1], "!"):
			words = slices.Replace(words, i, i+2, word+"="+words[i+1])
		}
	}
	m, rest, err := match.Parse(words)
	if verb := args[1]; verb == "who" || verb == "stale" {
		if err != nil || m.String() == "" {
			return match.Match{}, args, nil
		}
		return m, nil, hint(fmt.Errorf("%s: ct %s looks at the whole table and takes no MATCH", m, verb), "leave it away; pktrail ct top and pktrail ct list take it")
	}
	return m, append(slices.Clone(args[:verbs]), rest...), err
}

// table is the connection tracking table of one namespace.
type table struct {
	*ctnetlink.Conn
	ns    *netns.NS
	shown *journey.Netns
}

// openTables opens the tables of the namespaces that the user named, or of the
// process's own.
func openTables(names []string) (tables []*table, err error) {
	spaces, err := tableSpaces(names)
	if err != nil {
		return nil, err
	}
	for i, ns := range spaces {
		t := &table{ns: ns, shown: &journey.Netns{Name: ns.Name, Inode: ns.Inode, Cookie: cookieText(ns.Cookie)}}
		err := ns.Do(func() (err error) {
			t.Conn, err = ctnetlink.Open(ctnetlink.Options{})
			return err
		})
		if err != nil {
			closeTables(tables)
			closeSpaces(spaces[i:])
			return nil, notLoaded(err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func cookieText(cookie uint64) string {
	if cookie == 0 {
		return ""
	}
	return fmt.Sprint(cookie)
}

func tableSpaces(names []string) ([]*netns.NS, error) {
	if slices.Contains(names, "all") {
		return netns.All()
	}
	return openSpaces(names)
}

func closeTables(tables []*table) {
	for _, t := range tables {
		_ = t.Close()
		_ = t.ns.Close()
	}
}

// notLoaded adds what to do where nothing is tracked at all.
func notLoaded(err error) error {
	if errors.Is(err, ctnetlink.ErrNotLoaded) {
		return hint(err, "nothing is tracked until a rule needs it, such as NAT or -m conntrack, or somebody runs: modprobe nf_conntrack_netlink")
	}
	return err
}

// inside is a command as it is run in the table's namespace.
func (t *table) inside(command string) string {
	pid, isPID := strings.CutPrefix(t.ns.Name, "pid ")
	switch {
	case isPID:
		return "nsenter -t " + pid + " -n " + command
	case strings.ContainsRune(t.ns.Name, '/'):
		return "nsenter --net=" + shellWord(t.ns.Name) + " " + command
	case unnamed(t.ns):
		return command
	}
	return "ip netns exec " + shellWord(t.ns.Name) + " " + command
}

// ctOutput is the flags of every verb of ct.
type ctOutput struct {
	output
	netns []string
}

func (o *ctOutput) add(cmd *cobra.Command, forms string) {
	o.output.add(cmd)
	cmd.Flags().Lookup("output").Usage = forms
	cmd.Flags().StringArrayVar(&o.netns, "netns", nil, "network namespace: a name of /run/netns, a path, a process id, or all (repeatable)")
}

func (o *ctOutput) many() bool { return len(o.netns) > 1 || slices.Contains(o.netns, "all") }

// printer makes the printer of flows for where the output goes.
func (o *ctOutput) printer(w io.Writer) (render.FlowPrinter, *bufio.Writer, error) {
	out := bufio.NewWriterSize(w, 1<<16)
	switch o.format {
	case "json":
		return render.NewJSON(out), out, nil
	case "text", "wide":
		look := o.look(w)
		look.Netns, look.Wide = o.many(), o.format == "wide"
		return render.NewText(out, look), out, nil
	}
	return nil, nil, hint(fmt.Errorf("-o %s: no such output here", o.format), "-o text, -o wide or -o json; for pktrail ct list -o save too")
}

// printed is what is left of an error of printing: a reader that goes away, as
// head does, is none.
func printed(err error) error {
	if gone(err) {
		return nil
	}
	return err
}
