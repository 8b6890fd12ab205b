package collect

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// judged is one packet of the judge's tests: what it is made of, for its bytes
// and for the facts about it alike.
type judged struct {
	fam              ruleset.Family
	sender, receiver [6]byte
	src, dst         netip.Addr
	proto            uint8
	sport, dport     uint16
	flags            uint8 // of TCP
	mss              uint16
	kind, code       uint8 // of ICMP, of a mobility header, of DCCP
	spi              uint32
	tos, ttl         uint8
	id               uint32
	offset           uint16 // in units of 8 bytes
	more, whole      bool   // more fragments; don't fragment
	fragmented       bool   // has a fragment header, of IPv6
	headers          extHeaders
	payload          int
	destType         uint64 // RTN_*
	pktType          uint64 // PACKET_*
	answer           bool   // goes back where it came in
}

func (p *judged) String() string {
	return fmt.Sprintf("%v > %v proto %d %d>%d flags %#x icmp %d/%d tos %#x ttl %d offset %d more %v",
		p.src, p.dst, p.proto, p.sport, p.dport, p.flags, p.kind, p.code, p.tos, p.ttl, p.offset, p.more)
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

var (
	judgePorts  = []uint16{0, 1, 22, 53, 80, 443, 1023, 1024, 8080, 30000, 65535}
	judgeProtos = []uint8{6, 6, 6, 17, 17, 1, 132, 33, 50, 51, 136, 253}
)

// newJudged makes up a packet; tracked are those in namespaces that track flows,
// which put fragments together first.
func newJudged(r *rand.Rand, fam ruleset.Family, tracked bool) *judged {
	p := &judged{
		fam: fam, sender: [6]byte{2, 0xaa, 0, 0, 0, byte(r.IntN(4))}, proto: pick(r, judgeProtos...),
		sport: pick(r, judgePorts...), dport: pick(r, judgePorts...), flags: pick(r, 0x02, 0x12, 0x10, 0x11, 0x14, 0x18, 0xc2, 0x29, uint8(r.Uint32())),
		kind: pick[uint8](r, 0, 3, 8, 8, 11, 128, 135, 255), code: pick[uint8](r, 0, 0, 1, 3, 4, 13),
		spi: pick[uint32](r, 0, 1, 0x100, 0x101, 0xffffffff), tos: pick(r, 0, 0x10, 0x2e<<2, 0x2e<<2|3, 1, uint8(r.Uint32())),
		ttl: pick[uint8](r, 2, 63, 64, 65, 128, 255), id: r.Uint32(), payload: pick(r, 0, 1, 8, 100, 472), destType: 1,
	}
	host := byte(r.IntN(16))
	p.src, p.dst = netip.AddrFrom4([4]byte{172, 16, byte(r.IntN(3)), host}), netip.AddrFrom4([4]byte{198, 51, 100, byte(r.IntN(16))})
	local := netip.MustParseAddr("10.1.0.1")
	if fam == ruleset.IP6 {
		p.src, p.dst = v6(0x1, host), v6(0x2, byte(r.IntN(16)))
		local = netip.MustParseAddr("fd00:1::1")
		p.proto = pick(r, append(judgeProtos, 58, 58, 135)...)
		if p.proto == 1 || p.proto == 51 { // of IPv4; there AH is an extension header
			p.proto = 58
		}
		p.headers.fill(r)
	}
	if p.proto == 6 && p.flags&2 != 0 && r.IntN(2) == 0 {
		p.mss = pick[uint16](r, 536, 1400, 1460)
	}
	switch r.IntN(8) {
	case 0:
		p.dst, p.destType = local, 2
	case 1:
		p.pktType, p.receiver = 1, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	if !tracked {
		p.fragment(r)
	}
	return p
}

func v6(subnet uint16, host byte) netip.Addr {
	b := netip.MustParseAddr("2001:db8::").As16()
	binary.BigEndian.PutUint16(b[6:], subnet)
	b[15] = host
	return netip.AddrFrom16(b)
}

func (p *judged) fragment(r *rand.Rand) {
	p.whole = p.fam == ruleset.IP && r.IntN(2) == 0
	switch r.IntN(6) {
	case 0:
		p.offset, p.more, p.whole = pick[uint16](r, 2, 185, 1000), r.IntN(2) == 0, false
	case 1:
		p.more, p.whole = true, false
	case 2:
		p.fragmented = p.fam == ruleset.IP6
	}
	p.fragmented = p.fragmented || p.fam == ruleset.IP6 && (p.more || p.offset > 0)
}

func (p *judged) forwarded() bool { return p.destType == 1 && p.pktType == 0 }

// transport is what follows the IP header and those of extensions, with its checksum.
func (p *judged) transport() []byte {
	be := binary.BigEndian
	b := make([]byte, 20)
	be.PutUint16(b, p.sport)
	be.PutUint16(b[2:], p.dport)
	sum := -1
	switch p.proto {
	case 6:
		sum, b[12], b[13] = 16, 5<<4, p.flags
		if p.mss > 0 {
			b[12] = 6 << 4
			b = be.AppendUint16(append(b, 2, 4), p.mss)
		}
	case 17, 136:
		b, sum = b[:8], 6
		be.PutUint16(b[4:], uint16(8+p.payload))
	case 1, 58:
		b, sum = b[:8], 2
		b[0], b[1] = p.kind, p.code
	case 33:
		b[4], b[8] = 5, p.kind&0xf<<1
	case 50:
		b = b[:8]
		be.PutUint32(b, p.spi)
	case 51:
		b = be.AppendUint32([]byte{253, 1, 0, 0}, p.spi)
		b = append(b, 0, 0, 0, 1)
	case 135:
		b = []byte{59, 0, p.kind, 0, 0, 0, 0, 0}
	}
	for i := range p.payload {
		b = append(b, byte(i))
	}
	if sum >= 0 {
		be.PutUint16(b[sum:], 0)
		be.PutUint16(b[sum:], p.checksum(b))
	}
	return b
}

// checksum is of a transport header with its pseudo header, but for ICMP of IPv4.
func (p *judged) checksum(b []byte) uint16 {
	if p.proto == 1 {
		return internetSum(b)
	}
	pseudo := slices.Concat(p.src.AsSlice(), p.dst.AsSlice(), []byte{0, p.proto})
	return internetSum(binary.BigEndian.AppendUint16(pseudo, uint16(len(b))), b)
}

func internetSum(parts ...[]byte) uint16 {
	var sum uint32
	for _, b := range parts {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(b[i])<<8 | uint32(b[i+1])
		}
		if len(b)%2 == 1 {
			sum += uint32(b[len(b)-1]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// frame is the packet in Ethernet for that interface, or for all.
func (p *judged) frame(to []byte) []byte {
	if p.pktType != 0 {
		to = p.receiver[:]
	}
	frame := append(slices.Clone(to), p.sender[:]...)
	if p.fam == ruleset.IP6 {
		return append(append(frame, 0x86, 0xdd), p.ip6()...)
	}
	return append(append(frame, 0x08, 0x00), p.ip4()...)
}

func (p *judged) ip4() []byte {
	body := p.transport()
	b := make([]byte, 20)
	b[0], b[1], b[8], b[9] = 0x45, p.tos, p.ttl, p.proto
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(body)))
	binary.BigEndian.PutUint16(b[4:], uint16(p.id))
	binary.BigEndian.PutUint16(b[6:], p.fragField())
	copy(b[12:], p.src.AsSlice())
	copy(b[16:], p.dst.AsSlice())
	binary.BigEndian.PutUint16(b[10:], internetSum(b))
	return append(b, body...)
}

func (p *judged) fragField() uint16 {
	f := p.offset
	if p.more {
		f |= 0x2000
	}
	if p.whole {
		f |= 0x4000
	}
	return f
}

func (p *judged) ip6() []byte {
	body, next := p.transport(), p.proto
	if p.fragmented {
		head := []byte{next, 0, 0, 0}
		binary.BigEndian.PutUint16(head[2:], p.offset<<3)
		if p.more {
			head[3] |= 1
		}
		body, next = append(binary.BigEndian.AppendUint32(head, p.id), body...), 44
	}
	body, next = p.headers.around(body, next, p.spi)
	b := make([]byte, 40)
	b[0], b[1], b[6], b[7] = 0x60|p.tos>>4, p.tos<<4, next, p.ttl
	binary.BigEndian.PutUint16(b[4:], uint16(len(body)))
	copy(b[8:], p.src.AsSlice())
	copy(b[24:], p.dst.AsSlice())
	return append(b, body...)
}

// facts are all that is known of the packet where it was forwarded or before.
func (p *judged) facts(forwarded bool) ruleset.Facts {
	f := ruleset.Facts{}
	know := func(field ruleset.Field, v ruleset.Value) { f[field] = []ruleset.Range{ruleset.Only(v)} }
	number := func(field ruleset.Field, n uint64) { know(field, ruleset.Number(n)) }
	number(ruleset.L4Proto, uint64(p.proto))
	number(ruleset.EtherSource, uint64(p.sender[0])<<40|uint64(p.sender[1])<<32|uint64(p.sender[5]))
	number(ruleset.DSCP, uint64(p.tos>>2))
	number("ip ecn", uint64(p.tos&3))
	number(ruleset.PktType, p.pktType)
	number(ruleset.SourceType, 1)
	number(ruleset.DestType, p.destType)
	number(ruleset.Mark, uint64(judgeMarks[p.src.AsSlice()[p.src.BitLen()/8-1]&3]))
	number("iifgroup", 5)
	know(ruleset.InName, ruleset.Name("r0"))
	know(ruleset.OutName, ruleset.Name(""))
	ttl := uint64(p.ttl)
	if forwarded {
		know(ruleset.OutName, ruleset.Name("r1"))
		number("oifgroup", 0x16)
		if p.answer {
			know(ruleset.OutName, ruleset.Name("r0"))
			number("oifgroup", 5)
		}
		number("rt classid", 0)
		ttl--
	}
	if p.fam == ruleset.IP6 {
		know(ruleset.IP6Source, ruleset.Addr(p.src))
		know(ruleset.IP6Dest, ruleset.Addr(p.dst))
		number(ruleset.HopLimit, ttl)
		number(ruleset.Length, uint64(len(p.ip6())))
		p.fragmentFacts(number)
		p.headers.facts(number, p.spi)
	} else {
		know(ruleset.IPSource, ruleset.Addr(p.src))
		know(ruleset.IPDest, ruleset.Addr(p.dst))
		number(ruleset.TTL, ttl)
		number(ruleset.Length, uint64(len(p.ip4())))
		number(ruleset.Fragment, uint64(p.fragField()))
	}
	if p.offset == 0 {
		p.transportFacts(number)
	}
	return f
}

func (p *judged) fragmentFacts(number func(ruleset.Field, uint64)) {
	if !p.fragmented {
		number("exthdr frag", 0)
		return
	}
	number("exthdr frag", 1)
	number("frag id", uint64(p.id))
	number("frag frag-off", uint64(p.offset))
	number("frag reserved", 0)
	number("frag reserved2", 0)
	number("frag more-fragments", 0)
	if p.more {
		number("frag more-fragments", 1)
	}
}

func (p *judged) transportFacts(number func(ruleset.Field, uint64)) {
	switch p.proto {
	case 6, 17, 33, 132, 136:
		number(ruleset.SourcePort, uint64(p.sport))
		number(ruleset.DestPort, uint64(p.dport))
	case 1:
		number(ruleset.ICMPType, uint64(p.kind))
		number(ruleset.ICMPCode, uint64(p.code))
	case 58:
		number(ruleset.ICMP6Type, uint64(p.kind))
		number(ruleset.ICMP6Code, uint64(p.code))
	case 50:
		number("esp spi", uint64(p.spi))
	case 51:
		number("ah spi", uint64(p.spi))
	case 135:
		number("mh type", uint64(p.kind))
	}
	switch p.proto {
	case 6:
		number(ruleset.TCPFlags, uint64(p.flags))
		if p.mss > 0 {
			number("tcp option maxseg size", uint64(p.mss))
		}
	case 33:
		number("dccp type", uint64(p.kind&0xf))
	}
}
