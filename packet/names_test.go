package packet_test

import (
	"strconv"
	"testing"

	"github.com/pktrail/pktrail/packet"
)

func TestProtoNames(t *testing.T) {
	for proto := range 256 {
		name := packet.ProtoName(uint8(proto))
		if got, err := packet.ParseProto(name); err != nil || int(got) != proto {
			t.Errorf("%d is %q, which is read as %d, %v", proto, name, got, err)
		}
	}
	words := map[string]uint8{
		"tcp": 6, "UDP": 17, "icmp": 1, "icmpv6": 58, "ipv6-icmp": 58, "ipv6-mh": 135, "mh": 135,
		"ipcomp": 108, "comp": 108, "udplite": 136, "0x2f": 47, "253": 253,
	}
	for word, want := range words {
		if got, err := packet.ParseProto(word); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", word, got, err, want)
		}
	}
	for _, word := range []string{"", "tcpp", "256", "-1", "t cp"} {
		if got, err := packet.ParseProto(word); err == nil {
			t.Errorf("%q is read as %d", word, got)
		}
	}
}

func TestTCPFlags(t *testing.T) {
	for bits := range 1 << 9 {
		f := packet.TCPFlags(bits)
		if got, err := packet.ParseTCPFlags(f.String()); err != nil || got != f {
			t.Errorf("%#x is %q, which is read as %#x, %v", bits, f, got, err)
		}
	}
	words := map[string]packet.TCPFlags{
		"SA": packet.SYN | packet.ACK, "SYN,ACK": packet.SYN | packet.ACK, "syn | ack": packet.SYN | packet.ACK,
		"ALL": 0x3f, "NONE": 0, "FIN": packet.FIN, "ecn,cwr": packet.ECE | packet.CWR, "0x12": 0x12, "18": 18,
	}
	for word, want := range words {
		if got, err := packet.ParseTCPFlags(word); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", word, got, err, want)
		}
	}
	for _, word := range []string{"XY", "syn,foo", "0x200", "512"} {
		if got, err := packet.ParseTCPFlags(word); err == nil {
			t.Errorf("%q is read as %v", word, got)
		}
	}
}

func TestICMPTypes(t *testing.T) {
	for _, proto := range []uint8{packet.ProtoICMP, packet.ProtoICMPv6} {
		for typ := range 256 {
			name := packet.ICMPName(proto, uint8(typ))
			if name == "" {
				name = strconv.Itoa(typ)
			}
			want := packet.ICMPType{Type: uint8(typ), AnyCode: true}
			if got, err := packet.ParseICMPType(proto, name); err != nil || got != want {
				t.Errorf("%d is %q, which is read as %+v, %v", typ, name, got, err)
			}
		}
	}
	tests := []struct {
		proto uint8
		word  string
		want  packet.ICMPType
	}{
		{packet.ProtoICMP, "ping", packet.ICMPType{Type: 8, AnyCode: true}},
		{packet.ProtoICMP, "TOS-host-redirect", packet.ICMPType{Type: 5, Code: 3}},
		{packet.ProtoICMP, "3/13", packet.ICMPType{Type: 3, Code: 13}},
		{packet.ProtoICMP, "fragmentation", packet.ICMPType{Type: 3, Code: 4}},
		{packet.ProtoICMPv6, "echo-request", packet.ICMPType{Type: 128, AnyCode: true}},
		{packet.ProtoICMPv6, "neighbour-solicitation", packet.ICMPType{Type: 135, AnyCode: true}},
		{packet.ProtoICMPv6, "nd-neighbor-solicit", packet.ICMPType{Type: 135, AnyCode: true}},
		{packet.ProtoICMPv6, "no-route", packet.ICMPType{Type: 1}},
	}
	for _, test := range tests {
		if got, err := packet.ParseICMPType(test.proto, test.word); err != nil || got != test.want {
			t.Errorf("%s: %+v, %v, want %+v", test.word, got, err, test.want)
		}
	}
	for _, word := range []string{"", "echo", "3/", "3/256", "256", "no-route"} {
		if got, err := packet.ParseICMPType(packet.ProtoICMP, word); err == nil {
			t.Errorf("%q is read as %+v", word, got)
		}
	}
	if got := packet.ICMPCodeName(packet.ProtoICMP, 3, 3); got != "port-unreachable" {
		t.Errorf("code 3 of type 3 is %q", got)
	}
}
