package packet_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/packet"
)

// TestBuild compares with bytes that a kernel sent.
func TestBuild(t *testing.T) {
	tests := map[string]struct {
		p       packet.Packet
		payload string
		want    string
	}{
		"udp over ipv6": {
			packet.Packet{
				Family: packet.IPv6, Src: netip.MustParseAddr("fd77:1::2"), Dst: netip.MustParseAddr("fd77:2::2"),
				Proto: packet.ProtoUDP, SrcPort: 23306, DstPort: 4444,
			},
			"abcd",
			"60000000000c1140fd770001000000000000000000000002fd770002000000000000000000000002 5b0a115c000cd3b261626364",
		},
		"odd payload": {
			packet.Packet{
				Family: packet.IPv4, Src: netip.MustParseAddr("127.0.0.1"), Dst: netip.MustParseAddr("127.0.0.1"),
				Proto: packet.ProtoICMP, ICMP: packet.ICMP{Type: 8, ID: 1, Seq: 1},
			},
			"a",
			"4500001d0000000040017cde7f0000017f000001 080096fd00010001 61",
		},
		"another protocol": {
			packet.Packet{
				Family: packet.IPv4, Src: netip.MustParseAddr("127.0.0.1"), Dst: netip.MustParseAddr("127.0.0.1"),
				Proto: packet.ProtoGRE, TTL: 1,
			},
			"abcd",
			"450000180000000001" + "2fbbb5" + "7f0000017f000001 61626364",
		},
	}
	for name, test := range tests {
		got, err := packet.Build(&test.p, []byte(test.payload))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := unhex(t, test.want); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", name, got, want)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	mixed := tcp4()
	mixed.Dst = hostB6
	fragment := udp6()
	fragment.FragOffset = 8
	for _, p := range []packet.Packet{{}, mixed, fragment} {
		if b, err := packet.Build(&p, nil); err == nil {
			t.Errorf("%+v: built % x", p, b)
		}
	}
	large := tcp4()
	if _, err := packet.Build(&large, make([]byte, 0xffff)); err == nil {
		t.Error("built a packet of more than 65,535 bytes")
	}
}

// TestBuildDecodes: what was asked for is what is read again.
func TestBuildDecodes(t *testing.T) {
	for _, p := range []packet.Packet{tcp4(), udp6(), echo4()} {
		p.TTL, p.TOS = 9, 0x10
		got := built(t, p, "x")
		want := p
		want.Has, want.NextHeader, want.Length, want.L4, want.L4Len = got.Has, p.Proto, got.Length, got.L4, got.L4Len
		if diff := cmp.Diff(want, got, byValue); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
