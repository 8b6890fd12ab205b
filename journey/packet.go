package journey

import (
	"fmt"
	"net"

	"github.com/pktrail/pktrail/packet"
)

// PacketOf is the JSON form of a decoded packet. What was not in reach of the
// decoder is absent; a zero that was read is there.
func PacketOf(p *packet.Packet) Packet {
	j := Packet{Family: familyName(p), Src: p.Src, Dst: p.Dst}
	if p.Has&packet.HasVLAN != 0 {
		j.VLAN = new(p.VLAN)
	}
	if p.Has&packet.HasIP != 0 {
		j.network(p)
	}
	if p.Has&packet.HasPorts != 0 {
		j.SrcPort, j.DstPort = new(p.SrcPort), new(p.DstPort)
	}
	if p.Has&packet.HasTCP != 0 {
		j.TCP = &TCP{Flags: p.TCP.Flags.String(), Seq: p.TCP.Seq, Ack: p.TCP.Ack}
	}
	if p.Has&packet.HasICMP != 0 {
		j.ICMP = icmpOf(p)
	}
	if p.Has&packet.HasARP != 0 {
		j.ARP = arpOf(p)
	}
	if p.Inner != nil {
		j.Inner = new(PacketOf(p.Inner))
	}
	return j
}

func (p *Packet) network(from *packet.Packet) {
	if from.Has&packet.HasProto != 0 {
		p.Proto = packet.ProtoName(from.Proto)
	} else {
		p.NextHeader = packet.ProtoName(from.NextHeader)
	}
	if from.Length != 0 {
		p.Length = new(int(from.Length))
	}
	p.TTL, p.TOS = new(from.TTL), new(from.TOS)
	switch from.Family {
	case packet.IPv4:
		p.IPID = new(from.ID)
	case packet.IPv6:
		p.FlowLabel = new(from.FlowLabel)
	}
	if from.IsFragment() {
		p.Fragment = &Fragment{Offset: int(from.FragOffset), More: from.MoreFragments}
	}
}

func icmpOf(p *packet.Packet) *ICMP {
	icmp := &ICMP{Type: p.ICMP.Type, Code: p.ICMP.Code, Name: packet.ICMPName(p.Proto, p.ICMP.Type)}
	if p.IsEcho() {
		icmp.ID, icmp.Seq = new(p.ICMP.ID), new(p.ICMP.Seq)
	}
	return icmp
}

func arpOf(p *packet.Packet) *ARP {
	arp := &ARP{
		Op:       p.ARPOp,
		SrcEther: net.HardwareAddr(p.ARPSrc[:]).String(),
		DstEther: net.HardwareAddr(p.ARPDst[:]).String(),
	}
	switch p.ARPOp {
	case 1:
		arp.Name = "request"
	case 2:
		arp.Name = "reply"
	}
	return arp
}

func familyName(p *packet.Packet) string {
	switch p.Family {
	case packet.IPv4:
		return "ipv4"
	case packet.IPv6:
		return "ipv6"
	case packet.ARP:
		return "arp"
	}
	if p.Has&packet.HasLink != 0 {
		return fmt.Sprintf("0x%04x", p.EtherType)
	}
	return "unknown"
}
