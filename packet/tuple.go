package packet

import "net/netip"

// Tuple is one direction of a flow, as conntrack tells flows apart. Type and
// Code are those of an ICMP or ICMPv6 message, ID that of an echo; ports are
// zero where the packet has none or is a fragment without them.
type Tuple struct {
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
	Proto            uint8
	Type, Code       uint8
	ID               uint16
}

// Tuple is the tuple of the packet itself. An ICMP error belongs to the flow of
// the packet that it quotes: p.Inner.Tuple().Reverse() has its direction.
func (p *Packet) Tuple() Tuple {
	t := Tuple{Src: p.Src, Dst: p.Dst, Proto: p.Proto, SrcPort: p.SrcPort, DstPort: p.DstPort}
	if p.Has&HasICMP != 0 {
		t.Type, t.Code, t.ID = p.ICMP.Type, p.ICMP.Code, p.ICMP.ID
	}
	return t
}

// Reverse is the tuple of the answer: ends exchanged, and a query's ICMP type
// turned into its reply's and back (net/netfilter/nf_conntrack_proto_icmp.c,
// nf_conntrack_proto_icmpv6.c: invmap). A type without counterpart stays.
func (t Tuple) Reverse() Tuple {
	t.Src, t.Dst = t.Dst, t.Src
	t.SrcPort, t.DstPort = t.DstPort, t.SrcPort
	switch t.Proto {
	case ProtoICMP:
		t.Type = reverseICMP(t.Type)
	case ProtoICMPv6:
		t.Type = reverseICMPv6(t.Type)
	}
	return t
}

func reverseICMP(typ uint8) uint8 {
	switch typ {
	case 0, 8: // echo
		return typ ^ 8
	case 13, 15, 17: // timestamp, information, address mask requests
		return typ + 1
	case 14, 16, 18:
		return typ - 1
	}
	return typ
}

func reverseICMPv6(typ uint8) uint8 {
	switch typ {
	case 128, 139: // echo, node information (RFC 4620) queries
		return typ + 1
	case 129, 140:
		return typ - 1
	}
	return typ
}
