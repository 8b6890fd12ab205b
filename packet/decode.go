package packet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Error says where the bytes of a packet stopped making sense. What stands
// before that place was decoded.
type Error struct {
	Header string // the header that could not be read: "ipv4", "tcp", "ethernet"
	Offset int    // of that header, in bytes from the start of the slice that holds it
	Why    string
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s header at byte %d: %s", e.Header, e.Offset, e.Why)
}

func cut(header string, offset, have, want int) error {
	return &Error{header, offset, fmt.Sprintf("cut after %d of %d bytes", have, want)}
}

// Decode reads a packet from its network and transport headers as nf_tables'
// trace events carry them (net/netfilter/nf_tables_trace.c:
// nf_trace_fill_pkt_info): at most 40 and 20 bytes, either of them cut or
// empty. With Unspec the family is read from the first byte.
//
// The trace carries only the fixed header of an IPv6 packet. Where that names
// an extension header, transport is what follows the last one but nothing says
// which protocol that is: Proto is then the extension header's number, HasProto
// is not set, and transport is kept in L4 without being read. Of an IPv6
// fragment that is not the first the kernel hands out no network header and the
// first half of it as transport: the result is an error and what the half holds.
//
// Where an error is returned, the packet holds what was read before it.
func Decode(f Family, network, transport []byte) (Packet, error) {
	var p Packet
	p.Family = f
	if isLaterFragment(f, network, transport) {
		p.Family = IPv6
		p.ipv6Start(transport)
		return p, &Error{"ipv6", 0, "a fragment that is not the first, of which the kernel hands out no addresses"}
	}
	if f == Unspec {
		p.Family = familyOfVersion(network)
	}
	switch p.Family {
	case IPv4:
		size, err := p.ipv4(network)
		if err != nil {
			return p, err
		}
		at := 0
		if len(transport) == 0 && size < len(network) {
			// Without a known transport offset the kernel copies on into the network slice.
			transport, at = network[size:], size
		}
		return p, p.transport(p.clip(transport, size), at)
	case IPv6:
		if err := p.ipv6(network); err != nil {
			return p, err
		}
		if isExtension(p.NextHeader) {
			p.keep(transport)
			return p, nil
		}
		p.Has |= HasProto
		return p, p.transport(p.clip(transport, ipv6Size), 0)
	case ARP:
		return p, p.arp(network)
	}
	return p, &Error{"network", 0, fmt.Sprintf("family %d is neither IPv4, IPv6 nor ARP", f)}
}

// DecodeIP reads an IPv4 or IPv6 packet from its network header on, as
// nfnetlink_log's payload carries it. The payload may be shorter than the
// packet. Where an error is returned, the packet holds what was read before it.
func DecodeIP(data []byte) (Packet, error) { return decodeIP(data, true) }

func decodeIP(data []byte, quotes bool) (Packet, error) {
	var p Packet
	var at int
	var err error
	p.Family = familyOfVersion(data)
	switch p.Family {
	case IPv4:
		at, err = p.ipv4(data)
	case IPv6:
		if err = p.ipv6(data); err == nil {
			at, err = p.extensions(data)
		}
	default:
		return p, &Error{"network", 0, "no IP version 4 or 6 in the first byte"}
	}
	if err != nil {
		return p, err
	}
	if at > len(data) {
		return p, cut("ipv4 options", ipv4Size, len(data)-ipv4Size, at-ipv4Size)
	}
	l4 := p.clip(data[at:], at)
	if err := p.transport(l4, at); err != nil {
		return p, err
	}
	if quotes && p.IsICMPError() && len(l4) > icmpSize {
		p.quoted(l4[icmpSize:])
	}
	return p, nil
}

// isLaterFragment knows the IPv6 fragments for which ipv6_find_hdr leaves the
// transport offset at zero, so that transport begins with the network header.
func isLaterFragment(f Family, network, transport []byte) bool {
	return (f == IPv6 || f == Unspec) && len(network) == 0 &&
		len(transport) >= 8 && transport[0]>>4 == 6 && transport[6] == protoFragment
}

// FamilyOf is the family of an EtherType, Unspec for one that is not decoded here.
func FamilyOf(etherType uint16) Family {
	switch etherType {
	case 0x0800:
		return IPv4
	case 0x0806:
		return ARP
	case 0x86dd:
		return IPv6
	}
	return Unspec
}

func familyOfVersion(network []byte) Family {
	if len(network) == 0 {
		return Unspec
	}
	switch network[0] >> 4 {
	case 4:
		return IPv4
	case 6:
		return IPv6
	}
	return Unspec
}

const (
	ipv4Size = 20
	ipv6Size = 40
	arpSize  = 28
)

// ipv4 reads the fixed header and returns the size with options, which may lie beyond b.
func (p *Packet) ipv4(b []byte) (int, error) {
	if len(b) < ipv4Size {
		return 0, cut("ipv4", 0, len(b), ipv4Size)
	}
	if b[0]>>4 != 4 {
		return 0, &Error{"ipv4", 0, fmt.Sprintf("version is %d", b[0]>>4)}
	}
	size := int(b[0]&0xf) * 4
	p.TOS = b[1]
	p.Length = binary.BigEndian.Uint16(b[2:])
	p.ID = binary.BigEndian.Uint16(b[4:])
	frag := binary.BigEndian.Uint16(b[6:])
	p.DontFragment = frag&0x4000 != 0
	p.MoreFragments = frag&0x2000 != 0
	p.FragOffset = frag << 3
	p.TTL = b[8]
	p.Proto, p.NextHeader = b[9], b[9]
	p.Src = netip.AddrFrom4([4]byte(b[12:16]))
	p.Dst = netip.AddrFrom4([4]byte(b[16:20]))
	p.Has |= HasIP | HasProto
	if size < ipv4Size {
		return 0, &Error{"ipv4", 0, fmt.Sprintf("header length is %d bytes", size)}
	}
	if p.Length != 0 && int(p.Length) < size {
		return 0, &Error{"ipv4", 0, fmt.Sprintf("total length %d is less than the header's %d bytes", p.Length, size)}
	}
	return size, nil
}

func (p *Packet) ipv6(b []byte) error {
	if len(b) < ipv6Size {
		return cut("ipv6", 0, len(b), ipv6Size)
	}
	if b[0]>>4 != 6 {
		return &Error{"ipv6", 0, fmt.Sprintf("version is %d", b[0]>>4)}
	}
	p.ipv6Start(b)
	p.Src = netip.AddrFrom16([16]byte(b[8:24]))
	p.Dst = netip.AddrFrom16([16]byte(b[24:40]))
	p.Has |= HasIP
	return nil
}

// ipv6Start reads the eight bytes before the addresses.
func (p *Packet) ipv6Start(b []byte) {
	first := binary.BigEndian.Uint32(b)
	p.TOS = uint8(first >> 20)
	p.FlowLabel = first & 0xfffff
	p.Length = ipv6Length(binary.BigEndian.Uint16(b[4:]), b[6])
	p.Proto, p.NextHeader = b[6], b[6]
	p.TTL = b[7]
}

// ipv6Length adds the fixed header to a payload length. Zero is true only where
// nothing follows; else the packet is too long for the field.
func ipv6Length(payload uint16, nextHeader uint8) uint16 {
	if payload == 0 && nextHeader != protoNone || payload > 0xffff-ipv6Size {
		return 0
	}
	return payload + ipv6Size
}

// clip cuts what follows the packet's last byte, such as an Ethernet frame's padding.
func (p *Packet) clip(b []byte, headers int) []byte {
	if p.Length == 0 {
		return b
	}
	return b[:min(len(b), max(0, int(p.Length)-headers))]
}

func (p *Packet) keep(l4 []byte) { p.L4Len = uint8(copy(p.L4[:], l4)) }

func (p *Packet) quoted(b []byte) {
	inner, _ := decodeIP(b, false) // a quotation is cut by nature
	if inner.Has&HasIP != 0 {
		p.Inner = &inner
	}
}

func (p *Packet) arp(b []byte) error {
	if len(b) < 8 {
		return cut("arp", 0, len(b), arpSize)
	}
	p.ARPOp = binary.BigEndian.Uint16(b[6:])
	if binary.BigEndian.Uint32(b) != 0x0001_0800 || b[4] != 6 || b[5] != 4 {
		return &Error{"arp", 0, "not of Ethernet and IPv4 addresses"}
	}
	if len(b) < arpSize {
		return cut("arp", 0, len(b), arpSize)
	}
	p.ARPSrc = [6]byte(b[8:14])
	p.Src = netip.AddrFrom4([4]byte(b[14:18]))
	p.ARPDst = [6]byte(b[18:24])
	p.Dst = netip.AddrFrom4([4]byte(b[24:28]))
	p.Has |= HasARP
	return nil
}
