// Package packet is a packet as a value: its headers, decoded from the bytes
// that the kernel hands out, and the keys by which one packet is told from
// another. It reads no socket and knows no rule; it stands on the standard
// library only.
package packet

import "net/netip"

// Family is the network protocol of a packet.
type Family uint8

// The families that the kernel's packet log and trace events carry. Their
// numbers are the kernel's NFPROTO_* (include/uapi/linux/netfilter.h).
const (
	Unspec Family = 0
	IPv4   Family = 2
	ARP    Family = 3
	IPv6   Family = 10
)

// Fields says which groups of a Packet's fields were present in its bytes.
type Fields uint16

// The groups of fields. A group that is absent is not known, not zero.
const (
	HasLink  Fields = 1 << iota // LinkSrc, LinkDst, EtherType
	HasIP                       // everything up to Proto
	HasPorts                    // SrcPort, DstPort
	HasTCP                      // TCP
	HasICMP                     // ICMP
	HasARP                      // ARP; Src and Dst are then the protocol addresses
	HasVLAN                     // VLAN
	HasProto                    // Proto is the transport protocol, not an IPv6 extension header behind which nothing was in reach
)

// Packet is the headers of one packet. Numbers are in host byte order.
type Packet struct {
	Has    Fields
	Family Family

	LinkSrc, LinkDst [6]byte
	EtherType        uint16 // behind any VLAN tags
	VLAN             uint16 // id of the outermost tag

	Src, Dst      netip.Addr
	Proto         uint8  // the transport protocol; for IPv6 the last next-header that was in reach
	NextHeader    uint8  // what the network header itself names: Proto unless IPv6 extension headers stand between
	TTL           uint8  // hop limit for IPv6
	TOS           uint8  // traffic class for IPv6
	ID            uint16 // IPv4 identification, or the low half of an IPv6 fragment's
	Length        uint16 // the whole IP packet in bytes, headers included; 0 for a packet longer than 65,535 bytes (jumbogram, BIG TCP)
	FragOffset    uint16 // in bytes
	MoreFragments bool
	DontFragment  bool
	FlowLabel     uint32 // IPv6 only

	SrcPort, DstPort uint16
	TCP              TCP
	ICMP             ICMP

	ARPOp          uint16
	ARPSrc, ARPDst [6]byte // sender's and target's hardware addresses

	// Inner is the packet that an ICMP error quotes, as far as it was in reach.
	Inner *Packet

	// L4 is the first bytes behind the network headers, L4Len how many there
	// are: the transport header, or payload in a fragment that is not the first.
	L4    [20]byte
	L4Len uint8
}

// TCP is the part of a TCP header that tells one segment from another.
type TCP struct {
	Flags    TCPFlags
	Seq, Ack uint32
	Window   uint16
}

// ICMP is an ICMP or ICMPv6 header. ID and Seq hold only for echo messages.
type ICMP struct {
	Type, Code uint8
	ID, Seq    uint16
}

// IsFragment reports whether the packet is one part of a fragmented one.
func (p *Packet) IsFragment() bool { return p.FragOffset != 0 || p.MoreFragments }

// IsEcho reports whether the packet is an ICMP or ICMPv6 echo request or reply,
// whose ID and Seq hold.
func (p *Packet) IsEcho() bool {
	if p.Has&HasICMP == 0 {
		return false
	}
	if p.Proto == ProtoICMP {
		return p.ICMP.Type == 0 || p.ICMP.Type == 8
	}
	return p.ICMP.Type == 128 || p.ICMP.Type == 129
}

// IsICMPError reports whether the packet is an ICMP or ICMPv6 error, which
// quotes the packet that it is about.
func (p *Packet) IsICMPError() bool {
	return p.Has&HasICMP != 0 && isICMPError(p.Proto, p.ICMP.Type)
}

func isICMPError(proto, typ uint8) bool {
	if proto == ProtoICMPv6 {
		return typ < 128
	}
	switch typ {
	case 3, 4, 5, 11, 12: // RFC 1122, 3.2.2
		return true
	}
	return false
}
