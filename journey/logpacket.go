package journey

import (
	"net/netip"

	"github.com/pktrail/pktrail/packet"
)

// LogPacket is the headers of a packet as a line of the kernel's log tells them.
// It has the names of Packet for what both have, and more: what such a line may
// lack by itself is absent by itself. Numbers are in host byte order.
type LogPacket struct {
	Family  string     `json:"family"` // ipv4, ipv6, arp, or unknown
	Proto   string     `json:"proto,omitzero"`
	Src     netip.Addr `json:"src,omitzero"`
	Dst     netip.Addr `json:"dst,omitzero"`
	SrcPort *uint16    `json:"sport,omitzero"`
	DstPort *uint16    `json:"dport,omitzero"`

	Length    *uint32 `json:"length,omitzero"` // bytes of the IP packet
	TTL       *uint8  `json:"ttl,omitzero"`
	TOS       *uint8  `json:"tos,omitzero"`   // IPv4: without its lowest bit, which the kernel does not print
	IPID      *uint32 `json:"ip_id,omitzero"` // for IPv6 that of the fragment
	FlowLabel *uint32 `json:"flow_label,omitzero"`
	// CE and DF: the line has the word. IPv4 alone has them.
	CE        bool      `json:"ce,omitzero"`
	DF        bool      `json:"df,omitzero"`
	Fragment  *Fragment `json:"fragment,omitzero"`
	IPOptions Bytes     `json:"ip_options,omitzero"` // IPv4: hexadecimal; IPv6: the groups of OPT as they stand

	TCP  *LogTCP  `json:"tcp,omitzero"`
	UDP  *LogUDP  `json:"udp,omitzero"` // of UDP-Lite too
	ICMP *LogICMP `json:"icmp,omitzero"`
	ARP  *LogARP  `json:"arp,omitzero"`
	SPI  *uint32  `json:"spi,omitzero"` // of AH and ESP

	Incomplete *uint32    `json:"incomplete,omitzero"` // bytes that there were of a header that is longer
	Truncated  bool       `json:"truncated,omitzero"`  // the kernel could not read a header
	Inner      *LogPacket `json:"inner,omitzero"`      // what an ICMP error quotes
}

// LogTCP is a segment's header. Flags are letters in the order of tcpdump: S F R
// P A U E W; "" where the line shows that none is set.
type LogTCP struct {
	Flags    *string `json:"flags,omitzero"`
	Seq      *uint32 `json:"seq,omitzero"` // seq and ack stand in lines of rules with --log-tcp-sequence only
	Ack      *uint32 `json:"ack,omitzero"`
	Window   *uint16 `json:"window,omitzero"`
	Reserved *uint8  `json:"reserved,omitzero"`
	Urgent   *uint16 `json:"urgent,omitzero"`
	Options  Bytes   `json:"options,omitzero"` // hexadecimal
}

// LogUDP is what a datagram's header tells beside the ports.
type LogUDP struct {
	Length *uint16 `json:"length,omitzero"`
}

// LogICMP is an ICMP or ICMPv6 header.
type LogICMP struct {
	Type      uint8      `json:"type"`
	Code      *uint8     `json:"code,omitzero"` // only lines that were cut or shortened have none
	Name      string     `json:"name,omitzero"` // nft's word for the type
	ID        *uint16    `json:"id,omitzero"`
	Seq       *uint16    `json:"seq,omitzero"`
	Parameter *uint32    `json:"parameter,omitzero"` // where the problem is
	Gateway   netip.Addr `json:"gateway,omitzero"`
	MTU       *uint32    `json:"mtu,omitzero"`
}

// LogARP is an ARP message; the packet's Src and Dst are its protocol addresses.
type LogARP struct {
	Hardware *uint16 `json:"hardware,omitzero"` // type of hardware
	Protocol *uint16 `json:"protocol,omitzero"` // type of protocol, 2048 for IPv4
	Op       *uint16 `json:"op,omitzero"`
	Name     string  `json:"name,omitzero"` // nft's word for the operation
	SrcEther *Ether  `json:"src_ether,omitzero"`
	DstEther *Ether  `json:"dst_ether,omitzero"`
}

// FamilyName is the word for a family in JSON: ipv4, ipv6, arp, or unknown.
func FamilyName(f packet.Family) string {
	switch f {
	case packet.IPv4:
		return "ipv4"
	case packet.IPv6:
		return "ipv6"
	case packet.ARP:
		return "arp"
	}
	return "unknown"
}
