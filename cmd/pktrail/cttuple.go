package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/packet"
)

// onlyTuple refuses what tells no single entry.
func onlyTuple(m match.Match) error {
	for _, r := range m.CannotJudge(match.Conntrack) {
		if r.Arg != "--mark" {
			return hint(fmt.Errorf("%s: %s", r.Arg, r.Why), "%s", r.Hint)
		}
	}
	if m.Both || m.AnyPort.Given() {
		return hint(errors.New("--both and --ports mean more than one entry"), "name the ports with --sport and --dport")
	}
	return nil
}

// ctTuple is the flags that say, beside MATCH, which tuple is meant.
type ctTuple struct {
	zone, origZone, replyZone string
	srcKey, dstKey            string
	icmpID                    int
}

func (f *ctTuple) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.zone, "zone", "", "in this zone, by number")
	flags.StringVar(&f.origZone, "orig-zone", "", "in this zone in the original direction alone")
	flags.StringVar(&f.replyZone, "reply-zone", "", "in this zone in the reply direction alone")
	flags.StringVar(&f.srcKey, "srckey", "", "GRE key of the source, PPTP's call id (default 0)")
	flags.StringVar(&f.dstKey, "dstkey", "", "GRE key of the destination (default 0)")
	flags.IntVar(&f.icmpID, "icmp-id", -1, "id of an ICMP query")
	withoutDefault(cmd, "icmp-id")
}

// withoutDefault keeps the value that stands for none out of the help.
func withoutDefault(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		cmd.Flags().Lookup(name).DefValue = "0"
	}
}

// flow is the request for the entry with the tuple, which is that of the answers
// with reply.
func (f *ctTuple) flow(m match.Match, reply bool) (*conntrack.Flow, error) {
	tuple, err := f.tuple(m)
	if err != nil {
		return nil, err
	}
	if (f.srcKey != "" || f.dstKey != "") && tuple.Proto != packet.ProtoGRE {
		return nil, hint(errors.New("--srckey and --dstkey are of GRE"), "add -p gre, or leave them away")
	}
	flow := &conntrack.Flow{Orig: tuple}
	if reply {
		flow.Orig, flow.Reply = conntrack.Tuple{}, tuple
	}
	return flow, f.setZone(flow)
}

// setZone: an entry lies in one zone, in both directions or in one
// (net/netfilter/nf_conntrack_netlink.c: ctnetlink_parse_tuple_zone).
func (f *ctTuple) setZone(flow *conntrack.Flow) error {
	given := 0
	for _, z := range [...]struct {
		option, text string
		set          func(uint16)
	}{
		{"--zone", f.zone, func(n uint16) { flow.Zone, flow.Has = n, flow.Has|conntrack.HasZone }},
		{"--orig-zone", f.origZone, func(n uint16) { flow.Orig.Zone, flow.Orig.Has = n, flow.Orig.Has|conntrack.HasTupleZone }},
		{"--reply-zone", f.replyZone, func(n uint16) { flow.Reply.Zone, flow.Reply.Has = n, flow.Reply.Has|conntrack.HasTupleZone }},
	} {
		n, err := parseZone(z.option, z.text)
		if err != nil {
			return err
		}
		if n != nil {
			given++
			z.set(*n)
		}
	}
	if given > 1 {
		return hint(errors.New("--zone, --orig-zone and --reply-zone exclude each other: an entry lies in one zone, both ways or one"), "give one of them")
	}
	return nil
}

// tuple is the one tuple that MATCH and the flags name.
func (f *ctTuple) tuple(m match.Match) (t conntrack.Tuple, err error) {
	if err := onlyTuple(m); err != nil {
		return t, err
	}
	if t.Proto, err = oneOf("-p", m.Proto, "for example -p tcp"); err != nil {
		return t, err
	}
	t.Has = conntrack.HasProto
	if t.Src, err = oneAddress("-s", m.Src); err != nil {
		return t, err
	}
	if t.Dst, err = oneAddress("-d", m.Dst); err != nil {
		return t, err
	}
	return t, f.transport(&t, m)
}

// oneOf is the one value that a part of MATCH must name.
func oneOf[T any](option string, s match.Set[T], example string) (v T, err error) {
	if s.Not || len(s.Values) != 1 {
		return v, hint(fmt.Errorf("%s: one value is needed to tell which entry", option), "%s; pktrail ct list takes less than the whole", example)
	}
	return s.Values[0], nil
}

func oneAddress(option string, s match.Set[netip.Prefix]) (netip.Addr, error) {
	prefix, err := oneOf(option, s, "for example "+option+" 10.1.0.2")
	if err == nil && !prefix.IsSingleIP() {
		err = hint(fmt.Errorf("%s %s: one address is needed to tell which entry", option, prefix), "pktrail ct list takes networks")
	}
	return prefix.Addr(), err
}

func onePort(option string, s match.Set[match.Range]) (uint16, error) {
	r, err := oneOf(option, s, "for example "+option+" 80")
	if err == nil && r.Lo != r.Hi {
		err = hint(fmt.Errorf("%s %s: one port is needed to tell which entry", option, r), "pktrail ct list takes ranges")
	}
	return r.Lo, err
}

// transport adds what tells apart entries between the same two addresses.
func (f *ctTuple) transport(t *conntrack.Tuple, m match.Match) (err error) {
	switch t.Proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoDCCP:
		t.Has |= conntrack.HasPorts
		if t.SrcPort, err = onePort("--sport", m.SrcPort); err == nil {
			t.DstPort, err = onePort("--dport", m.DstPort)
		}
		return err
	case packet.ProtoGRE:
		t.Has |= conntrack.HasPorts
		if t.SrcPort, err = greKey("--srckey", f.srcKey, 0); err == nil {
			t.DstPort, err = greKey("--dstkey", f.dstKey, 0)
		}
		return err
	case packet.ProtoICMP, packet.ProtoICMPv6:
		t.Has |= conntrack.HasICMP
		return icmpOf(t, m, f.icmpID)
	}
	return nil
}

// greKey is a key of GRE; only PPTP has others than 0.
func greKey(option, text string, otherwise uint16) (uint16, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, 0, 16)
	if err != nil {
		return 0, hint(fmt.Errorf("%s %s: no key", option, text), "a number from 0 to 65535, or 0x0 to 0xffff: PPTP's call id")
	}
	return uint16(n), nil
}

func icmpOf(t *conntrack.Tuple, m match.Match, id int) error {
	if id < 0 || id > 0xffff {
		return hint(errors.New("--icmp-id: the id of the query is needed to tell which entry"), "a number from 0 to 65535; pktrail ct list shows it")
	}
	t.ICMPID = uint16(id)
	t.ICMPType = 8
	if t.Proto == packet.ProtoICMPv6 {
		t.ICMPType = 128
	}
	if !m.ICMP.Given() {
		return nil
	}
	typ, err := oneOf("--icmp-type", m.ICMP, "for example --icmp-type echo-request")
	t.ICMPType, t.ICMPCode = typ.Type, typ.Code
	return err
}

// answering is the tuple of packets that answer where nothing is translated.
func answering(t conntrack.Tuple) conntrack.Tuple {
	p := packet.Tuple{Src: t.Src, Dst: t.Dst, SrcPort: t.SrcPort, DstPort: t.DstPort, Proto: t.Proto, Type: t.ICMPType}.Reverse()
	t.Src, t.Dst, t.SrcPort, t.DstPort, t.ICMPType = p.Src, p.Dst, p.SrcPort, p.DstPort, p.Type
	return t
}
