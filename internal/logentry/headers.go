package logentry

import (
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// headers is the memory in which a packet is built.
type headers struct {
	packet   journey.LogPacket
	fragment journey.Fragment
	tcp      journey.LogTCP
	udp      journey.LogUDP
	icmp     journey.LogICMP
	arp      journey.LogARP
	flags    map[packet.TCPFlags]*string
	protos   [256]string
}

// of is the form in which headers are shown. It points into them.
func (m *headers) of(h *event.Headers) journey.LogPacket {
	p := journey.LogPacket{
		Family: journey.FamilyName(h.Family),
		Length: told(h, event.HasLength, &h.Length), TTL: told(h, event.HasTTL, &h.TTL), TOS: told(h, event.HasTOS, &h.TOS),
		IPID: told(h, event.HasID, &h.ID), FlowLabel: told(h, event.HasFlowLabel, &h.FlowLabel),
		CE: h.Has&event.HasCE != 0, DF: h.Has&event.HasDF != 0,
		SPI: told(h, event.HasSPI, &h.SPI), Incomplete: told(h, event.HasIncomplete, &h.Incomplete), Truncated: h.Has&event.HasTruncated != 0,
	}
	if h.Has&(event.HasAddrs|event.HasARPAddrs) != 0 {
		p.Src, p.Dst = h.Src, h.Dst
	}
	if h.Has&event.HasProto != 0 {
		p.Proto = m.proto(h.Proto)
	}
	if h.Has&event.HasPorts != 0 {
		p.SrcPort, p.DstPort = &h.SrcPort, &h.DstPort
	}
	if h.Has&event.HasOptions != 0 {
		p.IPOptions = h.Options
	}
	if h.Has&(event.HasFragment|event.HasMF) != 0 {
		m.fragment = journey.Fragment{Offset: int(h.FragOffset), More: h.Has&event.HasMF != 0}
		p.Fragment = &m.fragment
	}
	m.transport(&p, h)
	return p
}

func (m *headers) proto(number uint8) string {
	if m.protos[number] == "" {
		m.protos[number] = packet.ProtoName(number)
	}
	return m.protos[number]
}

func told[T any](h *event.Headers, bit event.HeaderHas, v *T) *T {
	if h.Has&bit == 0 {
		return nil
	}
	return v
}

const hasTCP = event.HasSeq | event.HasWindow | event.HasReserved | event.HasFlags | event.HasUrgent | event.HasTCPOptions

func (m *headers) transport(p *journey.LogPacket, h *event.Headers) {
	if h.Has&hasTCP != 0 {
		m.tcp = m.segment(h)
		p.TCP = &m.tcp
	}
	if h.Has&event.HasL4Length != 0 {
		m.udp = journey.LogUDP{Length: &h.L4Length}
		p.UDP = &m.udp
	}
	if h.Has&event.HasICMP != 0 {
		m.icmp = message(h)
		p.ICMP = &m.icmp
	}
	if h.Has&(event.HasARP|event.HasARPAddrs) != 0 {
		m.arp = arp(h)
		p.ARP = &m.arp
	}
}

func (m *headers) segment(h *event.Headers) journey.LogTCP {
	t := journey.LogTCP{
		Seq: told(h, event.HasSeq, &h.Seq), Ack: told(h, event.HasSeq, &h.Ack),
		Window: told(h, event.HasWindow, &h.Window), Reserved: told(h, event.HasReserved, &h.Reserved),
		Urgent: told(h, event.HasUrgent, &h.Urgent),
	}
	if h.Has&event.HasFlags != 0 {
		t.Flags = m.letters(h.Flags)
	}
	if h.Has&event.HasTCPOptions != 0 {
		t.Options = h.TCPOptions
	}
	return t
}

// letters are those of flags, of which there are at most 512.
func (m *headers) letters(f packet.TCPFlags) *string {
	s, ok := m.flags[f]
	if !ok {
		if m.flags == nil {
			m.flags = map[packet.TCPFlags]*string{}
		}
		s = new(f.String())
		m.flags[f] = s
	}
	return s
}

func message(h *event.Headers) journey.LogICMP {
	i := journey.LogICMP{
		Type: h.ICMPType, Code: told(h, event.HasICMPCode, &h.ICMPCode), Name: packet.ICMPName(h.Proto, h.ICMPType),
		ID: told(h, event.HasICMPID, &h.ICMPID), Seq: told(h, event.HasICMPSeq, &h.ICMPSeq),
		Parameter: told(h, event.HasParameter, &h.Parameter), MTU: told(h, event.HasMTU, &h.MTU),
	}
	if h.Has&event.HasGateway != 0 {
		i.Gateway = h.Gateway
	}
	return i
}

func arp(h *event.Headers) journey.LogARP {
	a := journey.LogARP{
		Hardware: told(h, event.HasARP, &h.ARPHType), Protocol: told(h, event.HasARP, &h.ARPPType), Op: told(h, event.HasARP, &h.ARPOp),
		SrcEther: (*journey.Ether)(told(h, event.HasARPAddrs, &h.ARPSrc)), DstEther: (*journey.Ether)(told(h, event.HasARPAddrs, &h.ARPDst)),
	}
	if h.Has&event.HasARP != 0 {
		a.Name = arpName(h.ARPOp)
	}
	return a
}

func arpName(op uint16) string {
	switch op {
	case 1:
		return "request"
	case 2:
		return "reply"
	}
	return ""
}
