package packet_test

import (
	"net/netip"
	"testing"

	"github.com/pktrail/pktrail/packet"
)

var (
	hostA  = netip.MustParseAddr("10.1.0.2")
	hostB  = netip.MustParseAddr("10.2.0.2")
	hostA6 = netip.MustParseAddr("fd00:1::2")
	hostB6 = netip.MustParseAddr("fd00:2::2")
)

func tcp4() packet.Packet {
	return packet.Packet{
		Family: packet.IPv4, Src: hostA, Dst: hostB, Proto: packet.ProtoTCP, ID: 77, DontFragment: true,
		SrcPort: 41234, DstPort: 80, TCP: packet.TCP{Flags: packet.SYN, Seq: 1000, Window: 64240},
	}
}

func udp6() packet.Packet {
	return packet.Packet{
		Family: packet.IPv6, Src: hostA6, Dst: hostB6, Proto: packet.ProtoUDP, FlowLabel: 0xabcde,
		SrcPort: 5353, DstPort: 53,
	}
}

func echo4() packet.Packet {
	return packet.Packet{
		Family: packet.IPv4, Src: hostA, Dst: hostB, Proto: packet.ProtoICMP, ID: 9,
		ICMP: packet.ICMP{Type: 8, ID: 321, Seq: 5},
	}
}

// built builds a packet and decodes its bytes again.
func built(t testing.TB, p packet.Packet, payload string) packet.Packet {
	t.Helper()
	b, err := packet.Build(&p, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	got, err := packet.DecodeIP(b)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestKeysOfTraceAndLog: one packet, cut as the trace cuts it and whole.
func TestKeysOfTraceAndLog(t *testing.T) {
	packets := map[string][]byte{
		"ipv6 extension headers": unhex(t, mldV6+hopOpts+mld),
		"ipv4 options":           unhex(t, "4600 0024 0000 0000 4084 0000 0a010002 0a60000a 01010100 0001 0002 00000003 00000004"),
	}
	for name, p := range map[string]packet.Packet{"tcp": tcp4(), "udp": udp6(), "icmp": echo4()} {
		b, err := packet.Build(&p, []byte("some payload that is longer than twenty bytes"))
		if err != nil {
			t.Fatal(err)
		}
		packets[name] = b
	}
	headers := map[string]int{"ipv6 extension headers": 48, "ipv4 options": 24, "udp": 40}
	for name, b := range packets {
		size := headers[name]
		if size == 0 {
			size = 20
		}
		logged, err := packet.DecodeIP(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		padded := append(b, 0, 0, 0, 0)
		traced, err := packet.Decode(packet.Unspec, b[:min(size, 40)], padded[size:min(size+20, len(padded))])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if traced.Key() != logged.Key() || traced.LooseKey() != logged.LooseKey() || traced.Trail() != logged.Trail() {
			t.Errorf("%s: keys differ:\ntrace %+v\nlog   %+v", name, traced, logged)
		}
	}
}

// TestKeys says of each change which keys it leaves alone.
func TestKeys(t *testing.T) {
	const payload = "payload of more than twenty bytes"
	type same struct{ key, loose, trail bool }
	all, none := same{true, true, true}, same{}
	tests := map[string]struct {
		of     packet.Packet
		change func(*packet.Packet)
		want   same
	}{
		"nothing":                    {tcp4(), func(*packet.Packet) {}, all},
		"ttl and traffic class":      {tcp4(), func(p *packet.Packet) { p.TTL, p.TOS = 63, 0xb8 }, all},
		"hop limit":                  {udp6(), func(p *packet.Packet) { p.TTL, p.TOS = 63, 0xb8 }, all},
		"tcp window":                 {tcp4(), func(p *packet.Packet) { p.TCP.Window = 1 }, same{false, true, true}},
		"ecn bits":                   {tcp4(), func(p *packet.Packet) { p.TCP.Flags |= packet.ECE | packet.CWR }, same{false, true, false}},
		"source nat":                 {tcp4(), func(p *packet.Packet) { p.Src, p.SrcPort = hostB, 1024 }, same{false, false, true}},
		"destination nat":            {udp6(), func(p *packet.Packet) { p.Dst, p.DstPort = hostA6, 5300 }, same{false, false, true}},
		"icmp nat":                   {echo4(), func(p *packet.Packet) { p.Src, p.ICMP.ID = hostB, 7 }, same{false, false, true}},
		"another ip id":              {tcp4(), func(p *packet.Packet) { p.ID++ }, none},
		"another flow label":         {udp6(), func(p *packet.Packet) { p.FlowLabel++ }, none},
		"another sequence number":    {tcp4(), func(p *packet.Packet) { p.TCP.Seq++ }, none},
		"another acknowledgement":    {tcp4(), func(p *packet.Packet) { p.TCP.Ack++ }, none},
		"another flag":               {tcp4(), func(p *packet.Packet) { p.TCP.Flags |= packet.ACK }, none},
		"another echo":               {echo4(), func(p *packet.Packet) { p.ICMP.Seq++ }, none},
		"the answer":                 {echo4(), func(p *packet.Packet) { p.ICMP.Type = 0 }, none},
		"another protocol":           {tcp4(), func(p *packet.Packet) { p.Proto = packet.ProtoGRE }, none},
		"another don't fragment bit": {tcp4(), func(p *packet.Packet) { p.DontFragment = false }, none},
	}
	for name, test := range tests {
		before := built(t, test.of, payload)
		changed := test.of
		test.change(&changed)
		after := built(t, changed, payload)
		got := same{before.Key() == after.Key(), before.LooseKey() == after.LooseKey(), before.Trail() == after.Trail()}
		if got != test.want {
			t.Errorf("%s: same %+v, want %+v", name, got, test.want)
		}
	}
	one, other := built(t, udp6(), payload), built(t, udp6(), "Payload of more than twenty bytes")
	if one.Key() == other.Key() || one.Trail() == other.Trail() {
		t.Error("two UDP payloads of one length have the same key")
	}
	mss := built(t, tcp4(), "")
	mss.Length += 4
	if plain := built(t, tcp4(), ""); mss.LooseKey() != plain.LooseKey() || mss.Key() == plain.Key() {
		t.Error("an option that a rule adds to a SYN must change its key and not its loose key")
	}
}

// TestTrailOfICMPError: NAT translates the packet that an error quotes as well.
func TestTrailOfICMPError(t *testing.T) {
	for _, inner := range []packet.Packet{tcp4(), udp6()} {
		translated := inner
		translated.Src, translated.SrcPort = inner.Dst, 9
		outer := packet.Packet{Family: packet.IPv4, Src: hostB, Dst: hostA, Proto: packet.ProtoICMP, ICMP: packet.ICMP{Type: 3, Code: 3}}
		if inner.Family == packet.IPv6 {
			outer = packet.Packet{Family: packet.IPv6, Src: hostB6, Dst: hostA6, Proto: packet.ProtoICMPv6, ICMP: packet.ICMP{Type: 1, Code: 4}}
		}
		quote := func(p packet.Packet) packet.Packet {
			b, err := packet.Build(&p, nil)
			if err != nil {
				t.Fatal(err)
			}
			return built(t, outer, string(b))
		}
		before, after := quote(inner), quote(translated)
		if before.Key() == after.Key() || before.Trail() != after.Trail() {
			t.Errorf("family %d: an error's key must tell quotations apart, its trail must not", inner.Family)
		}
		sent := built(t, translated, "")
		if got, want := after.Inner.Tuple(), sent.Tuple(); got != want {
			t.Errorf("quoted tuple %+v, want %+v", got, want)
		}
	}
}

func TestARPKey(t *testing.T) {
	const announce = "00010800060400020277020000020a4d02030277020000010a4d0201"
	a, _ := packet.Decode(packet.ARP, unhex(t, announce), nil)
	b := a
	b.ARPSrc[5]++
	if a.Key() == b.Key() || a.Key() != a.LooseKey() || a.Key() != a.Trail() {
		t.Error("ARP: one key of all, and another one for another sender")
	}
}

func TestTupleReverse(t *testing.T) {
	for _, p := range []packet.Packet{tcp4(), udp6(), echo4()} {
		p := built(t, p, "")
		tuple := p.Tuple()
		back := tuple.Reverse()
		if back == tuple || back.Reverse() != tuple || back.Src != tuple.Dst || back.SrcPort != tuple.DstPort {
			t.Errorf("reverse of %+v is %+v", tuple, back)
		}
	}
	icmp := map[uint8]uint8{0: 8, 8: 0, 13: 14, 18: 17, 3: 3}
	for typ, want := range icmp {
		if got := (packet.Tuple{Proto: packet.ProtoICMP, Type: typ}).Reverse().Type; got != want {
			t.Errorf("icmp %d answers %d, want %d", typ, got, want)
		}
	}
	icmpv6 := map[uint8]uint8{128: 129, 129: 128, 140: 139, 135: 135}
	for typ, want := range icmpv6 {
		if got := (packet.Tuple{Proto: packet.ProtoICMPv6, Type: typ}).Reverse().Type; got != want {
			t.Errorf("icmpv6 %d answers %d, want %d", typ, got, want)
		}
	}
}
