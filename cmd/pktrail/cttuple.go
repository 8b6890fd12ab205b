package main

import (
	"errors"
	"fmt"
	"net/netip"

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

// tupleOf is the one tuple that MATCH names.
func tupleOf(m match.Match, icmpID int) (t conntrack.Tuple, err error) {
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
	return t, transport(&t, m, icmpID)
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
func transport(t *conntrack.Tuple, m match.Match, icmpID int) (err error) {
	switch t.Proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoSCTP, packet.ProtoDCCP:
		t.Has |= conntrack.HasPorts
		if t.SrcPort, err = onePort("--sport", m.SrcPort); err == nil {
			t.DstPort, err = onePort("--dport", m.DstPort)
		}
		return err
	case packet.ProtoGRE:
		t.Has |= conntrack.HasPorts // its keys, 0 but for PPTP
	case packet.ProtoICMP, packet.ProtoICMPv6:
		t.Has |= conntrack.HasICMP
		return icmpOf(t, m, icmpID)
	}
	return nil
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
