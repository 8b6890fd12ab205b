package logline

import (
	"encoding/binary"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

// Packet is the packet that a line tells of, as far as it tells. Its L4 is made
// of the line's words, with zero for what no line has (checksums) or this one
// lacks (TCP's numbers where the rule did not ask for them), so that the keys of
// one packet's lines are equal where the lines tell the same.
func Packet(l *event.LogLine) packet.Packet {
	p := packetOf(&l.Headers)
	link(&p, l)
	if l.Has&event.HasQuoted != 0 {
		if inner := packetOf(&l.Quoted); inner.Has != 0 {
			p.Inner = &inner
		}
		quote(&p, &l.Quoted)
	}
	return p
}

func packetOf(h *event.Headers) packet.Packet {
	p := packet.Packet{Family: h.Family, Src: h.Src, Dst: h.Dst, TOS: h.TOS, TTL: h.TTL, FlowLabel: h.FlowLabel, FragOffset: h.FragOffset}
	if h.Family == packet.ARP {
		p.ARPOp, p.ARPSrc, p.ARPDst = h.ARPOp, h.ARPSrc, h.ARPDst
		if h.Has&event.HasARPAddrs != 0 {
			p.Has |= packet.HasARP
		}
		return p
	}
	if h.Has&event.HasAddrs != 0 {
		p.Has |= packet.HasIP
	}
	p.ID = uint16(h.ID)
	if h.Length <= 0xffff {
		p.Length = uint16(h.Length)
	}
	p.DontFragment, p.MoreFragments = h.Has&event.HasDF != 0, h.Has&event.HasMF != 0
	if h.Has&event.HasProto != 0 {
		p.Proto, p.NextHeader = h.Proto, h.Proto
		p.Has |= packet.HasProto
		transport(&p, h)
	}
	return p
}

// link takes the Ethernet header from either of its two forms.
func link(p *packet.Packet, l *event.LogLine) {
	if l.Has&event.HasMACs != 0 {
		p.LinkSrc, p.LinkDst, p.EtherType = l.MACSrc, l.MACDst, l.MACProto
		p.Has |= packet.HasLink
		if l.Has&event.HasVLAN != 0 {
			p.VLAN = l.VLAN & 0xfff
			p.Has |= packet.HasVLAN
		}
		return
	}
	const header = 14
	if len(l.MAC) != header*3-1 {
		return
	}
	var b [header]byte
	for i := range b {
		b[i] = nibble(l.MAC[i*3])<<4 | nibble(l.MAC[i*3+1])
	}
	if p.Family != packet.Unspec && packet.FamilyOf(binary.BigEndian.Uint16(b[12:])) != p.Family {
		return // another link layer
	}
	p.LinkDst, p.LinkSrc, p.EtherType = [6]byte(b[:6]), [6]byte(b[6:12]), binary.BigEndian.Uint16(b[12:])
	p.Has |= packet.HasLink
}

func transport(p *packet.Packet, h *event.Headers) {
	if h.FragOffset != 0 {
		return
	}
	if h.Has&event.HasPorts != 0 {
		p.SrcPort, p.DstPort = h.SrcPort, h.DstPort
		p.Has |= packet.HasPorts
		binary.BigEndian.PutUint16(p.L4[0:], h.SrcPort)
		binary.BigEndian.PutUint16(p.L4[2:], h.DstPort)
		p.L4Len = 4
	}
	switch h.Proto {
	case packet.ProtoTCP:
		tcp(p, h)
	case packet.ProtoUDP, packet.ProtoUDPLite:
		if h.Has&event.HasL4Length != 0 {
			binary.BigEndian.PutUint16(p.L4[4:], h.L4Length)
			p.L4Len = 8
		}
	case packet.ProtoICMP, packet.ProtoICMPv6:
		icmp(p, h)
	case packet.ProtoESP, packet.ProtoAH:
		spi(p, h)
	}
}

// reservedAE is AccECN's flag where kernels before 6.15 print it: as a reserved bit.
const reservedAE = 0x04

func tcp(p *packet.Packet, h *event.Headers) {
	if h.Has&(event.HasPorts|event.HasFlags) != event.HasPorts|event.HasFlags {
		return
	}
	p.TCP = packet.TCP{Flags: h.Flags, Seq: h.Seq, Ack: h.Ack, Window: h.Window}
	if h.Reserved&reservedAE != 0 {
		p.TCP.Flags |= packet.AE
	}
	p.Has |= packet.HasTCP
	binary.BigEndian.PutUint32(p.L4[4:], h.Seq)
	binary.BigEndian.PutUint32(p.L4[8:], h.Ack)
	offset := uint16(5 + len(h.TCPOptions)/8)
	binary.BigEndian.PutUint16(p.L4[12:], offset<<12|uint16(h.Reserved&0x3c)<<6|uint16(h.Flags))
	binary.BigEndian.PutUint16(p.L4[14:], h.Window)
	binary.BigEndian.PutUint16(p.L4[18:], h.Urgent)
	p.L4Len = 20
}

func icmp(p *packet.Packet, h *event.Headers) {
	if h.Has&event.HasICMP == 0 {
		return
	}
	p.ICMP = packet.ICMP{Type: h.ICMPType, Code: h.ICMPCode, ID: h.ICMPID, Seq: h.ICMPSeq}
	p.Has |= packet.HasICMP
	p.L4[0], p.L4[1] = h.ICMPType, h.ICMPCode
	second := p.L4[4:8]
	switch {
	case h.Has&(event.HasICMPID|event.HasICMPSeq) != 0:
		binary.BigEndian.PutUint16(second, h.ICMPID)
		binary.BigEndian.PutUint16(second[2:], h.ICMPSeq)
	case h.Has&event.HasGateway != 0:
		copy(second, h.Gateway.AsSlice())
	case h.Has&event.HasMTU != 0:
		binary.BigEndian.PutUint32(second, h.MTU)
	case h.Has&event.HasParameter != 0 && h.Proto == packet.ProtoICMP:
		second[0] = uint8(h.Parameter)
	case h.Has&event.HasParameter != 0:
		binary.BigEndian.PutUint32(second, h.Parameter)
	}
	p.L4Len = 8
}

func spi(p *packet.Packet, h *event.Headers) {
	if h.Has&event.HasSPI == 0 {
		return
	}
	at := 0
	if h.Proto == packet.ProtoAH {
		at = 4 // behind next header, length and reserved bytes
	}
	binary.BigEndian.PutUint32(p.L4[at:], h.SPI)
	p.L4Len = uint8(at + 4)
}

// quote puts the beginning of the quoted header behind an ICMP error's own.
func quote(p *packet.Packet, h *event.Headers) {
	if p.Has&packet.HasICMP == 0 || p.L4Len != 8 || h.Has&event.HasAddrs == 0 {
		return
	}
	b := p.L4[8:]
	if h.Family == packet.IPv6 {
		binary.BigEndian.PutUint32(b, 6<<28|uint32(h.TOS)<<20|h.FlowLabel)
		if h.Length >= 40 {
			binary.BigEndian.PutUint16(b[4:], uint16(h.Length-40))
		}
		b[6], b[7] = h.Proto, h.TTL
		src := h.Src.As16()
		copy(b[8:], src[:])
	} else {
		b[0], b[1] = 4<<4|uint8(5+len(h.Options)/8), h.TOS
		binary.BigEndian.PutUint16(b[2:], uint16(h.Length))
		binary.BigEndian.PutUint16(b[4:], uint16(h.ID))
		binary.BigEndian.PutUint16(b[6:], fragments(h))
		b[8], b[9] = h.TTL, h.Proto
	}
	p.L4Len = 20
}

// fragments is the second half of an IPv4 header's second word.
func fragments(h *event.Headers) uint16 {
	f := h.FragOffset >> 3
	if h.Has&event.HasDF != 0 {
		f |= 0x4000
	}
	if h.Has&event.HasMF != 0 {
		f |= 0x2000
	}
	return f
}
