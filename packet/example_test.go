package packet_test

import (
	"fmt"
	"net/netip"

	"github.com/pktrail/pktrail/packet"
)

// A packet is followed through a masquerading router by its trail.
func ExamplePacket_Trail() {
	before := packet.Packet{
		Family: packet.IPv4, Src: netip.MustParseAddr("10.1.0.2"), Dst: netip.MustParseAddr("192.0.2.1"),
		Proto: packet.ProtoUDP, ID: 4711, SrcPort: 5353, DstPort: 53,
	}
	after := before
	after.Src, after.SrcPort = netip.MustParseAddr("198.51.100.7"), 1024

	decode := func(p packet.Packet) packet.Packet {
		bytes, err := packet.Build(&p, []byte("a question"))
		if err != nil {
			panic(err)
		}
		decoded, err := packet.DecodeIP(bytes)
		if err != nil {
			panic(err)
		}
		return decoded
	}
	before, after = decode(before), decode(after)
	fmt.Println(before.Key() == after.Key(), before.Trail() == after.Trail())
	// Output: false true
}

func ExampleDecode() {
	network := []byte("\x45\x00\x00\x17\x95\x43\x00\x00\x40\x11\xcd\xf5\x0a\x4d\x01\x02\x0a\x4d\x02\x02")
	p, err := packet.Decode(packet.IPv4, network, []byte("\x00\x00\x00"))
	fmt.Println(packet.ProtoName(p.Proto), p.Src, p.Dst, err)
	// Output: udp 10.77.1.2 10.77.2.2 udp header at byte 0: cut after 3 of 8 bytes
}

func ExampleTCPFlags_String() {
	fmt.Println(packet.SYN|packet.ACK, packet.PSH|packet.ACK|packet.FIN)
	// Output: SA FPA
}
