package logline

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

var byValue = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

const (
	inOut    = event.HasIn | event.HasOut
	ipv4Has  = event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasID | event.HasProto
	ipv6Has  = event.HasAddrs | event.HasLength | event.HasTOS | event.HasTTL | event.HasFlowLabel | event.HasProto
	tcpHas   = event.HasPorts | event.HasWindow | event.HasReserved | event.HasFlags | event.HasUrgent
	udpHas   = event.HasPorts | event.HasL4Length
	icmpHas  = event.HasICMP | event.HasICMPCode
	echoHas  = icmpHas | event.HasICMPID | event.HasICMPSeq
	macText  = "52:54:00:aa:bb:01:52:54:00:cc:dd:02:08:00"
	ipv4Text = "SRC=192.0.2.7 DST=198.51.100.9 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=4711 "
	ipv6Head = "SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 LEN=104 TC=0 HOPLIMIT=64 FLOWLBL=0 "
)

// v4 and v6 are the headers of ipv4Text and ipv6Head, with what follows.
func v4(proto uint8, has event.HeaderHas, more func(*event.Headers)) event.Headers {
	h := event.Headers{
		Has: ipv4Has | has, Family: packet.IPv4, Src: addr("192.0.2.7"), Dst: addr("198.51.100.9"),
		Length: 60, TTL: 64, ID: 4711, Proto: proto,
	}
	if more != nil {
		more(&h)
	}
	return h
}

func v6(proto uint8, has event.HeaderHas, more func(*event.Headers)) event.Headers {
	h := event.Headers{
		Has: ipv6Has | has, Family: packet.IPv6, Src: addr("2001:db8::1"), Dst: addr("2001:db8::2"), Length: 104, TTL: 64, Proto: proto,
	}
	if more != nil {
		more(&h)
	}
	return h
}

func line(prefix string, h event.Headers, more func(*event.LogLine)) event.LogLine {
	l := event.LogLine{Prefix: prefix, Has: inOut, In: "eth0", Headers: h}
	if more != nil {
		more(&l)
	}
	return l
}

// wholeLines are complete lines of every form that the kernel writes.
func wholeLines() map[string]event.LogLine {
	return map[string]event.LogLine{
		"in: IN=eth0 OUT= MAC=" + macText + " " + ipv4Text + "CE DF MF PROTO=TCP SPT=40000 DPT=80 SEQ=4294967295 ACK=1 WINDOW=512 RES=0x3c AE CWR ECE URG ACK PSH RST SYN FIN URGP=9 OPT (020405B4) UID=1000 GID=100 MARK=0xff00 ": line(
			"in: ", v4(packet.ProtoTCP, tcpHas|event.HasSeq|event.HasTCPOptions|event.HasCE|event.HasDF|event.HasMF, func(h *event.Headers) {
				h.SrcPort, h.DstPort, h.Seq, h.Ack, h.Window, h.Reserved, h.Urgent = 40000, 80, 4294967295, 1, 512, 0x3c, 9
				h.Flags, h.TCPOptions = 0x1ff, []byte("020405B4")
			}), func(l *event.LogLine) {
				l.Has |= event.HasMAC | event.HasUID | event.HasGID | event.HasMark
				l.MAC, l.UID, l.GID, l.Mark = []byte(macText), 1000, 100, 0xff00
			}),
		"IN= OUT=eth1 " + ipv4Text + "PROTO=TCP SPT=1 DPT=2 WINDOW=0 RES=0x00 URGP=0 ": line(
			"", v4(packet.ProtoTCP, tcpHas, func(h *event.Headers) { h.SrcPort, h.DstPort = 1, 2 }),
			func(l *event.LogLine) { l.In, l.Out = "", "eth1" }),
		"IN=eth0 OUT=eth1 PHYSIN=p1 PHYSOUT=p2 MAC= " + ipv4Text + "FRAG:185 PROTO=UDP ": line(
			"", v4(packet.ProtoUDP, event.HasFragment, func(h *event.Headers) { h.FragOffset = 1480 }), func(l *event.LogLine) {
				l.Has |= event.HasPhysIn | event.HasPhysOut | event.HasMAC
				l.Out, l.PhysIn, l.PhysOut, l.MAC = "eth1", "p1", "p2", []byte{}
			}),
		"IN=eth0 OUT= MACSRC=52:54:00:cc:dd:02 MACDST=52:54:00:aa:bb:01 VPROTO=8100 VID=7 MACPROTO=0800 " + ipv4Text + "OPT (94040000) PROTO=2 ": line(
			"", v4(2, event.HasOptions, func(h *event.Headers) { h.Options = []byte("94040000") }), func(l *event.LogLine) {
				l.Has |= event.HasMACs | event.HasVLAN
				l.MACSrc, l.MACDst = [6]byte{0x52, 0x54, 0, 0xcc, 0xdd, 2}, [6]byte{0x52, 0x54, 0, 0xaa, 0xbb, 1}
				l.MACProto, l.VLANProto, l.VLAN = 0x800, 0x8100, 7
			}),
		"IN=eth0 OUT= MAC=45:00:00 TUNNEL=192.0.2.1->192.0.2.2 " + ipv6Head + "PROTO=UDP SPT=53 DPT=5353 LEN=64 ": line(
			"", v6(packet.ProtoUDP, udpHas, func(h *event.Headers) { h.SrcPort, h.DstPort, h.L4Length = 53, 5353, 64 }), func(l *event.LogLine) {
				l.Has |= event.HasMAC | event.HasTunnel
				l.MAC, l.TunnelSrc, l.TunnelDst = []byte("45:00:00"), addr("192.0.2.1"), addr("192.0.2.2")
			}),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=UDPLITE INCOMPLETE [3 bytes] ": line(
			"", v4(packet.ProtoUDPLite, event.HasIncomplete, func(h *event.Headers) { h.Incomplete = 3 }), nil),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=ESP SPI=0xcafe ": line(
			"", v4(packet.ProtoESP, event.HasSPI, func(h *event.Headers) { h.SPI = 0xcafe }), nil),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=132 ": line("", v4(packet.ProtoSCTP, 0, nil), nil),
		"IN=eth0 OUT= TRUNCATED":                  line("", event.Headers{Has: event.HasTruncated}, func(l *event.LogLine) { l.Form = event.FormTrimmed }),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=TCP SPT=1 DPT=2 WINDOW=0 RES=0x00 SYN URGP=0 OPT (TRUNCATED)": line(
			"", v4(packet.ProtoTCP, tcpHas|event.HasTCPOptions|event.HasTruncated, func(h *event.Headers) {
				h.SrcPort, h.DstPort, h.Flags = 1, 2, packet.SYN
			}), func(l *event.LogLine) { l.Form = event.FormTrimmed }),
		"IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=52:54:00:cc:dd:02 IPSRC=192.0.2.7 MACDST=00:00:00:00:00:00 IPDST=192.0.2.1": line(
			"", event.Headers{
				Has: event.HasARP | event.HasARPAddrs, Family: packet.ARP, ARPHType: 1, ARPPType: 0x800, ARPOp: 1,
				ARPSrc: [6]byte{0x52, 0x54, 0, 0xcc, 0xdd, 2}, Src: addr("192.0.2.7"), Dst: addr("192.0.2.1"),
			}, func(l *event.LogLine) { l.Form = event.FormTrimmed }),
		"IN=eth0 OUT= ARP HTYPE=6 PTYPE=0x0800 OPCODE=2": line(
			"", event.Headers{Has: event.HasARP, Family: packet.ARP, ARPHType: 6, ARPPType: 0x800, ARPOp: 2},
			func(l *event.LogLine) { l.Form = event.FormTrimmed }),
		"IN=eth0 OUT= MAC=01:80:c2:00:00:00:52:54:00:cc:dd:02:00:27 ": line("", event.Headers{}, func(l *event.LogLine) {
			l.Has |= event.HasMAC
			l.MAC = []byte("01:80:c2:00:00:00:52:54:00:cc:dd:02:00:27")
		}),
	}
}

// wholeICMP are complete lines of ICMP and of IPv6's extension headers.
func wholeICMP() map[string]event.LogLine {
	quoted := event.HasQuoted
	udp := v4(packet.ProtoUDP, udpHas, func(h *event.Headers) { h.SrcPort, h.DstPort, h.L4Length = 5, 6, 40 })
	udp6 := v6(packet.ProtoUDP, udpHas, func(h *event.Headers) { h.SrcPort, h.DstPort, h.L4Length = 5, 6, 40 })
	const udpText = "PROTO=UDP SPT=5 DPT=6 LEN=40 "
	return map[string]event.LogLine{
		"IN=eth0 OUT= " + ipv4Text + "PROTO=ICMP TYPE=8 CODE=0 ID=77 SEQ=3 ": line(
			"", v4(packet.ProtoICMP, echoHas, func(h *event.Headers) { h.ICMPType, h.ICMPID, h.ICMPSeq = 8, 77, 3 }), nil),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=ICMP TYPE=3 CODE=4 [" + ipv4Text + udpText + "] MTU=1400 MARK=0x1 ": line(
			"", v4(packet.ProtoICMP, icmpHas|event.HasMTU, func(h *event.Headers) { h.ICMPType, h.ICMPCode, h.MTU = 3, 4, 1400 }),
			func(l *event.LogLine) { l.Has, l.Quoted, l.Mark = l.Has|quoted|event.HasMark, udp, 1 }),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=ICMP TYPE=5 CODE=1 GATEWAY=192.0.2.254 [" + ipv4Text + "PROTO=ICMP TYPE=3 CODE=3 ] ": line(
			"", v4(packet.ProtoICMP, icmpHas|event.HasGateway, func(h *event.Headers) {
				h.ICMPType, h.ICMPCode, h.Gateway = 5, 1, addr("192.0.2.254")
			}), func(l *event.LogLine) {
				l.Has |= quoted
				l.Quoted = v4(packet.ProtoICMP, icmpHas, func(h *event.Headers) { h.ICMPType, h.ICMPCode = 3, 3 })
			}),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=ICMP TYPE=12 CODE=0 PARAMETER=20 ": line(
			"", v4(packet.ProtoICMP, icmpHas|event.HasParameter, func(h *event.Headers) { h.ICMPType, h.Parameter = 12, 20 }), nil),
		"IN=eth0 OUT= " + ipv4Text + "PROTO=ICMP TYPE=11 CODE=0 [TRUNCATED] ": line(
			"", v4(packet.ProtoICMP, icmpHas, func(h *event.Headers) { h.ICMPType = 11 }),
			func(l *event.LogLine) { l.Has, l.Quoted.Has = l.Has|quoted, event.HasTruncated }),
		"IN=eth0 OUT= " + ipv6Head + "PROTO=ICMPv6 TYPE=2 CODE=0 [" + ipv6Head + udpText + "] MTU=1280 ": line(
			"", v6(packet.ProtoICMPv6, icmpHas|event.HasMTU, func(h *event.Headers) { h.ICMPType, h.MTU = 2, 1280 }),
			func(l *event.LogLine) { l.Has, l.Quoted = l.Has|quoted, udp6 }),
		"IN=eth0 OUT= " + ipv6Head + "PROTO=ICMPv6 TYPE=4 CODE=1 POINTER=00000028 [" + ipv6Head + udpText + "] ": line(
			"", v6(packet.ProtoICMPv6, icmpHas|event.HasParameter, func(h *event.Headers) { h.ICMPType, h.ICMPCode, h.Parameter = 4, 1, 0x28 }),
			func(l *event.LogLine) { l.Has, l.Quoted = l.Has|quoted, udp6 }),
		"IN=eth0 OUT= " + ipv6Head + "OPT ( ) OPT ( FRAG:0 INCOMPLETE ID:0000beef ) PROTO=UDP SPT=5 DPT=6 LEN=40 ": line(
			"", v6(packet.ProtoUDP, udpHas|event.HasOptions|event.HasFragment|event.HasMF|event.HasID, func(h *event.Headers) {
				h.SrcPort, h.DstPort, h.L4Length, h.ID = 5, 6, 40, 0xbeef
				h.Options = []byte("OPT ( ) OPT ( FRAG:0 INCOMPLETE ID:0000beef ) ")
			}), nil),
		"IN=eth0 OUT= " + ipv6Head + "FRAG:1448 ID:0000beef PROTO=UDP ": line(
			"", v6(packet.ProtoUDP, event.HasFragment|event.HasID, func(h *event.Headers) { h.FragOffset, h.ID = 1448, 0xbeef }), nil),
		"IN=eth0 OUT= " + ipv6Head + "OPT ( AH SPI=0x1234 ) PROTO=UDP SPT=5 DPT=6 LEN=40 ": line(
			"", v6(packet.ProtoUDP, udpHas|event.HasOptions|event.HasSPI, func(h *event.Headers) {
				h.SrcPort, h.DstPort, h.L4Length, h.SPI, h.Options = 5, 6, 40, 0x1234, []byte("OPT ( AH SPI=0x1234 ) ")
			}), nil),
		"IN=eth0 OUT= " + ipv6Head + "OPT ( ESP SPI=0x1234 )": line(
			"", v6(packet.ProtoESP, event.HasOptions|event.HasSPI, func(h *event.Headers) {
				h.SPI, h.Options = 0x1234, []byte("OPT ( ESP SPI=0x1234 )")
			}), func(l *event.LogLine) { l.Form = event.FormTrimmed }),
		"IN=eth0 OUT= " + ipv6Head + "OPT ( ) OPT ( FRAG:TRUNCATED ": line(
			"", v6(0, event.HasOptions|event.HasTruncated, func(h *event.Headers) {
				h.Has &^= event.HasProto
				h.Options = []byte("OPT ( ) OPT ( FRAG:TRUNCATED ")
			}), nil),
		"IN=eth0 OUT= " + ipv6Head + "OPT ( AH INCOMPLETE [2 bytes] )": line(
			"", v6(packet.ProtoAH, event.HasOptions|event.HasIncomplete, func(h *event.Headers) {
				h.Incomplete, h.Options = 2, []byte("OPT ( AH INCOMPLETE [2 bytes] )")
			}), func(l *event.LogLine) { l.Form = event.FormTrimmed }),
	}
}

// wholeEbtables are lines of ebtables' own log watcher.
func wholeEbtables() map[string]event.LogLine {
	const head = "br IN=eth0 OUT=eth1 MAC source = 52:54:00:cc:dd:02 MAC dest = 52:54:00:aa:bb:01 proto = 0x"
	ebt := func(proto uint16, h event.Headers) event.LogLine {
		return line("br ", h, func(l *event.LogLine) {
			l.Has |= event.HasMACs | event.HasEbtables
			l.Out, l.MACProto, l.Form = "eth1", proto, event.FormTrimmed
			l.MACSrc, l.MACDst = [6]byte{0x52, 0x54, 0, 0xcc, 0xdd, 2}, [6]byte{0x52, 0x54, 0, 0xaa, 0xbb, 1}
		})
	}
	return map[string]event.LogLine{
		head + "8863": ebt(0x8863, event.Headers{}),
		head + "0800 IP SRC=192.0.2.7 IP DST=198.51.100.9, IP tos=0x10, IP proto=6 SPT=1 DPT=2": ebt(0x800, event.Headers{
			Has: event.HasAddrs | event.HasTOS | event.HasProto | event.HasPorts, Family: packet.IPv4,
			Src: addr("192.0.2.7"), Dst: addr("198.51.100.9"), TOS: 0x10, Proto: packet.ProtoTCP, SrcPort: 1, DstPort: 2,
		}),
		head + "86dd IPv6 SRC=2001:0db8:0000:0000:0000:0000:0000:0001 IPv6 DST=2001:0db8:0000:0000:0000:0000:0000:0002, IPv6 priority=0x6, Next Header=58": ebt(0x86dd, event.Headers{
			Has: event.HasAddrs | event.HasTOS | event.HasProto, Family: packet.IPv6,
			Src: addr("2001:db8::1"), Dst: addr("2001:db8::2"), TOS: 0x60, Proto: packet.ProtoICMPv6,
		}),
		head + "0806 ARP HTYPE=1, PTYPE=0x0800, OPCODE=2 ARP MAC SRC=52:54:00:cc:dd:02 ARP IP SRC=192.0.2.7 ARP MAC DST=52:54:00:aa:bb:01 ARP IP DST=192.0.2.1": ebt(0x806, event.Headers{
			Has: event.HasARP | event.HasARPAddrs, Family: packet.ARP, ARPHType: 1, ARPPType: 0x800, ARPOp: 2,
			ARPSrc: [6]byte{0x52, 0x54, 0, 0xcc, 0xdd, 2}, Src: addr("192.0.2.7"), ARPDst: [6]byte{0x52, 0x54, 0, 0xaa, 0xbb, 1}, Dst: addr("192.0.2.1"),
		}),
	}
}

// TestParse: each form is read into its fields, and printed again is the line.
func TestParse(t *testing.T) {
	var p Parser
	for _, table := range []map[string]event.LogLine{wholeLines(), wholeICMP(), wholeEbtables()} {
		for text, want := range table {
			var got event.LogLine
			rest, err := p.Parse([]byte(text), &got)
			if err != nil || len(rest) > 0 {
				t.Errorf("%s: %v, rest %q", text, err, rest)
			}
			if diff := cmp.Diff(want, got, byValue); diff != "" {
				t.Errorf("%s: -want +got\n%s", text, diff)
			}
			if again := string(Append(nil, &got)); again != text {
				t.Errorf("printed\n got %s\nwant %s", again, text)
			}
			if Find([]byte(text)) < 0 {
				t.Errorf("%s: not found", text)
			}
		}
	}
}

// TestParseKeeps: what the line does not tell stays as it was.
func TestParseKeeps(t *testing.T) {
	l := event.LogLine{File: "f", Offset: 7, Host: "h", Clock: event.ClockWall, Uptime: 5, HasUptime: true, Prefix: "old", Mark: 9, UID: 3}
	l.Rest, l.Quoted.MTU, l.Trace.Number = []byte("x"), 4, 4
	want := line("", v4(2, 0, nil), func(w *event.LogLine) {
		w.File, w.Offset, w.Host, w.Clock, w.Uptime, w.HasUptime = "f", 7, "h", event.ClockWall, 5, true
	})
	var p Parser
	if _, err := p.Parse([]byte("IN=eth0 OUT= "+ipv4Text+"PROTO=2 "), &l); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, l, byValue); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
