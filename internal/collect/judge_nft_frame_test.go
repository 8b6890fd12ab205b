package collect

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// frame is a packet on the wire, and all that is known of it.
type frame struct {
	bytes []byte
	mark  uint32
	facts ruleset.Facts
}

// frameMaker makes packets whose fields are of few values, so that rules made of
// the same values meet them.
type frameMaker struct {
	r         *rand.Rand
	to        [6]byte // of the interface that gets them
	fragments bool
	own       [6]byte // of the interface, where others are sent to as well
	ethernet  bool    // ARP is with addresses of Ethernet and IPv4 alone
}

var (
	somePorts = []uint16{1, 22, 53, 79, 80, 81, 443, 999, 1000, 1001, 8080, 33000, 65535}
	someMarks = []uint32{0, 1, 2, 0x10, 0x100, 0x1ff, 0x4000, 0x8000, 0x01000000, 0x80000000, 0xdeadbeef}
	someTTLs  = []uint8{1, 63, 64, 65, 128, 255}
)

func address4(r *rand.Rand) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(3)), byte(r.IntN(6))})
}

func address6(r *rand.Rand) netip.Addr {
	a := netip.MustParseAddr("fd00::").As16()
	a[13], a[15] = byte(r.IntN(3)), byte(r.IntN(6))
	return netip.AddrFrom16(a)
}

func (m *frameMaker) know(f *frame, field ruleset.Field, n uint64) {
	f.facts[field] = []ruleset.Range{ruleset.Span(n, n)}
}

// has knows whether the packet has that header.
func (m *frameMaker) has(f *frame, field ruleset.Field, has bool) {
	n := uint64(0)
	if has {
		n = 1
	}
	m.know(f, field, n)
}

func (f *frame) String() string { return factsText(f.facts) }

func (m *frameMaker) frame(v6 bool) *frame {
	f := &frame{facts: ruleset.Facts{}, mark: pick(m.r, someMarks...)}
	from := [6]byte{2, 0, 0, 0, 0, byte(m.r.IntN(4))}
	proto, body := m.transport(f, v6)
	etherType := uint16(0x0800)
	var packet []byte
	if v6 {
		etherType = 0x86dd
		packet = m.header6(f, proto, body)
	} else {
		packet = m.header4(f, proto, body)
	}
	m.know(f, ruleset.Mark, uint64(f.mark))
	m.know(f, ruleset.Length, uint64(len(packet)))
	m.know(f, "meta protocol", uint64(etherType))
	m.know(f, ruleset.EtherType, uint64(etherType))
	m.know(f, ruleset.EtherSource, ethernet(from))
	m.know(f, ruleset.EtherDest, ethernet(m.to))
	m.know(f, "meta iiftype", 1)
	m.know(f, ruleset.PktType, 0)
	f.bytes = append(append(append(f.bytes, m.to[:]...), from[:]...), byte(etherType>>8), byte(etherType))
	f.bytes = append(f.bytes, packet...)
	return f
}

func ethernet(a [6]byte) uint64 {
	return binary.BigEndian.Uint64(append([]byte{0, 0}, a[:]...))
}

const (
	isICMP    = 1
	isTCP     = 6
	isUDP     = 17
	isICMP6   = 58
	isSCTP    = 132
	isUDPLite = 136
)

// transport is a header of one of the protocols, without its checksum.
func (m *frameMaker) transport(f *frame, v6 bool) (proto uint8, body []byte) {
	proto = pick[uint8](m.r, isTCP, isTCP, isTCP, isUDP, isUDP, isICMP, isICMP, isSCTP, isUDPLite)
	if proto == isICMP && v6 {
		proto = isICMP6
	}
	m.know(f, ruleset.L4Proto, uint64(proto))
	sport, dport := pick(m.r, somePorts...), pick(m.r, somePorts...)
	body = make([]byte, 24)
	switch proto {
	case isICMP, isICMP6:
		return proto, m.icmp(f, body, v6)
	case isTCP:
		m.tcp(f, body)
	case isUDP:
		binary.BigEndian.PutUint16(body[4:], uint16(len(body)))
		m.know(f, "udp length", uint64(len(body)))
	}
	binary.BigEndian.PutUint16(body, sport)
	binary.BigEndian.PutUint16(body[2:], dport)
	return proto, body
}

func (m *frameMaker) tcp(f *frame, body []byte) {
	flags := byte(m.r.IntN(256))
	if m.r.IntN(2) == 0 {
		flags = pick[byte](m.r, 2, 0x12, 0x10, 4, 1)
	}
	seq, window := uint32(m.r.IntN(5)), uint16(m.r.IntN(3)*1000)
	mss := uint16(1400 + m.r.IntN(3))
	binary.BigEndian.PutUint32(body[4:], seq)
	body[12], body[13] = 6<<4, flags
	binary.BigEndian.PutUint16(body[14:], window)
	body[20], body[21] = 2, 4
	binary.BigEndian.PutUint16(body[22:], mss)
	m.know(f, ruleset.TCPFlags, uint64(flags))
	m.know(f, "tcp sequence", uint64(seq))
	m.know(f, "tcp window", uint64(window))
	m.know(f, "tcp doff", 6)
	m.know(f, "tcp option maxseg size", uint64(mss))
	m.know(f, "tcp option maxseg", 1)
	m.know(f, "tcp option sack-perm", 0)
}

func (m *frameMaker) icmp(f *frame, body []byte, v6 bool) []byte {
	word, kinds := "icmp", []byte{8, 0, 3, 13}
	if v6 {
		word, kinds = "icmpv6", []byte{128, 129, 1, 3}
	}
	body[0], body[1], body[5], body[7] = pick(m.r, kinds...), byte(m.r.IntN(3)), byte(m.r.IntN(3)), byte(m.r.IntN(3))
	field := func(s string) ruleset.Field { return ruleset.Field(word + " " + s) }
	m.know(f, field("type"), uint64(body[0]))
	m.know(f, field("code"), uint64(body[1]))
	m.know(f, field("id"), uint64(body[5]))
	m.know(f, field("sequence"), uint64(body[7]))
	return body
}

func (m *frameMaker) header4(f *frame, proto uint8, body []byte) []byte {
	h := make([]byte, 20, 20+len(body))
	src, dst, ttl := address4(m.r), address4(m.r), pick(m.r, someTTLs...)
	tos, id, frag := byte(m.r.IntN(256)), uint16(m.r.IntN(4)), pick[uint16](m.r, 0, 0x4000)
	if m.fragments && m.r.IntN(4) == 0 {
		frag = pick[uint16](m.r, 0x2000, 0x2000|5, 5)
	}
	if frag&0x1fff != 0 {
		m.forgetTransport(f)
	}
	h[0], h[1], h[8], h[9] = 0x45, tos, ttl, proto
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(body)))
	binary.BigEndian.PutUint16(h[4:], id)
	binary.BigEndian.PutUint16(h[6:], frag)
	copy(h[12:], src.AsSlice())
	copy(h[16:], dst.AsSlice())
	binary.BigEndian.PutUint16(h[10:], checksum(0, h))
	m.finish(proto, body, h[12:20])
	m.raw(f, h, body, frag&0x1fff == 0)
	f.facts[ruleset.IPSource] = []ruleset.Range{ruleset.Only(ruleset.Addr(src))}
	f.facts[ruleset.IPDest] = []ruleset.Range{ruleset.Only(ruleset.Addr(dst))}
	for field, n := range map[ruleset.Field]uint64{
		ruleset.NFProto: 2, ruleset.TTL: uint64(ttl), ruleset.DSCP: uint64(tos >> 2), "ip ecn": uint64(tos & 3),
		"ip id": uint64(id), ruleset.Fragment: uint64(frag), "ip length": uint64(20 + len(body)), "ip version": 4, "ip hdrlength": 5,
	} {
		m.know(f, field, n)
	}
	return append(h, body...)
}

// forgetTransport: a later fragment has no header behind IP's.
func (m *frameMaker) forgetTransport(f *frame) {
	for field := range f.facts {
		if field != ruleset.L4Proto {
			delete(f.facts, field)
		}
	}
}

func (m *frameMaker) header6(f *frame, proto uint8, body []byte) []byte {
	h := make([]byte, 40, 56+len(body))
	src, dst, hops := address6(m.r), address6(m.r), pick(m.r, someTTLs...)
	class, label := uint32(m.r.IntN(256)), uint32(m.r.IntN(4))
	next, more, offset := proto, []byte(nil), uint16(0)
	fragmented := m.fragments && m.r.IntN(6) == 0
	if fragmented {
		offset = pick[uint16](m.r, 0, 5)
		next, more = 44, []byte{proto, 0, 0, byte(offset<<3) | byte(m.r.IntN(2)), 0, 0, 0, 9}
	}
	options := m.r.IntN(4) == 0
	if options { // an empty header of destination options
		next, more = 60, append([]byte{next, 0, 1, 4, 0, 0, 0, 0}, more...)
	}
	if offset > 0 {
		m.forgetTransport(f)
	}
	binary.BigEndian.PutUint32(h, 6<<28|class<<20|label)
	binary.BigEndian.PutUint16(h[4:], uint16(len(more)+len(body)))
	h[6], h[7] = next, hops
	copy(h[8:], src.AsSlice())
	copy(h[24:], dst.AsSlice())
	m.finish(proto, body, h[8:40])
	m.raw(f, h, body, offset == 0)
	f.facts[ruleset.IP6Source] = []ruleset.Range{ruleset.Only(ruleset.Addr(src))}
	f.facts[ruleset.IP6Dest] = []ruleset.Range{ruleset.Only(ruleset.Addr(dst))}
	m.has(f, "exthdr dst", options)
	m.has(f, "exthdr frag", fragmented)
	if fragmented {
		m.know(f, "frag frag-off", uint64(offset))
	}
	for field, n := range map[ruleset.Field]uint64{
		ruleset.NFProto: 10, ruleset.HopLimit: uint64(hops), ruleset.DSCP: uint64(class >> 2), "ip6 ecn": uint64(class & 3),
		"ip6 nexthdr": uint64(next), "ip6 flowlabel": uint64(label), "ip6 length": uint64(len(more) + len(body)),
		"ip6 version": 6,
	} {
		m.know(f, field, n)
	}
	return append(append(h, more...), body...)
}

// raw is what rules read by its place alone: `th dport` of what has no ports too.
func (m *frameMaker) raw(f *frame, network, transport []byte, whole bool) {
	m.know(f, "@nh,8,8", uint64(network[1]))
	m.know(f, "@nh,0,8", uint64(network[0]))
	m.know(f, "@nh,96,32", uint64(binary.BigEndian.Uint32(network[12:])))
	if whole {
		m.know(f, ruleset.SourcePort, uint64(binary.BigEndian.Uint16(transport)))
		m.know(f, ruleset.DestPort, uint64(binary.BigEndian.Uint16(transport[2:])))
		m.know(f, "@th,0,32", uint64(binary.BigEndian.Uint32(transport)))
	}
}

// finish puts the checksum into a header, without which conntrack calls a packet invalid.
func (m *frameMaker) finish(proto uint8, body, addresses []byte) {
	at := map[uint8]int{isTCP: 16, isUDP: 6, isICMP: 2, isICMP6: 2}[proto]
	if at == 0 {
		return
	}
	sum := uint32(0)
	if proto != isICMP {
		sum = sumOf(sumOf(0, addresses), []byte{0, proto, byte(len(body) >> 8), byte(len(body))})
	}
	binary.BigEndian.PutUint16(body[at:], checksum(sum, body))
}

func sumOf(sum uint32, b []byte) uint32 {
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	return sum
}

func checksum(sum uint32, b []byte) uint16 {
	sum = sumOf(sum, b)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// factsText is what is known, for a failing test.
func factsText(f ruleset.Facts) (s string) {
	for field, known := range f {
		if len(known) > 0 {
			s += fmt.Sprintf("%s=%x ", field, known[0].From.Low)
		}
	}
	return s
}
