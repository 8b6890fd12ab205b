package packet

import "encoding/binary"

// The transport protocols that are told apart here.
const (
	ProtoICMP    = 1
	ProtoTCP     = 6
	ProtoUDP     = 17
	ProtoDCCP    = 33
	ProtoGRE     = 47
	ProtoESP     = 50
	ProtoAH      = 51
	ProtoICMPv6  = 58
	ProtoSCTP    = 132
	ProtoUDPLite = 136
)

const (
	tcpSize  = 20
	udpSize  = 8
	icmpSize = 8
)

// transport keeps the first bytes of b and reads them where they are a
// transport header. A header that names at byte at is cut short in b gives an
// error after what could be read.
func (p *Packet) transport(b []byte, at int) error {
	p.keep(b)
	if p.FragOffset != 0 || p.Has&HasProto == 0 {
		return nil
	}
	switch p.Proto {
	case ProtoTCP:
		return p.tcp(b, at)
	case ProtoUDP:
		return p.ports(b, "udp", at, udpSize)
	case ProtoUDPLite:
		return p.ports(b, "udplite", at, udpSize)
	case ProtoSCTP:
		return p.ports(b, "sctp", at, 12)
	case ProtoDCCP:
		return p.ports(b, "dccp", at, 12)
	case ProtoICMP:
		return p.icmp(b, "icmp", at)
	case ProtoICMPv6:
		return p.icmp(b, "icmpv6", at)
	}
	return nil
}

func (p *Packet) ports(b []byte, header string, at, size int) error {
	if len(b) >= 4 {
		p.SrcPort = binary.BigEndian.Uint16(b)
		p.DstPort = binary.BigEndian.Uint16(b[2:])
		p.Has |= HasPorts
	}
	if len(b) < size {
		return cut(header, at, len(b), size)
	}
	return nil
}

func (p *Packet) tcp(b []byte, at int) error {
	err := p.ports(b, "tcp", at, tcpSize)
	if len(b) >= 16 {
		p.TCP = TCP{
			Seq:    binary.BigEndian.Uint32(b[4:]),
			Ack:    binary.BigEndian.Uint32(b[8:]),
			Flags:  TCPFlags(binary.BigEndian.Uint16(b[12:]) & 0x1ff),
			Window: binary.BigEndian.Uint16(b[14:]),
		}
		p.Has |= HasTCP
	}
	return err
}

func (p *Packet) icmp(b []byte, header string, at int) error {
	if len(b) < icmpSize {
		return cut(header, at, len(b), icmpSize)
	}
	p.ICMP.Type, p.ICMP.Code = b[0], b[1]
	p.Has |= HasICMP
	if p.IsEcho() {
		p.ICMP.ID = binary.BigEndian.Uint16(b[4:])
		p.ICMP.Seq = binary.BigEndian.Uint16(b[6:])
	}
	return nil
}
