package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/flows"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// ctCreateFlags is what `pktrail ct create` takes beside MATCH.
type ctCreateFlags struct {
	ctOutput
	ctTuple
	replySrc, replyDst       string
	replySport, replyDport   int
	replySrcKey, replyDstKey string
	srcNAT, dstNAT           string
	timeout                  time.Duration
	state, status, helper    string
	origTag, replyTag        uint32
	labels                   []string
	dryRun                   bool
}

func ctCreateCommand(m match.Match) *cobra.Command {
	var f ctCreateFlags
	cmd := &cobra.Command{
		Use:   "create MATCH [flags]",
		Short: "make an entry",
		Long: `Make an entry for the tuple that MATCH names: -p, -s, -d, and --sport and --dport,
or for ICMP --icmp-id. Answers are expected from -d to -s, unless --reply-src and
its like say otherwise; --src-nat and --dst-nat make the kernel translate, and
need NAT to be on in the namespace.

An entry that is made so passes for one that packets made: its packets are not
NEW to any rule.`,
		Example: `  sudo pktrail ct create -p udp -s 10.1.0.2 -d 10.2.0.2 --sport 4000 --dport 53
  sudo pktrail ct create -p tcp -s 10.1.0.2 -d 192.0.2.7 --sport 40000 --dport 443 --state ESTABLISHED --status SEEN_REPLY,ASSURED --timeout 1h
  sudo pktrail ct create -p tcp -s 10.1.0.2 -d 192.0.2.7 --sport 40000 --dport 80 --state SYN_SENT --dst-nat 10.2.0.2:8080 --mark 0x1 --dry-run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, m) },
	}
	f.ctOutput.add(cmd, "text, wide, or json")
	flags := cmd.Flags()
	f.ctTuple.add(cmd)
	flags.StringVar(&f.replySrc, "reply-src", "", "address that answers come from (default -d)")
	flags.StringVar(&f.replyDst, "reply-dst", "", "address that answers go to (default -s)")
	flags.IntVar(&f.replySport, "reply-sport", -1, "port that answers come from (default --dport)")
	flags.IntVar(&f.replyDport, "reply-dport", -1, "port that answers go to (default --sport)")
	withoutDefault(cmd, "reply-sport", "reply-dport")
	flags.StringVar(&f.replySrcKey, "reply-srckey", "", "GRE key of the source of answers (default --dstkey)")
	flags.StringVar(&f.replyDstKey, "reply-dstkey", "", "GRE key of the destination of answers (default --srckey)")
	flags.StringVar(&f.srcNAT, "src-nat", "", "translate the source: ADDRESS, or ADDRESS:PORT")
	flags.StringVar(&f.dstNAT, "dst-nat", "", "translate the destination: ADDRESS, or ADDRESS:PORT")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "time until it goes if no packet comes, in whole seconds")
	flags.StringVar(&f.state, "state", "", "state of TCP or SCTP, such as ESTABLISHED")
	flags.StringVar(&f.status, "status", "", "bits of the status to set: SEEN_REPLY,ASSURED")
	flags.Uint32Var(&f.origTag, "orig-vtag", 0, "SCTP's verification tag of the original direction")
	flags.Uint32Var(&f.replyTag, "reply-vtag", 0, "SCTP's verification tag of the answers")
	flags.StringVar(&f.helper, "helper", "", "connection tracking helper, such as ftp")
	flags.StringSliceVar(&f.labels, "label", nil, "labels to set, by number or by name of /etc/xtables/connlabel.conf")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the entry, and make none")
	return cmd
}

func (f *ctCreateFlags) run(cmd *cobra.Command, m match.Match) error {
	flow, err := f.entry(m)
	if err != nil {
		return err
	}
	e := eventPrinter{change: journey.FlowCreated}
	if e.printer, e.out, err = f.printer(cmd.OutOrStdout()); err != nil {
		return err
	}
	tables, err := openTables(f.netns)
	if err != nil {
		return err
	}
	defer closeTables(tables)
	if len(tables) != 1 {
		return hint(errors.New("an entry is made in one namespace"), "name one with --netns")
	}
	t := tables[0]
	if f.dryRun {
		translate(flow)
		return printed(e.wouldMake(t, flow))
	}
	if err := t.Create(flow); err != nil {
		return refusedEntry(err)
	}
	made, err := t.Get(&conntrack.Flow{Orig: flow.Orig, Has: flow.Has & conntrack.HasZone, Zone: flow.Zone})
	if err != nil {
		return err
	}
	if !covers(&made.Labels, &flow.Labels) {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: the kernel took not all labels: %s\n", labelsNeed)
	}
	return printed(errors.Join(e.print(t, made), e.out.Flush()))
}

// wouldMake prints an entry that is not made.
func (e *eventPrinter) wouldMake(t *table, flow *conntrack.Flow) error {
	shown := e.maker.Flow(flow)
	shown.Netns = t.shown
	sum := &journey.FlowSummary{Shown: 1, Notes: []string{"nothing was made: this is only what would be"}}
	return errors.Join(e.printer.Flow(shown), e.printer.FlowSummary(sum), e.out.Flush())
}

// labelsNeed is what has to be for an entry to have labels
// (net/netfilter/nf_conntrack_labels.c: nf_connlabels_get).
const labelsNeed = "there is room for them only while a rule of the namespace uses labels, as -m connlabel or ct label does, and in entries that begin from then on"

func covers(has, wanted *conntrack.Labels) bool {
	for i := range wanted {
		if wanted[i]&^has[i] != 0 {
			return false
		}
	}
	return true
}

// refusedEntry adds what to try where the kernel did not take an entry.
func refusedEntry(err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return hint(err, "there is an entry with one of the two tuples already: pktrail ct get shows it, pktrail ct update changes it")
	case errors.Is(err, unix.EOPNOTSUPP):
		return hint(err, "the kernel lacks a module for it (helper, NAT), or does not let it be changed")
	case errors.Is(err, unix.EINVAL):
		return hint(err, "the kernel takes no such entry: see whether tuple, state and status fit the protocol")
	case errors.Is(err, unix.EBUSY):
		return hint(err, "bits of the status can be set but not taken away, and EXPECTED, CONFIRMED and DYING are the kernel's own")
	case errors.Is(err, unix.ENOSPC):
		return hint(err, labelsNeed)
	case errors.Is(err, unix.ENOMEM):
		return hint(err, "the table is full: pktrail ct count tells")
	}
	return err
}

// entry is what is to be made.
func (f *ctCreateFlags) entry(m match.Match) (*conntrack.Flow, error) {
	made, err := f.flow(m, false)
	if err != nil {
		return nil, err
	}
	made.Family = made.Orig.Family()
	for _, set := range []func(*conntrack.Flow) error{
		f.setReply, f.setNAT, f.setState,
		func(flow *conntrack.Flow) error { return setTimeout(flow, "--timeout", f.timeout) },
		func(flow *conntrack.Flow) error { return setStatus(flow, "--status", f.status) },
		func(flow *conntrack.Flow) error { return setLabels(flow, f.labels) },
		func(flow *conntrack.Flow) error { return setMark(flow, m.Mark) },
	} {
		if err := set(made); err != nil {
			return nil, err
		}
	}
	if f.helper != "" {
		made.Helper = f.helper
		made.Has |= conntrack.HasHelper
	}
	return made, nil
}

func (f *ctCreateFlags) setReply(flow *conntrack.Flow) error {
	zone := flow.Reply
	flow.Reply = answering(flow.Orig)
	flow.Reply.Zone, flow.Reply.Has = zone.Zone, flow.Reply.Has&^conntrack.HasTupleZone|zone.Has
	for _, end := range []struct {
		option, text string
		to           *netip.Addr
	}{{"--reply-src", f.replySrc, &flow.Reply.Src}, {"--reply-dst", f.replyDst, &flow.Reply.Dst}} {
		if end.text == "" {
			continue
		}
		a, err := netip.ParseAddr(end.text)
		if err != nil || a.Is4() != flow.Orig.Src.Is4() {
			return hint(fmt.Errorf("%s %s: no address of the entry's family", end.option, end.text), "for example %s %s", end.option, flow.Orig.Dst)
		}
		*end.to = a
	}
	for _, end := range []struct {
		option string
		port   int
		to     *uint16
	}{{"--reply-sport", f.replySport, &flow.Reply.SrcPort}, {"--reply-dport", f.replyDport, &flow.Reply.DstPort}} {
		switch {
		case end.port == -1:
		case end.port < 0 || end.port > 0xffff || flow.Orig.Has&conntrack.HasPorts == 0 || flow.Orig.Proto == packet.ProtoGRE:
			return hint(fmt.Errorf("%s %d: no port of this protocol", end.option, end.port), "a number from 0 to 65535, with -p tcp or udp")
		default:
			*end.to = uint16(end.port)
		}
	}
	return f.setReplyKeys(&flow.Reply)
}

func (f *ctCreateFlags) setReplyKeys(t *conntrack.Tuple) (err error) {
	switch {
	case f.replySrcKey+f.replyDstKey == "":
		return nil
	case t.Proto != packet.ProtoGRE:
		return hint(errors.New("--reply-srckey and --reply-dstkey are of GRE"), "add -p gre, or leave them away")
	}
	if t.SrcPort, err = greKey("--reply-srckey", f.replySrcKey, t.SrcPort); err == nil {
		t.DstPort, err = greKey("--reply-dstkey", f.replyDstKey, t.DstPort)
	}
	return err
}

func (f *ctCreateFlags) setNAT(flow *conntrack.Flow) error {
	for _, nat := range []struct {
		option, text string
		to           *conntrack.NATRange
		has          conntrack.Fields
	}{{"--src-nat", f.srcNAT, &flow.SrcNAT, conntrack.HasSrcNAT}, {"--dst-nat", f.dstNAT, &flow.DstNAT, conntrack.HasDstNAT}} {
		if nat.text == "" {
			continue
		}
		a, port, err := addressAndPort(nat.text)
		if err != nil || a.Is4() != flow.Orig.Src.Is4() {
			return hint(fmt.Errorf("%s %s: no address of the entry's family", nat.option, nat.text), "for example %s 192.0.2.1, 192.0.2.1:8080 or [2001:db8::1]:8080", nat.option)
		}
		*nat.to = conntrack.NATRange{Min: a, Max: a, MinPort: port, MaxPort: port}
		flow.Has |= nat.has
	}
	return nil
}

// translate gives answers the addresses and ports that NAT asks for, as the kernel
// does where they are free.
func translate(flow *conntrack.Flow) {
	for _, nat := range []struct {
		r    conntrack.NATRange
		addr *netip.Addr
		port *uint16
	}{{flow.SrcNAT, &flow.Reply.Dst, &flow.Reply.DstPort}, {flow.DstNAT, &flow.Reply.Src, &flow.Reply.SrcPort}} {
		if nat.r.Min.IsValid() {
			*nat.addr = nat.r.Min
		}
		if nat.r.MinPort != 0 {
			*nat.port = nat.r.MinPort
		}
	}
}

func addressAndPort(text string) (netip.Addr, uint16, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return a, 0, nil
	}
	ap, err := netip.ParseAddrPort(text)
	return ap.Addr(), ap.Port(), err
}

func (f *ctCreateFlags) setState(flow *conntrack.Flow) error {
	switch {
	case f.state != "":
		if err := flows.SetState(flow, flow.Orig.Proto, f.state); err != nil {
			return hint(fmt.Errorf("--state: %w", err), "%s", settable(flow.Orig.Proto))
		}
	case flow.Orig.Proto == packet.ProtoTCP:
		return hint(errors.New("--state is needed: a connection of TCP without one fits no packet"), "for example --state ESTABLISHED, or SYN_SENT")
	}
	if flow.Has&conntrack.HasSCTPState == 0 {
		if f.origTag|f.replyTag != 0 {
			return hint(errors.New("--orig-vtag and --reply-vtag go with a state of SCTP"), "add -p sctp --state ESTABLISHED")
		}
		return nil
	}
	flow.SCTP.TagOrig, flow.SCTP.TagReply = f.origTag, f.replyTag
	flow.Has |= conntrack.HasSCTPTagOrig | conntrack.HasSCTPTagReply
	return nil
}

// settable is the states that can be set in entries of a protocol.
func settable(proto uint8) string {
	if words := flows.StatesOf(proto); len(words) > 0 {
		return packet.ProtoName(proto) + " has " + strings.Join(words, ", ")
	}
	return "leave it away: only TCP and SCTP have states that can be set"
}

func setTimeout(flow *conntrack.Flow, option string, d time.Duration) error {
	seconds := d / time.Second
	if d < time.Second || d%time.Second != 0 || int64(seconds) > 1<<31-1 {
		return hint(fmt.Errorf("%s %v: no time for an entry", option, d), "whole seconds, one at least: 30s, 2h")
	}
	flow.Timeout = uint32(seconds)
	flow.Has |= conntrack.HasTimeout
	return nil
}

func setStatus(flow *conntrack.Flow, option, text string) error {
	if text == "" {
		return nil
	}
	bits, err := flows.ParseStatus(text)
	if err == nil && bits.Unset != 0 {
		err = errors.New("bits can be set but not taken away")
	}
	if err != nil {
		return hint(fmt.Errorf("%s: %w", option, err), "for example %s SEEN_REPLY,ASSURED", option)
	}
	flow.Status = bits.Set
	flow.Has |= conntrack.HasStatus
	return nil
}

func setLabels(flow *conntrack.Flow, words []string) error {
	labels, err := parseLabels(words)
	for _, n := range labels {
		flow.Labels.SetBit(n)
		flow.LabelsMask.SetBit(n)
		flow.Has |= conntrack.HasLabels
	}
	return err
}

// setMark sets the bits of the mask.
func setMark(flow *conntrack.Flow, mark *match.Mark) error {
	if mark == nil {
		return nil
	}
	if mark.Not {
		return hint(errors.New("! --mark: which mark to set cannot be negated"), "for example --mark 0x1")
	}
	if mark.Mask != 1<<32-1 {
		return hint(errors.New("--mark: a new entry has a whole mark, not some bits of one"), "leave the mask away")
	}
	flow.Mark = mark.Value
	flow.Has |= conntrack.HasMark
	return nil
}
