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

func (j *Packet) network(p *packet.Packet) {
	if p.Has&packet.HasProto != 0 {
		j.Proto = packet.ProtoName(p.Proto)
	} else {
		j.NextHeader = packet.ProtoName(p.NextHeader)
	}
	if p.Length != 0 {
		j.Length = new(int(p.Length))
	}
	j.TTL, j.TOS = new(p.TTL), new(p.TOS)
	switch p.Family {
	case packet.IPv4:
		j.IPID = new(p.ID)
	case packet.IPv6:
		j.FlowLabel = new(p.FlowLabel)
	}
	if p.IsFragment() {
		j.Fragment = &Fragment{Offset: int(p.FragOffset), More: p.MoreFragments}
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
