package packet_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/packet"
)

var byValue = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// l4 fills Packet.L4 and L4Len.
func l4(t testing.TB, p packet.Packet, s string) packet.Packet {
	t.Helper()
	p.L4Len = uint8(copy(p.L4[:], unhex(t, s)))
	return p
}

const (
	synV4   = "4500 003c 36bd 4000 4006 0000 0a010002 0a60000a"
	synTCP  = "a112 0050 00000001 00000000 a002 fd20 fb24 0000"
	mldV6   = "6000 0000 0024 00 01 fe80000000000000007701fffe000001 ff020000000000000000000000000016"
	hopOpts = "3a00 0502 0000 0100"
	mld     = "8f00 708e 0000 0001 04000000 ff020000 00000000 0000 0000 0002 0202"
)

func TestDecode(t *testing.T) {
	syn := packet.Packet{
		Has:    packet.HasIP | packet.HasProto | packet.HasPorts | packet.HasTCP,
		Family: packet.IPv4, Src: netip.MustParseAddr("10.1.0.2"), Dst: netip.MustParseAddr("10.96.0.10"),
		Proto: packet.ProtoTCP, NextHeader: packet.ProtoTCP, TTL: 64, ID: 14013, Length: 60, DontFragment: true,
		SrcPort: 41234, DstPort: 80, TCP: packet.TCP{Flags: packet.SYN, Seq: 1, Window: 64800},
	}
	report := packet.Packet{
		Has: packet.HasIP, Family: packet.IPv6, Length: 76, TTL: 1,
		Src: netip.MustParseAddr("fe80::77:1ff:fe00:1"), Dst: netip.MustParseAddr("ff02::16"),
	}
	tests := map[string]struct {
		family             packet.Family
		network, transport string
		want               packet.Packet
		err                string
	}{
		"tcp":                        {packet.IPv4, synV4, synTCP, l4(t, syn, synTCP), ""},
		"family from the version":    {packet.Unspec, synV4, synTCP, l4(t, syn, synTCP), ""},
		"transport in network slice": {packet.IPv4, synV4 + synTCP, "", l4(t, syn, synTCP), ""},
		"unknown behind extensions":  {packet.IPv6, mldV6, mld[:49], l4(t, report, mld[:49]), ""},
		"udp cut after its ports": {packet.IPv4, "45000017954300004011cdf50a4d01020a4d0202", "1234 0035 00",
			l4(t, packet.Packet{
				Has: packet.HasIP | packet.HasProto, Family: packet.IPv4, Proto: 17, NextHeader: 17, TTL: 64, ID: 0x9543, Length: 23,
				Src: netip.MustParseAddr("10.77.1.2"), Dst: netip.MustParseAddr("10.77.2.2"),
			}, "1234 00"), "udp header at byte 0: cut after 3 of 8 bytes"},
		"later ipv6 fragment": {packet.Unspec, "", "60000000000c2c40fd7700010000000000000000",
			packet.Packet{Family: packet.IPv6, Proto: 44, NextHeader: 44, TTL: 64, Length: 52},
			"ipv6 header at byte 0: a fragment that is not the first, of which the kernel hands out no addresses"},
		"later ipv4 fragment": {packet.IPv4, "4500 0024 0102 0005 4006 0000 0a010002 0a60000a", "0102 0304 0506 0708",
			l4(t, packet.Packet{
				Has: packet.HasIP | packet.HasProto, Family: packet.IPv4, Proto: 6, NextHeader: 6, TTL: 64, ID: 0x102, Length: 36,
				Src: syn.Src, Dst: syn.Dst, FragOffset: 40,
			}, "0102 0304 0506 0708"), ""},
		"arp": {packet.ARP, "00010800060400020277020000020a4d02030277020000010a4d0201", "",
			packet.Packet{
				Has: packet.HasARP, Family: packet.ARP, ARPOp: 2,
				Src: netip.MustParseAddr("10.77.2.3"), Dst: netip.MustParseAddr("10.77.2.1"),
				ARPSrc: [6]byte{2, 0x77, 2, 0, 0, 2}, ARPDst: [6]byte{2, 0x77, 2, 0, 0, 1},
			}, ""},
		"arp of other addresses": {packet.ARP, "0006 0800 0604 0001", "", packet.Packet{Family: packet.ARP, ARPOp: 1},
			"arp header at byte 0: not of Ethernet and IPv4 addresses"},
		"nothing": {packet.IPv4, "", "", packet.Packet{Family: packet.IPv4}, "ipv4 header at byte 0: cut after 0 of 20 bytes"},
		"wrong version": {packet.IPv4, "6500 003c 36bd 4000 4006 0000 0a010002 0a60000a", "", packet.Packet{Family: packet.IPv4},
			"ipv4 header at byte 0: version is 6"},
		"unknown family": {packet.Family(7), synV4, "", packet.Packet{Family: 7},
			"network header at byte 0: family 7 is neither IPv4, IPv6 nor ARP"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := packet.Decode(test.family, unhex(t, test.network), unhex(t, test.transport))
			check(t, got, err, test.want, test.err)
		})
	}
}

func check(t *testing.T, got packet.Packet, err error, want packet.Packet, wantErr string) {
	t.Helper()
	if diff := cmp.Diff(want, got, byValue); diff != "" {
		t.Errorf("packet (-want +got):\n%s", diff)
	}
	text := ""
	if err != nil {
		text = err.Error()
		if _, ok := errors.AsType[*packet.Error](err); !ok {
			t.Errorf("error of type %T", err)
		}
	}
	if text != wantErr {
		t.Errorf("error %q, want %q", text, wantErr)
	}
}

func TestDecodeIP(t *testing.T) {
	v4 := func(p packet.Packet) packet.Packet {
		p.Has |= packet.HasIP | packet.HasProto
		p.Family, p.TTL, p.NextHeader = packet.IPv4, 64, p.Proto
		p.Src, p.Dst = netip.MustParseAddr("10.1.0.2"), netip.MustParseAddr("10.96.0.10")
		return p
	}
	v6 := func(p packet.Packet) packet.Packet {
		p.Has |= packet.HasIP
		p.Family = packet.IPv6
		p.Src, p.Dst = netip.MustParseAddr("fe80::77:1ff:fe00:1"), netip.MustParseAddr("ff02::16")
		return p
	}
	quoted := l4(t, v4(packet.Packet{Has: packet.HasPorts, Proto: 17, Length: 1028, SrcPort: 0x1111, DstPort: 0x35}), "1111 0035 03f0 abcd")
	const addrs4, addrs6 = " 0a010002 0a60000a", "fe80000000000000007701fffe000001 ff020000000000000000000000000016"
	tests := map[string]struct {
		data string
		want packet.Packet
		err  string
	}{
		"options before sctp": {"4600 0024 0000 0000 4084 0000" + addrs4 + "01010100 0001 0002 00000003 00000004",
			l4(t, v4(packet.Packet{Has: packet.HasPorts, Proto: 132, Length: 36, SrcPort: 1, DstPort: 2}), "0001 0002 00000003 00000004"), ""},
		"options out of reach": {"4600 0024 0000 0000 4084 0000" + addrs4,
			v4(packet.Packet{Proto: 132, Length: 36}), "ipv4 options header at byte 20: cut after 0 of 4 bytes"},
		"padding is not the packet's": {"4500 001c 0000 0000 4011 0000" + addrs4 + "1111 0035 0008 0000 00000000",
			l4(t, v4(packet.Packet{Has: packet.HasPorts, Proto: 17, Length: 28, SrcPort: 0x1111, DstPort: 53}), "1111 0035 0008 0000"), ""},
		"icmp error": {"4500 0038 0000 0000 4001 0000" + addrs4 + "0303 0000 0000 0000" + "4500 0404 0000 0000 4011 0000" + addrs4 + "1111 0035 03f0 abcd",
			l4(t, v4(packet.Packet{Has: packet.HasICMP, Proto: 1, Length: 56, ICMP: packet.ICMP{Type: 3, Code: 3}, Inner: &quoted}),
				"0303 0000 0000 0000 4500 0404 0000 0000 4011 0000"), ""},
		"extension headers": {mldV6 + hopOpts + mld,
			l4(t, v6(packet.Packet{Has: packet.HasProto | packet.HasICMP, Proto: 58, Length: 76, TTL: 1, ICMP: packet.ICMP{Type: 143}}), mld[:49]), ""},
		"later fragment": {"6000 0000 0010 2c 40" + addrs6 + "1100 0029 00001234" + "0102030405060708",
			l4(t, v6(packet.Packet{Has: packet.HasProto, Proto: 17, NextHeader: 44, TTL: 64, Length: 56, ID: 0x1234, FragOffset: 40, MoreFragments: true}),
				"0102030405060708"), ""},
		"extension header out of reach": {"6000 0000 0010 2b 40" + addrs6 + "1104 0029 00001234" + "0102030405060708",
			v6(packet.Packet{Proto: 43, NextHeader: 43, TTL: 64, Length: 56}), "ipv6 routing header at byte 40: cut after 16 of 40 bytes"},
		"nothing follows": {"6000 0000 0000 3b 40" + addrs6,
			v6(packet.Packet{Has: packet.HasProto, Proto: 59, NextHeader: 59, TTL: 64, Length: 40}), ""},
		"authentication is where netfilter stops": {"6000 0000 0018 33 40" + addrs6 + "1104 0000 00000001 00000002 00000000 00000000 0000 0000",
			l4(t, v6(packet.Packet{Has: packet.HasProto, Proto: 51, NextHeader: 51, TTL: 64, Length: 64}),
				"1104 0000 00000001 00000002 00000000 00000000"), ""},
		"empty": {"", packet.Packet{}, "network header at byte 0: no IP version 4 or 6 in the first byte"},
		"header length too small": {"4400 0024 0000 0000 4084 0000" + addrs4,
			v4(packet.Packet{Proto: 132, Length: 36}), "ipv4 header at byte 0: header length is 16 bytes"},
		"total length too small": {"4500 0013 0000 0000 4084 0000" + addrs4,
			v4(packet.Packet{Proto: 132, Length: 19}), "ipv4 header at byte 0: total length 19 is less than the header's 20 bytes"},
		"tcp cut behind its flags": {synV4 + synTCP[:37],
			l4(t, v4(packet.Packet{
				Has: packet.HasPorts | packet.HasTCP, Proto: 6, Length: 60, ID: 14013, DontFragment: true, SrcPort: 41234, DstPort: 80,
				TCP: packet.TCP{Flags: packet.SYN, Seq: 1, Window: 64800},
			}), synTCP[:37]), "tcp header at byte 20: cut after 16 of 20 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := packet.DecodeIP(unhex(t, test.data))
			check(t, got, err, test.want, test.err)
		})
	}
}

func TestDecodeLink(t *testing.T) {
	const macs = "027701000001 027701000002 "
	dst, src := [6]byte{2, 0x77, 1, 0, 0, 1}, [6]byte{2, 0x77, 1, 0, 0, 2}
	tests := map[string]struct {
		family packet.Family
		header string
		want   packet.Packet
		err    string
	}{
		"ethernet":      {packet.IPv6, macs + "86dd", packet.Packet{Has: packet.HasLink, LinkSrc: src, LinkDst: dst, EtherType: 0x86dd}, ""},
		"vlan in vlan":  {packet.IPv4, macs + "88a8 e064 8100 0007 0800", packet.Packet{Has: packet.HasLink | packet.HasVLAN, LinkSrc: src, LinkDst: dst, EtherType: 0x800, VLAN: 100}, ""},
		"nothing else":  {packet.Unspec, macs + "88cc", packet.Packet{Has: packet.HasLink, LinkSrc: src, LinkDst: dst, EtherType: 0x88cc}, ""},
		"none":          {packet.IPv4, "", packet.Packet{}, ""},
		"cut":           {packet.IPv4, macs, packet.Packet{}, "ethernet header at byte 0: cut after 12 of 14 bytes"},
		"cut tag":       {packet.IPv4, macs + "8100 00", packet.Packet{}, "vlan header at byte 14: cut after 1 of 4 bytes"},
		"tunnel header": {packet.IPv4, synV4, packet.Packet{}, "ethernet header at byte 0: type 0x0a01 does not announce the packet that follows: another link layer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := packet.Packet{Family: test.family}
			test.want.Family = test.family
			err := packet.DecodeLink(unhex(t, test.header), &got)
			check(t, got, err, test.want, test.err)
		})
	}
}
