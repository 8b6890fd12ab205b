package logline

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

func parsed(t *testing.T, text string) *event.LogLine {
	t.Helper()
	var p Parser
	var l event.LogLine
	if _, err := p.Parse([]byte(text), &l); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &l
}

// TestPacketBytes: but for checksums a line gives the packet that its bytes give.
func TestPacketBytes(t *testing.T) {
	link, n := kernelLinks(t, "nft.ip-addr.txt"), 0
	for _, m := range kernelMessages(t, "nft.nflog5.hex") {
		want, err := packet.DecodeIP(m.Payload)
		var p Parser
		var l event.LogLine
		if err != nil || p.Message(&m, link, &l) != nil || l.Cut != 0 || want.FragOffset != 0 || !comparable(&want) {
			continue
		}
		if err := packet.DecodeLink(m.LinkHeader, &want); err != nil {
			t.Fatal(err)
		}
		got := Packet(parsed(t, string(Append(nil, &l))))
		withoutSums(&want)
		if diff := cmp.Diff(want, got, byValue); diff != "" {
			t.Errorf("%s\n-bytes +line\n%s", Append(nil, &l), diff)
		}
		n++
	}
	if n < 30 {
		t.Errorf("only %d packets compared", n)
	}
}

// comparable tells whether a line tells all of the packet's first 20 bytes.
func comparable(p *packet.Packet) bool {
	switch {
	case p.NextHeader != p.Proto || p.Has&packet.HasProto == 0:
		return false
	case p.Proto == packet.ProtoTCP:
		return true
	case p.IsEcho():
		return true
	}
	return false
}

// withoutSums takes away what no line tells.
func withoutSums(p *packet.Packet) {
	if p.Proto == packet.ProtoTCP {
		p.L4[16], p.L4[17] = 0, 0
		return
	}
	p.L4[2], p.L4[3] = 0, 0
	clear(p.L4[8:]) // payload
	p.L4Len = 8
}

// TestPacketKeys: lines of one packet have one key where it is not translated,
// and one trail where it is.
func TestPacketKeys(t *testing.T) {
	const head = "TRACE: raw:PRE:rule:1 IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.9 LEN=60 TOS=0x00 PREC=0x00 TTL="
	for name, lines := range map[string]struct {
		first, later string
		key, trail   bool
	}{
		"routed": {
			head + "64 ID=7 DF PROTO=TCP SPT=5 DPT=80 SEQ=9 ACK=0 WINDOW=512 RES=0x00 SYN URGP=0 OPT (020405B4) ",
			head + "63 ID=7 DF PROTO=TCP SPT=5 DPT=80 SEQ=9 ACK=0 WINDOW=512 RES=0x00 SYN URGP=0 OPT (020405B4) MARK=0x1 ", true, true,
		},
		"translated": {
			head + "64 ID=7 DF PROTO=TCP SPT=5 DPT=80 SEQ=9 ACK=0 WINDOW=512 RES=0x00 SYN URGP=0 ",
			"IN= OUT=eth1 SRC=203.0.113.1 DST=198.51.100.10 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=7 DF PROTO=TCP SPT=99 DPT=8080 SEQ=9 ACK=0 WINDOW=512 RES=0x00 SYN URGP=0 ", false, true,
		},
		"another": {
			head + "64 ID=7 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 ",
			head + "64 ID=8 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=2 ", false, false,
		},
		"an error whose quotation is translated": {
			head + "64 ID=7 PROTO=ICMP TYPE=3 CODE=3 [" + ipv4Text + "PROTO=UDP SPT=5 DPT=6 LEN=40 ] ",
			"IN= OUT=eth1 SRC=203.0.113.1 DST=198.51.100.10 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=7 PROTO=ICMP TYPE=3 CODE=3 [SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=4711 PROTO=UDP SPT=7 DPT=6 LEN=40 ] ", false, true,
		},
	} {
		first, later := Packet(parsed(t, lines.first)), Packet(parsed(t, lines.later))
		if (first.Key() == later.Key()) != lines.key || (first.Trail() == later.Trail()) != lines.trail {
			t.Errorf("%s: key %v, trail %v", name, first.Key() == later.Key(), first.Trail() == later.Trail())
		}
	}
}

func TestPacketInner(t *testing.T) {
	p := Packet(parsed(t, "IN=eth0 OUT= "+ipv4Text+"PROTO=ICMP TYPE=3 CODE=3 ["+ipv4Text+"PROTO=UDP SPT=5 DPT=6 LEN=40 ] "))
	if p.Inner == nil || p.Inner.SrcPort != 5 || p.Inner.Proto != packet.ProtoUDP || !p.IsICMPError() {
		t.Errorf("%+v, inner %+v", p, p.Inner)
	}
	p = Packet(parsed(t, "IN=eth0 OUT= MAC="+macText+" ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=52:54:00:cc:dd:02 IPSRC=192.0.2.7 MACDST=00:00:00:00:00:00 IPDST=192.0.2.1"))
	if p.Has != packet.HasARP || p.ARPOp != 1 || p.Src != addr("192.0.2.7") {
		t.Errorf("%+v", p)
	}
	p = Packet(parsed(t, "IN=eth0 OUT= MAC="+macText+" "+ipv4Text+"PROTO=AH SPI=0xff "))
	if p.Has != packet.HasIP|packet.HasProto|packet.HasLink || p.LinkSrc != [6]byte{0x52, 0x54, 0, 0xcc, 0xdd, 2} || p.L4[7] != 0xff {
		t.Errorf("%+v", p)
	}
}
