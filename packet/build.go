package packet

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Build is the bytes of an IPv4 or IPv6 packet with correct lengths and
// checksums: TCP, UDP, ICMP or ICMPv6 with the header fields of p, any other
// protocol with the payload alone. It reads Family, Src, Dst, Proto, TTL (64
// where zero), TOS, ID, DontFragment, FlowLabel, the ports, TCP and ICMP; no
// options, extension headers or fragments. An ICMP error quotes what payload
// holds.
func Build(p *Packet, payload []byte) ([]byte, error) {
	if p.IsFragment() {
		return nil, fmt.Errorf("build packet: fragments are not built")
	}
	network, pseudo, err := p.networkHeader()
	if err != nil {
		return nil, err
	}
	transport, checksumAt := p.transportHeader(len(payload))
	size := len(transport) + len(payload)
	if len(network)+size > 0xffff {
		return nil, fmt.Errorf("build packet: %d bytes do not fit into one", len(network)+size)
	}
	if p.Family == IPv4 {
		binary.BigEndian.PutUint16(network[2:], uint16(ipv4Size+size))
		binary.BigEndian.PutUint16(network[10:], ^fold(sum(0, network)))
	} else {
		binary.BigEndian.PutUint16(network[4:], uint16(size))
	}
	if checksumAt > 0 {
		if p.Proto == ProtoICMP {
			pseudo = 0
		} else {
			pseudo += uint32(p.Proto) + uint32(size)
		}
		c := ^fold(sum(sum(pseudo, transport), payload))
		if c == 0 && p.Proto == ProtoUDP {
			c = 0xffff // RFC 768: zero would say that there is none
		}
		binary.BigEndian.PutUint16(transport[checksumAt:], c)
	}
	return slices.Concat(network, transport, payload), nil
}

// networkHeader is the header without length and checksum, and the sum of the
// addresses for the pseudo header.
func (p *Packet) networkHeader() ([]byte, uint32, error) {
	ttl := p.TTL
	if ttl == 0 {
		ttl = 64
	}
	switch {
	case p.Family == IPv4 && p.Src.Is4() && p.Dst.Is4():
		b := make([]byte, ipv4Size)
		b[0], b[1], b[8], b[9] = 0x45, p.TOS, ttl, p.Proto
		binary.BigEndian.PutUint16(b[4:], p.ID)
		binary.BigEndian.PutUint16(b[6:], p.fragField())
		copy(b[12:], p.Src.AsSlice())
		copy(b[16:], p.Dst.AsSlice())
		return b, sum(0, b[12:]), nil
	case p.Family == IPv6 && p.Src.Is6() && p.Dst.Is6():
		b := make([]byte, ipv6Size)
		binary.BigEndian.PutUint32(b, 6<<28|uint32(p.TOS)<<20|p.FlowLabel&0xfffff)
		b[6], b[7] = p.Proto, ttl
		copy(b[8:], p.Src.AsSlice())
		copy(b[24:], p.Dst.AsSlice())
		return b, sum(0, b[8:]), nil
	}
	return nil, 0, fmt.Errorf("build packet: no IPv4 or IPv6 packet from %s to %s of family %d", p.Src, p.Dst, p.Family)
}

// transportHeader is the header without checksum and where that belongs; 0 for
// a protocol that is not known here.
func (p *Packet) transportHeader(payload int) (header []byte, checksumAt int) {
	switch p.Proto {
	case ProtoTCP:
		b := make([]byte, tcpSize)
		p.putPorts(b)
		binary.BigEndian.PutUint32(b[4:], p.TCP.Seq)
		binary.BigEndian.PutUint32(b[8:], p.TCP.Ack)
		binary.BigEndian.PutUint16(b[12:], 5<<12|uint16(p.TCP.Flags&0x1ff))
		binary.BigEndian.PutUint16(b[14:], p.TCP.Window)
		return b, 16
	case ProtoUDP:
		b := make([]byte, udpSize)
		p.putPorts(b)
		binary.BigEndian.PutUint16(b[4:], uint16(udpSize+payload))
		return b, 6
	case ProtoICMP, ProtoICMPv6:
		b := make([]byte, icmpSize)
		b[0], b[1] = p.ICMP.Type, p.ICMP.Code
		binary.BigEndian.PutUint16(b[4:], p.ICMP.ID)
		binary.BigEndian.PutUint16(b[6:], p.ICMP.Seq)
		return b, 2
	}
	return nil, 0
}

func (p *Packet) putPorts(b []byte) {
	binary.BigEndian.PutUint16(b, p.SrcPort)
	binary.BigEndian.PutUint16(b[2:], p.DstPort)
}

// sum adds the 16-bit words of b; only the last b of a series may have an odd length.
func sum(acc uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		acc += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		acc += uint32(b[0]) << 8
	}
	return acc
}

func fold(acc uint32) uint16 {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}
