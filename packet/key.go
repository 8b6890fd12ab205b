package packet

import (
	"encoding/binary"
	"net/netip"
)

// Key is what tells one packet from others. It is 64 bytes without padding or
// pointers, so that a map hashes it as one piece of memory. Keys of one method
// compare with each other only.
type Key struct {
	src, dst [2]uint64
	head     uint64    // family, protocol, length, fragment bits, id: see (*Packet).head
	l4       [3]uint64 // L4; the low half of the last word is flow label and L4Len
}

// Key is everything of the packet that no hook changes unless it translates
// it: family, addresses, protocol, IPv4 identification and fragment bits or
// IPv6 flow label, length, and the first 20 bytes behind the network headers
// (all of them where the packet has fewer). TTL, traffic class and the IPv4
// checksum are left out, since routers and mangle rules rewrite them in passing.
//
// One packet has one key whether Decode or DecodeIP read it, as long as the
// payload reached 20 bytes into the transport header. For that reason an
// IPv6 packet's protocol is the fixed header's next header, and what only the
// extension headers tell (fragment offset, id) is not in the key.
func (p *Packet) Key() Key {
	k := Key{head: p.head(), l4: p.l4words()}
	k.src, k.dst = addrWords(p.Src), addrWords(p.Dst)
	k.l4[2] |= p.label()
	if p.Family == ARP {
		k.l4 = p.arpWords()
	}
	return k
}

// LooseKey is Key without what rules rewrite inside the transport header and
// without translating: the checksum that covers it, and for TCP the window,
// the data offset, the ECN bits and, in a SYN, the packet's length (TCPMSS adds
// an option). It joins a packet with itself behind such rules. More packets
// share a loose key: where Key decides, prefer it.
func (p *Packet) LooseKey() Key {
	k := p.Key()
	if p.Family == ARP || p.FragOffset != 0 {
		return k
	}
	k.mask(looseMask(p.NextHeader))
	if p.NextHeader == ProtoTCP && p.TCP.Flags&SYN != 0 {
		k.head &^= headLength
	}
	return k
}

// Trail is what address translation leaves as it is: protocol, IPv4
// identification or IPv6 flow label, length, fragment bits, TCP sequence,
// acknowledgement and flags, ICMP type, code and sequence, and what the first
// 20 bytes hold of the payload. It has no addresses, ports or checksums, and no
// ICMP id, which is translated like a port. It follows a packet across NAT and
// from one namespace into the next; two flows may share a trail, so more than
// one packet that fits makes the answer inferred.
func (p *Packet) Trail() Key {
	if p.Family == ARP {
		return p.Key()
	}
	k := Key{head: p.head(), l4: p.l4words()}
	if p.FragOffset == 0 {
		k.mask(p.trailMask())
	}
	k.l4[2] |= p.label()
	return k
}

const headLength = 0xffff << 32

// head packs, from the top: family 8 bits, protocol 8, length 16, fragment
// field 16 (as IPv4 has it: two flags and the offset), id 16.
func (p *Packet) head() uint64 {
	h := uint64(p.Family)<<56 | uint64(p.NextHeader)<<48 | uint64(p.Length)<<32
	switch p.Family {
	case IPv4:
		h |= uint64(p.fragField())<<16 | uint64(p.ID)
	case ARP:
		h |= uint64(p.ARPOp)
	}
	return h
}

// fragField is the second half of an IPv4 header's second word.
func (p *Packet) fragField() uint16 {
	f := p.FragOffset >> 3
	if p.DontFragment {
		f |= 0x4000
	}
	if p.MoreFragments {
		f |= 0x2000
	}
	return f
}

func (p *Packet) label() uint64 { return uint64(p.FlowLabel)<<8 | uint64(p.L4Len) }

func (p *Packet) l4words() [3]uint64 {
	return [3]uint64{
		binary.BigEndian.Uint64(p.L4[0:]),
		binary.BigEndian.Uint64(p.L4[8:]),
		uint64(binary.BigEndian.Uint32(p.L4[16:])) << 32,
	}
}

func (p *Packet) arpWords() [3]uint64 {
	var b [16]byte
	copy(b[2:], p.ARPSrc[:])
	copy(b[10:], p.ARPDst[:])
	return [3]uint64{binary.BigEndian.Uint64(b[0:]), binary.BigEndian.Uint64(b[8:]), 0}
}

func addrWords(a netip.Addr) [2]uint64 {
	if !a.IsValid() {
		return [2]uint64{}
	}
	b := a.As16()
	return [2]uint64{binary.BigEndian.Uint64(b[0:]), binary.BigEndian.Uint64(b[8:])}
}

// mask keeps the L4 bits that are set in m, and all of flow label and L4Len.
func (k *Key) mask(m [3]uint64) {
	k.l4[0] &= m[0]
	k.l4[1] &= m[1]
	k.l4[2] &= m[2] | 0xffff_ffff
}

const all = ^uint64(0)

// The masks below have one hexadecimal digit for each four bits of the 20
// bytes: two words of eight bytes, and the high half of the third.

// looseMask clears the transport checksum and what LooseKey names.
func looseMask(proto uint8) [3]uint64 {
	switch proto {
	case ProtoTCP: // offset, ECN bits, window | checksum, urgent pointer
		return [3]uint64{all, 0xffff_ffff_003f_0000, 0}
	case ProtoUDP, ProtoUDPLite, ProtoDCCP:
		return [3]uint64{0xffff_ffff_ffff_0000, all, all}
	case ProtoICMP, ProtoICMPv6:
		return [3]uint64{0xffff_0000_ffff_ffff, all, all}
	case ProtoSCTP:
		return [3]uint64{all, 0x0000_0000_ffff_ffff, all}
	}
	return [3]uint64{all, all, all}
}

// trailMask clears ports, ids and checksums.
func (p *Packet) trailMask() [3]uint64 {
	switch proto := p.NextHeader; proto {
	case ProtoTCP:
		return [3]uint64{0x0000_0000_ffff_ffff, 0xffff_ffff_01ff_0000, 0}
	case ProtoUDP, ProtoUDPLite, ProtoDCCP:
		return [3]uint64{0x0000_0000_ffff_0000, all, all}
	case ProtoSCTP:
		return [3]uint64{0x0000_0000_ffff_ffff, 0x0000_0000_ffff_ffff, all}
	case ProtoGRE: // PPTP's call id
		return [3]uint64{0xffff_ffff_ffff_0000, all, all}
	case ProtoICMP, ProtoICMPv6:
		return icmpTrailMask(proto, p.L4[0])
	default:
		if isExtension(proto) {
			// Any protocol may follow; these bytes are neither port, id nor checksum in one.
			return [3]uint64{0, 0x0000_0000_ffff_ffff, 0}
		}
	}
	return [3]uint64{all, all, all}
}

// icmpTrailMask keeps of an error what is not translated in the header that it
// quotes: an IPv4 header's first ten bytes, an IPv6 header's first eight.
func icmpTrailMask(proto, typ uint8) [3]uint64 {
	switch {
	case !isICMPError(proto, typ):
		return [3]uint64{0xffff_0000_0000_ffff, all, all}
	case proto == ProtoICMPv6:
		return [3]uint64{0xffff_0000_ffff_ffff, all, 0}
	}
	return [3]uint64{0xffff_0000_ffff_ffff, all, 0xffff_0000_0000_0000}
}
