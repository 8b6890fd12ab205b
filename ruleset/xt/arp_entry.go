package xt

import "net/netip"

// arpLayout is that of struct arpt_entry; arptables has no goto
// (net/ipv4/netfilter/arp_tables.c: arpt_do_table).
func arpLayout() layout {
	return layout{addr: 4, ifaces: arpInterfaces, flags: 158, target: 164, next: 166, counters: 176, size: 192}
}

// Offsets in struct arpt_arp.
const (
	arpLength     = 16
	arpSource     = 18
	arpDest       = 50
	arpOpcode     = 82
	arpHardware   = 86
	arpProtocol   = 90
	arpInterfaces = 94
	arpInverted   = 160
)

// The bits of invflags (ARPT_INV_*).
const (
	arpInvIn        = 1 << 0
	arpInvOut       = 1 << 1
	arpInvSource    = 1 << 2
	arpInvDest      = 1 << 3
	arpInvSourceMAC = 1 << 4
	arpInvDestMAC   = 1 << 5
	arpInvOperation = 1 << 6
	arpInvHardware  = 1 << 7
	arpInvProtocol  = 1 << 8
	arpInvLength    = 1 << 9
)

// arpRule decodes what struct arpt_arp asks for, and the counters.
func (b info) arpRule() Rule {
	lay := arpLayout()
	inv := b.u16(arpInverted)
	not := func(bit uint16) bool { return inv&bit != 0 }
	number := func(at int, bit uint16) ARPNumber { return ARPNumber{b.be16(at), b.be16(at + 2), not(bit)} }
	return Rule{
		Packets: b.u64(lay.counters), Bytes: b.u64(lay.counters + 8),
		Source: b.arpNetwork(0, not(arpInvSource)), Dest: b.arpNetwork(4, not(arpInvDest)),
		In:  Interface{b.arpInterface(arpInterfaces), not(arpInvIn)},
		Out: Interface{b.arpInterface(arpInterfaces + 16), not(arpInvOut)},
		ARP: &ARP{
			SourceMAC: b.hardwareAddr(arpSource, not(arpInvSourceMAC)), DestMAC: b.hardwareAddr(arpDest, not(arpInvDestMAC)),
			HardwareLength: ARPNumber{uint16(b.u8(arpLength)), uint16(b.u8(arpLength + 1)), not(arpInvLength)},
			Operation:      number(arpOpcode, arpInvOperation),
			HardwareType:   number(arpHardware, arpInvHardware),
			ProtocolType:   number(arpProtocol, arpInvProtocol),
		},
	}
}

func (b info) arpNetwork(at int, not bool) Network {
	return newNetwork(netip.AddrFrom4([4]byte(b[at:])), netip.AddrFrom4([4]byte(b[at+8:])), not)
}

// arpInterface keeps "+" alone, which other tools say as no condition, and which
// negated no packet matches.
func (b info) arpInterface(at int) string {
	if b[at+32] == 0 && b[at] == '+' {
		return "+"
	}
	return b.iface(at)
}

// hardwareAddr reads a struct arpt_devaddr_info. What lies outside of the mask is
// no part of it.
func (b info) hardwareAddr(at int, not bool) HardwareAddr {
	h := HardwareAddr{Mask: [16]byte(b[at+16:]), Not: not}
	for i := range h.Addr {
		h.Addr[i] = b[at+i] & h.Mask[i]
	}
	return h
}
