package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/match"
)

// ctGetFlags is what `pktrail ct get` takes beside MATCH.
type ctGetFlags struct {
	ctOutput
	zone   string
	reply  bool
	icmpID int
}

func ctGetCommand(m match.Match) *cobra.Command {
	var f ctGetFlags
	cmd := &cobra.Command{
		Use:   "get MATCH [flags]",
		Short: "show the one entry of a tuple, with all that is known",
		Long: `Show one entry, which the kernel looks up by its whole tuple: protocol, both
addresses, and both ports, or of a query of ICMP its type and id.`,
		Example: `  sudo pktrail ct get -p tcp -s 10.1.0.2 -d 10.96.0.10 --sport 41234 --dport 80
  sudo pktrail ct get -p icmp -s 10.1.0.2 -d 8.8.8.8 --icmp-id 77 -o json
  sudo pktrail ct get --reply -p udp -s 8.8.8.8 -d 192.0.2.1 --sport 53 --dport 5353`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.add(cmd, "wide, text, or json")
	f.format = "wide"
	flags := cmd.Flags()
	flags.Lookup("output").DefValue = "wide"
	flags.StringVar(&f.zone, "zone", "", "in this zone, by number")
	flags.BoolVar(&f.reply, "reply", false, "MATCH is the tuple of answers, as they come in")
	flags.IntVar(&f.icmpID, "icmp-id", -1, "id of an ICMP query")
	return cmd
}

func (f *ctGetFlags) run(cmd *cobra.Command, m match.Match) error {
	if m.Mark != nil {
		return hint(errors.New("--mark: an entry is looked up by its tuple alone"), "leave --mark away, or use pktrail ct list")
	}
	asked, err := askedFor(m, f.zone, f.reply, f.icmpID)
	if err != nil {
		return err
	}
	l := lister{}
	if l.printer, l.out, err = f.printer(cmd.OutOrStdout()); err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	for _, t := range tables {
		got, err := t.Get(asked)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := l.flow(t, got); err != nil {
			return printed(err)
		}
	}
	if l.sum.Shown == 0 {
		return hint(fmt.Errorf("no entry has this tuple: %s", m), "the tuple is that of the original direction, before NAT, in zone 0 unless --zone says another; with --reply that of answers. pktrail ct list --both takes a part of it")
	}
	return printed(l.out.Flush())
}

// askedFor is the request for one entry.
func askedFor(m match.Match, zone string, reply bool, icmpID int) (*conntrack.Flow, error) {
	tuple, err := tupleOf(m, icmpID)
	if err != nil {
		return nil, err
	}
	f := &conntrack.Flow{Orig: tuple}
	if reply {
		f.Orig, f.Reply = conntrack.Tuple{}, tuple
	}
	number, err := parseZone(zone)
	if number != nil {
		f.Zone = *number
		f.Has |= conntrack.HasZone
	}
	return f, err
}
