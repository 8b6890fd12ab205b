package xt

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// EbtARP looks into an ARP packet (include/uapi/linux/netfilter_bridge/ebt_arp.h).
type EbtARP struct {
	Asked, Not                                     uint8 // EBT_ARP_*
	Hardware, Protocol, Opcode                     uint16
	Source, SourceMask, Dest, DestMask             netip.Addr
	SourceMAC, SourceMACMask, DestMAC, DestMACMask [6]byte
}

func decodeEbtARP(b info, _ Env) Match {
	return EbtARP{
		Asked: b.u8(48), Not: b.u8(49), Hardware: b.be16(0), Protocol: b.be16(2), Opcode: b.be16(4),
		Source: b.addr(8, ip4), SourceMask: b.addr(12, ip4), Dest: b.addr(16, ip4), DestMask: b.addr(20, ip4),
		SourceMAC: b.mac(24), SourceMACMask: b.mac(30), DestMAC: b.mac(36), DestMACMask: b.mac(42),
	}
}

// Name is "arp".
func (EbtARP) Name() string { return "arp" }

// AppendSave implements [Match].
func (m EbtARP) AppendSave(dst []byte) []byte {
	for bit := uint8(1); bit != 0; bit <<= 1 {
		if m.Asked&bit != 0 {
			dst = m.appendOne(dst, bit, m.Not&bit != 0)
		}
	}
	return dst
}

func (m EbtARP) appendOne(dst []byte, bit uint8, not bool) []byte {
	switch bit {
	case 0x01:
		return m.appendOpcode(ebtOption(dst, "arp-op", not))
	case 0x02:
		return number(ebtOption(dst, "arp-htype", not), m.Hardware)
	case 0x04:
		return hexadecimal(ebtOption(dst, "arp-ptype", not), m.Protocol)
	case 0x08:
		return addressMask(append(ebtOption(dst, "arp-ip-src", not), ' '), m.Source, m.SourceMask)
	case 0x10:
		return addressMask(append(ebtOption(dst, "arp-ip-dst", not), ' '), m.Dest, m.DestMask)
	case 0x20:
		return macMask(append(ebtOption(dst, "arp-mac-src", not), ' '), m.SourceMAC, m.SourceMACMask)
	case 0x40:
		return macMask(append(ebtOption(dst, "arp-mac-dst", not), ' '), m.DestMAC, m.DestMACMask)
	}
	return option(dst, not, "arp-gratuitous")
}

func (m EbtARP) appendOpcode(dst []byte) []byte {
	words := arpOperations()
	if m.Opcode > 0 && int(m.Opcode) <= len(words) {
		return bare(dst, words[m.Opcode-1])
	}
	return number(dst, m.Opcode)
}

func (m EbtARP) parts() []Match {
	return eachBit(uint16(m.Asked), func(bit uint16) Match { m.Asked = uint8(bit); return m })
}

// when mirrors net/bridge/netfilter/ebt_arp.c: ebt_arp_mt, which reads protocol
// addresses of IPv4 and hardware addresses of Ethernet alone.
func (m EbtARP) when(asked) (all []ruleset.Condition) {
	not := func(bit uint8) bool { return m.Not&bit != 0 }
	one := func(bit uint8, f ruleset.Field, n uint16) {
		if m.Asked&bit != 0 {
			all = append(all, number16(f, Ports{n, n}, not(bit)))
		}
	}
	one(0x01, arpOperation, m.Opcode)
	one(0x02, arpHType, m.Hardware)
	one(0x04, arpPType, m.Protocol)
	if m.Asked&0x98 != 0 {
		all = append(all, number8(arpPLen, 4, false), number16(arpPType, Ports{0x0800, 0x0800}, false))
	}
	if m.Asked&0x08 != 0 {
		all = append(all, Network{m.Source, m.SourceMask, not(0x08)}.when(arpSourceIP)...)
	}
	if m.Asked&0x10 != 0 {
		all = append(all, Network{m.Dest, m.DestMask, not(0x10)}.when(arpDestIP)...)
	}
	if m.Asked&0x80 != 0 {
		all = append(all, untold("compares the two protocol addresses")...)
	}
	if m.Asked&0x60 != 0 {
		all = append(all, number8(arpHLen, 6, false), number16(arpHType, Ports{1, 1}, false))
	}
	if m.Asked&0x20 != 0 {
		all = append(all, addressOf(arpSourceMAC, m.SourceMAC, m.SourceMACMask, not(0x20)))
	}
	if m.Asked&0x40 != 0 {
		all = append(all, addressOf(arpDestMAC, m.DestMAC, m.DestMACMask, not(0x40)))
	}
	return all
}

func parseEbtARP(a *arguments, _ Env) Match {
	var m EbtARP
	a.each(func(g given) bool {
		bit, ok := oneOf(g, []string{
			"arp-op arp-opcode", "arp-htype", "arp-ptype", "arp-ip-src", "arp-ip-dst", "arp-mac-src", "arp-mac-dst", "arp-gratuitous",
		})
		if !ok {
			return false
		}
		m.Asked, m.Not = ask(m.Asked, m.Not, 1<<bit, g)
		m.parse(a, bit, g)
		return true
	})
	return m
}

func (m *EbtARP) parse(a *arguments, bit int, g given) {
	switch bit {
	case 0:
		m.Opcode = a.worded(g, arpOperationOf)
	case 1:
		m.Hardware = a.worded(g, arpHardwareOf)
	case 2:
		m.Protocol = a.etherType(g, a.text(g))
	case 3:
		m.Source, m.SourceMask = a.network(g, Env{Family: ip4})
	case 4:
		m.Dest, m.DestMask = a.network(g, Env{Family: ip4})
	case 5:
		addr := a.mac(g)
		m.SourceMAC, m.SourceMACMask = addr.Addr, addr.Mask
	case 6:
		addr := a.mac(g)
		m.DestMAC, m.DestMACMask = addr.Addr, addr.Mask
	case 7:
		a.flag(g)
	}
}
