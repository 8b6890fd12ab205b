// Package match is MATCH: iptables' own words for "which packets", parsed once
// and judged wherever packets are: here over a decoded packet, in arm as nft
// rules, in conntrack as kernel filters.
package match

import (
	"net/netip"

	"github.com/pktrail/pktrail/packet"
)

// Match says which packets are meant. The zero value means all. Every part
// must hold; inside a part one of the values must, and Not turns the part round.
type Match struct {
	Family packet.Family // packet.IPv4 or packet.IPv6 when -4, -6 or an address tells; else packet.Unspec

	Proto    Set[uint8] // -p
	Src, Dst Set[netip.Prefix]
	SrcPort  Set[Range] // --sport; needs a protocol with ports
	DstPort  Set[Range] // --dport
	AnyPort  Set[Range] // --ports: the source port or the destination port
	In, Out  Set[Iface]
	Mark     *Mark
	ICMP     Set[packet.ICMPType]
	TCPFlags *TCPFlags

	Both bool // --both: the replies too
}

// Set is a list of values of which one must hold; Not: none may.
type Set[T any] struct {
	Values []T
	Not    bool
}

// Range is a closed range of ports.
type Range struct{ Lo, Hi uint16 }

// Iface is an interface name; Wild: any name that begins so (iptables' `eth+`).
type Iface struct {
	Name string
	Wild bool
}

// Mark is value/mask as in iptables: mark & Mask == Value.
type Mark struct {
	Value, Mask uint32
	Not         bool
}

// TCPFlags is iptables' --tcp-flags MASK COMP.
type TCPFlags struct {
	Mask, Comp packet.TCPFlags
	Not        bool
}

// Given reports whether the part was asked for.
func (s Set[T]) Given() bool { return len(s.Values) > 0 }
