package logline

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	etherHeader = "525400aabb01 525400ccdd02 0800"
	ip6         = "6000 0000"
	ip6Addrs    = "20010db8000000000000000000000001 20010db8000000000000000000000002"
	ip6Told     = "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 "
	ip4Told     = "SRC=192.0.2.7 DST=198.51.100.9 "
)

// TestMessageForms: packets and devices that the recorded run has not.
func TestMessageForms(t *testing.T) {
	links := map[uint32]string{2: "eth0", 3: "br0", 4: "port1", 5: "port2", 6: "lo", 7: "tun0", 8: "sit0"}
	type message = event.Log
	for name, test := range map[string]struct {
		m       message
		payload string
		want    string
		cut     event.Cut
	}{
		"udp of a user": {
			message{Family: familyIPv4, Out: 2, HasUID: true, UID: 1000, HasGID: true, GID: 100, Mark: 0x10}, "4500001c 1267 4000 4011 0000 c0000207 c6336409 0005 0006 0008 0000",
			"IN= OUT=eth0 " + ip4Told + "LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=4711 DF PROTO=UDP SPT=5 DPT=6 LEN=8 UID=1000 GID=100 MARK=0x10 ", 0,
		},
		"only the mark of a packet": {
			message{Family: familyIPv4, In: 2, Mark: 1}, "", "IN=eth0 OUT= MARK=0x1 ", event.CutTail,
		},
		"options and a fragment": {
			message{Family: familyIPv4, In: 99}, "46280020 1267 6064 4006 0000 c0000207 c6336409 94040000 0001020304050607",
			"IN=if99 OUT= " + ip4Told + "LEN=32 TOS=0x08 PREC=0x20 TTL=64 ID=4711 DF MF FRAG:100 OPT (94040000) PROTO=TCP ", 0,
		},
		"bridged": {
			message{Family: familyBridge, EtherType: 0x800, In: 3, PhysIn: 4, Out: 3, PhysOut: 5, LinkHeader: unhex(t, etherHeader), LinkType: deviceEther, HasLinkType: true, VLANProto: 0x8100, VLANTag: 0x2007, HasVLAN: true},
			"4500001c 1267 0000 4001 0000 c0000207 c6336409 0800 0000 0001 0002",
			"IN=port1 OUT=port2 MACSRC=52:54:00:cc:dd:02 MACDST=52:54:00:aa:bb:01 VPROTO=8100 VID=8199 MACPROTO=0800 " + ip4Told + "LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=4711 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=2 ", 0,
		},
		"bridge netfilter": {
			message{Family: familyIPv4, In: 3, PhysIn: 4, Out: 2, PhysOut: 2}, "45000014 1267 0000 4002 0000 c0000207 c6336409",
			"IN=br0 OUT=eth0 PHYSIN=port1 " + ip4Told + "LEN=20 TOS=0x00 PREC=0x00 TTL=64 ID=4711 PROTO=2 ", 0,
		},
		"neither IP nor ARP": {
			message{Family: familyNetdev, EtherType: 0x88cc, In: 2, LinkHeader: unhex(t, "0180c200000e 525400ccdd02 88cc"), LinkType: deviceEther, HasLinkType: true}, "0207",
			"IN=eth0 OUT= MACSRC=52:54:00:cc:dd:02 MACDST=01:80:c2:00:00:0e MACPROTO=88cc ", 0,
		},
		"arp": {
			message{Family: familyARP, In: 2}, "0001 0800 06 04 0001 525400ccdd02 c0000207 000000000000 c0000201",
			"IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=52:54:00:cc:dd:02 IPSRC=192.0.2.7 MACDST=00:00:00:00:00:00 IPDST=192.0.2.1", 0,
		},
		"arp cut short": {
			message{Family: familyARP, In: 2}, "0001 0800 06 04 0001 5254",
			"IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 INCOMPLETE [2 bytes]", 0,
		},
		"loopback": {
			message{Family: familyIPv4, In: 6, LinkHeader: make([]byte, 14)}, "45000014 1267 0000 4002 0000 c0000207 c6336409",
			"IN=lo OUT= MAC=00:00:00:00:00:00:00:00:00:00:00:00:00:00 " + ip4Told + "LEN=20 TOS=0x00 PREC=0x00 TTL=64 ID=4711 PROTO=2 ", 0,
		},
		"a device without headers": {
			message{Family: familyIPv4, In: 7, LinkType: 0xfffe, HasLinkType: true}, "45000014 1267 0000 4002 0000 c0000207 c6336409",
			"IN=tun0 OUT= MAC= " + ip4Told + "LEN=20 TOS=0x00 PREC=0x00 TTL=64 ID=4711 PROTO=2 ", 0,
		},
		"sit": {
			message{
				Family: familyIPv6, In: 8, LinkType: deviceSIT, HasLinkType: true,
				LinkHeader: unhex(t, "0000000000000000000000000000 45000050000040004029 0000 c0000201 c0000202"),
			}, ip6 + "0000 3b 40" + ip6Addrs,
			"IN=sit0 OUT= MAC=" + strings.Repeat("00:", 14) + "45:00:00:50:00:00:40:00:40:29:00:00:c0:00:02:01:c0:00:02:02 TUNNEL=192.0.2.1->192.0.2.2 " + ip6Told + "LEN=40 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=59 ", 0,
		},
		"extension headers": {
			message{Family: familyIPv6, Out: 2}, ip6 + "0020 00 40" + ip6Addrs + "2c00000000000000 1100 0001 0000beef 0005 0006 0010 0000 0000000000000000",
			"IN= OUT=eth0 " + ip6Told + "LEN=72 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( ) OPT ( FRAG:0 INCOMPLETE ID:0000beef ) PROTO=UDP SPT=5 DPT=6 LEN=16 ", 0,
		},
		"esp": {
			message{Family: familyIPv6, Out: 2, Mark: 3}, ip6 + "0008 32 40" + ip6Addrs + "0000cafe 00000001",
			"IN= OUT=eth0 " + ip6Told + "LEN=48 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( ESP SPI=0xcafe )", 0,
		},
		"cut behind an authentication header": {
			message{Family: familyIPv6, Out: 2}, ip6 + "000c 33 40" + ip6Addrs + "0001 0000 0000cafe 00000001",
			"IN= OUT=eth0 " + ip6Told + "LEN=52 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( AH SPI=0xcafe ) TRUNCATED", 0,
		},
		"cut within a fragment header": {
			message{Family: familyIPv6, Out: 2}, ip6 + "000c 00 40" + ip6Addrs + "2c00000000000000 1100 0001",
			"IN= OUT=eth0 " + ip6Told + "LEN=52 TC=0 HOPLIMIT=64 FLOWLBL=0 OPT ( ) OPT ( FRAG:TRUNCATED ", 0,
		},
		"an error of IPv6": {
			message{Family: familyIPv6, Out: 2}, ip6 + "0030 3a 40" + ip6Addrs + "0200 0000 00000500" + ip6 + "0020 11 3f" + ip6Addrs,
			"IN= OUT=eth0 " + ip6Told + "LEN=88 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=2 CODE=0 [" + ip6Told +
				"LEN=72 TC=0 HOPLIMIT=63 FLOWLBL=0 PROTO=UDP INCOMPLETE [0 bytes] ] MTU=1280 ", 0,
		},
		"half a header was asked for": {
			message{Family: familyIPv4, In: 2}, "4500003c 1267 0000 4006 0000 c0000207 c6336409 0005 0050",
			"IN=eth0 OUT= " + ip4Told + "LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=4711 PROTO=TCP ", event.CutTail,
		},
	} {
		var p Parser
		var l event.LogLine
		test.m.Payload, test.m.Prefix = unhex(t, test.payload), []byte("x: ")
		if err := p.Message(&test.m, func(i uint32) string { return links[i] }, &l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := string(Append(nil, &l)); got != "x: "+test.want || l.Cut != test.cut {
			t.Errorf("%s: cut %d\n got %s\nwant x: %s", name, l.Cut, got, test.want)
		}
	}
}

func TestMessageTrace(t *testing.T) {
	var p Parser
	var l event.LogLine
	m := event.Log{Family: familyIPv4, Prefix: []byte("TRACE: raw:PRE:rule:3 "), In: 2}
	if err := p.Message(&m, func(uint32) string { return "eth0" }, &l); err != nil {
		t.Fatal(err)
	}
	if want := (event.TraceLine{Table: "raw", Chain: "PRE", Type: event.LineRule, Number: 3}); l.Trace != want || l.Prefix != "" {
		t.Errorf("%+v, prefix %q", l.Trace, l.Prefix)
	}
	if err := p.Message(&event.Log{Family: 99}, func(uint32) string { return "" }, &l); err == nil {
		t.Error("family 99 is taken")
	}
}
