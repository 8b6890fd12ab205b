package arm

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// randomPacket is an IP packet out of few values, so that matches meet, with
// options, extension headers, fragments and quoted packets among them.
func randomPacket(t *testing.T, r *rand.Rand, family ruleset.Family) []byte {
	t.Helper()
	v6 := r.IntN(2) == 0
	switch family {
	case ruleset.IP:
		v6 = false
	case ruleset.IP6:
		v6 = true
	}
	p := randomHeaders(r, v6)
	var payload []byte
	if p.IsICMPError() {
		inner := randomHeaders(r, v6)
		quoted, err := packet.Build(&inner, make([]byte, 32))
		must(t, err)
		payload = quoted
	}
	if payload == nil {
		payload = make([]byte, 16+r.IntN(40))
	}
	raw, err := packet.Build(&p, payload)
	must(t, err)
	switch r.IntN(6) {
	case 0:
		return withOptions(raw, v6)
	case 1:
		return asFragment(raw, v6, r)
	}
	return raw
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func randomHeaders(r *rand.Rand, v6 bool) packet.Packet {
	begin, icmp := "10.0.0.", uint8(packet.ProtoICMP)
	p := packet.Packet{Family: packet.IPv4}
	types := []uint8{0, 8, 3, 11, 12, 5, 13}
	if v6 {
		p.Family, begin, icmp = packet.IPv6, "2001:db8::", packet.ProtoICMPv6
		types = []uint8{128, 129, 1, 2, 3, 4}
	}
	p.Src = netip.MustParseAddr(fmt.Sprint(begin, 1+r.IntN(5)))
	p.Dst = netip.MustParseAddr(fmt.Sprint(begin, 1+r.IntN(5)))
	p.Proto = pick(r, packet.ProtoTCP, packet.ProtoTCP, packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDP, icmp, icmp, icmp, packet.ProtoSCTP, packet.ProtoGRE)
	p.SrcPort = pick[uint16](r, 53, 80, 443, 999, 1000, 1500, 2000, 65535)
	p.DstPort = pick[uint16](r, 53, 80, 90, 443, 1023, 1024, 2001, 0)
	p.TCP.Flags = pick(r, packet.SYN, packet.SYN|packet.ACK, packet.ACK, packet.RST, packet.RST|packet.ACK, 0, packet.FIN|packet.ACK, packet.ECE, packet.SYN|packet.ECE|packet.CWR)
	p.ICMP.Type, p.ICMP.Code = pick(r, types...), pick[uint8](r, 0, 1, 3, 4)
	p.TTL, p.ID = 9, uint16(r.Uint32())
	if p.Proto == icmp {
		p.Has = packet.HasIP | packet.HasICMP
	}
	return p
}

// withOptions puts two words of no-operation behind an IPv4 header, or a
// destination options header behind an IPv6 one.
func withOptions(raw []byte, v6 bool) []byte {
	if v6 {
		raw = slices.Insert(raw, 40, raw[6], 0, 1, 4, 0, 0, 0, 0)
		raw[6] = 60
		binary.BigEndian.PutUint16(raw[4:], uint16(len(raw)-40))
		return raw
	}
	raw = slices.Insert(raw, 20, 1, 1, 1, 1, 1, 1, 1, 1)
	raw[0] = 0x47
	binary.BigEndian.PutUint16(raw[2:], uint16(len(raw)))
	return checksum4(raw)
}

// asFragment makes the packet a first or a later fragment.
func asFragment(raw []byte, v6 bool, r *rand.Rand) []byte {
	return asFragmentAt(raw, v6, pick[uint16](r, 0, 0, 8, 1480))
}

func asFragmentAt(raw []byte, v6 bool, offset uint16) []byte {
	if v6 {
		field := offset | 1
		raw = slices.Insert(raw, 40, raw[6], 0, byte(field>>8), byte(field), 1, 2, 3, 4)
		raw[6] = 44
		binary.BigEndian.PutUint16(raw[4:], uint16(len(raw)-40))
		return raw
	}
	binary.BigEndian.PutUint16(raw[6:], 0x2000|offset/8)
	return checksum4(raw)
}

func checksum4(raw []byte) []byte {
	raw[10], raw[11] = 0, 0
	var sum uint32
	for i := 0; i < int(raw[0]&15)*4; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(raw[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(raw[10:], ^uint16(sum))
	return raw
}
