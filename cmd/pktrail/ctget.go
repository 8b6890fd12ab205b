package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/match"
)

// ctGetFlags is what `pktrail ct get` takes beside MATCH.
type ctGetFlags struct {
	ctOutput
	ctTuple
	reply   bool
	answers ctReply
}

func ctGetCommand(m match.Match) *cobra.Command {
	var f ctGetFlags
	cmd := &cobra.Command{
		Use:   "get MATCH [flags]",
		Short: "show the one entry of a tuple, with all that is known",
		Long: `Show one entry, which the kernel looks up by its whole tuple: protocol, both
addresses, and both ports, or of a query of ICMP its type and id. The tuple may be
that of the answers instead: with --reply, or in the flags that begin with --reply-.`,
		Example: `  sudo pktrail ct get -p tcp -s 10.1.0.2 -d 10.96.0.10 --sport 41234 --dport 80
  sudo pktrail ct get -p icmp -s 10.1.0.2 -d 8.8.8.8 --icmp-id 77 -o json
  sudo pktrail ct get -p udp --reply-src 8.8.8.8 --reply-dst 192.0.2.1 --reply-sport 53 --reply-dport 5353
  sudo pktrail ct get --reply -p udp -s 8.8.8.8 -d 192.0.2.1 --sport 53 --dport 5353`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.ctOutput.add(cmd, "wide, text, or json")
	f.format = "wide"
	flags := cmd.Flags()
	flags.Lookup("output").DefValue = "wide"
	f.ctTuple.add(cmd)
	flags.BoolVar(&f.reply, "reply", false, "MATCH is the tuple of answers, as they come in")
	f.answers.add(cmd)
	return cmd
}

// match is what MATCH says of the one tuple; of the answers where it is said in
// their flags.
func (f *ctGetFlags) match(m match.Match) (match.Match, error) {
	if !f.answers.given() {
		return m, f.checkZone()
	}
	if f.reply || m.Src.Given() || m.Dst.Given() || m.SrcPort.Given() || m.DstPort.Given() {
		return m, hint(errors.New("--reply-src and its like name the whole tuple of the answers, so that no other is needed"),
			"leave -s, -d, --sport, --dport and --reply away; pktrail ct list takes parts of both")
	}
	f.reply = true
	answers, err := f.answers.match(m)
	answers.ICMP = m.ICMP
	return answers, errors.Join(err, f.checkZone())
}

// checkZone: the kernel looks at the zone of the direction that is asked for.
func (f *ctGetFlags) checkZone() error {
	switch {
	case f.reply && f.origZone != "":
		return hint(errors.New("--orig-zone: the tuple is that of the answers"), "--reply-zone, or the tuple of the original direction")
	case !f.reply && f.replyZone != "":
		return hint(errors.New("--reply-zone: the tuple is that of the original direction"), "--orig-zone, or --reply and the tuple of the answers")
	}
	return nil
}

func (f *ctGetFlags) run(cmd *cobra.Command, m match.Match) error {
	if m.Mark != nil {
		return hint(errors.New("--mark: an entry is looked up by its tuple alone"), "leave --mark away, or use pktrail ct list")
	}
	m, err := f.match(m)
	if err != nil {
		return err
	}
	asked, err := f.flow(m, f.reply)
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
