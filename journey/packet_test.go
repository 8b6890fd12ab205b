package journey_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

func TestPacketOf(t *testing.T) {
	v4 := packet.Packet{
		Has: packet.HasIP | packet.HasProto, Family: packet.IPv4, Proto: packet.ProtoUDP, NextHeader: packet.ProtoUDP,
		Src: netip.MustParseAddr("0.0.0.0"), Dst: netip.MustParseAddr("10.0.0.1"), Length: 28,
	}
	zeroPorts := v4
	zeroPorts.Has |= packet.HasPorts
	fragment := v4
	fragment.FragOffset = 1480
	failed := v4
	failed.Has |= packet.HasICMP
	failed.Proto, failed.ICMP, failed.Inner = packet.ProtoICMP, packet.ICMP{Type: 3, Code: 1}, &zeroPorts
	echo := packet.Packet{
		Has: packet.HasIP | packet.HasProto | packet.HasICMP, Family: packet.IPv6, Proto: packet.ProtoICMPv6,
		Src: netip.MustParseAddr("fe80::1"), Dst: netip.MustParseAddr("fe80::2"), TTL: 255, ICMP: packet.ICMP{Type: 128},
	}
	hidden := packet.Packet{Has: packet.HasIP, Family: packet.IPv6, Proto: 60, NextHeader: 60, Src: echo.Src, Dst: echo.Dst, Length: 100}
	arp := packet.Packet{
		Has: packet.HasARP, Family: packet.ARP, ARPOp: 2, ARPSrc: [6]byte{2, 0, 0, 0, 0, 1},
		Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"),
	}
	tests := map[string]struct {
		of   packet.Packet
		want string
	}{
		"zeros that are known": {zeroPorts, `{"family":"ipv4","proto":"udp","src":"0.0.0.0","dst":"10.0.0.1","sport":0,"dport":0,"length":28,"ttl":0,"tos":0,"ip_id":0}`},
		"ports not in reach":   {v4, `{"family":"ipv4","proto":"udp","src":"0.0.0.0","dst":"10.0.0.1","length":28,"ttl":0,"tos":0,"ip_id":0}`},
		"fragment": {fragment, `{"family":"ipv4","proto":"udp","src":"0.0.0.0","dst":"10.0.0.1","length":28,"ttl":0,"tos":0,"ip_id":0,` +
			`"fragment":{"offset":1480,"more":false}}`},
		"icmp error": {failed, `{"family":"ipv4","proto":"icmp","src":"0.0.0.0","dst":"10.0.0.1","length":28,"ttl":0,"tos":0,"ip_id":0,` +
			`"icmp":{"type":3,"code":1,"name":"destination-unreachable"},` +
			`"inner":{"family":"ipv4","proto":"udp","src":"0.0.0.0","dst":"10.0.0.1","sport":0,"dport":0,"length":28,"ttl":0,"tos":0,"ip_id":0}}`},
		"echo": {echo, `{"family":"ipv6","proto":"icmpv6","src":"fe80::1","dst":"fe80::2","ttl":255,"tos":0,"flow_label":0,` +
			`"icmp":{"type":128,"code":0,"name":"echo-request","id":0,"seq":0}}`},
		"protocol not known": {hidden, `{"family":"ipv6","next_header":"ipv6-opts","src":"fe80::1","dst":"fe80::2","length":100,"ttl":0,"tos":0,"flow_label":0}`},
		"arp": {arp, `{"family":"arp","src":"10.0.0.1","dst":"10.0.0.2",` +
			`"arp":{"op":2,"name":"reply","src_ether":"02:00:00:00:00:01","dst_ether":"00:00:00:00:00:00"}}`},
		"another ethertype":  {packet.Packet{Has: packet.HasLink, EtherType: 0x88cc}, `{"family":"0x88cc"}`},
		"nothing":            {packet.Packet{}, `{"family":"unknown"}`},
		"cut network header": {packet.Packet{Family: packet.IPv4}, `{"family":"ipv4"}`},
	}
	for name, test := range tests {
		got, err := json.Marshal(journey.PacketOf(&test.of))
		if err != nil || string(got) != test.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", name, got, err, test.want)
		}
	}
}
