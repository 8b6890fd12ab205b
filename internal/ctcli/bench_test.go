package ctcli

import (
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/packet"
)

func BenchmarkParse(b *testing.B) {
	argv := strings.Fields("conntrack -A -t 3600 -s 10.1.2.3 -d 192.0.2.1 -p tcp --sport 1024 --dport 80 --state ESTABLISHED -u SEEN_REPLY,ASSURED")
	p := parser{warn: io.Discard}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.parse(argv); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLine(b *testing.B) {
	t := conntrack.Tuple{
		Src: netip.MustParseAddr("10.77.1.2"), Dst: netip.MustParseAddr("10.77.2.2"), Proto: packet.ProtoTCP, SrcPort: 57674, DstPort: 80,
		Has: conntrack.HasProto | conntrack.HasPorts,
	}
	flow := &conntrack.Flow{
		Has:    conntrack.HasTimeout | conntrack.HasTCPState | conntrack.HasStatus | conntrack.HasMark | conntrack.HasUse,
		Family: packet.IPv4, Orig: t, Reply: answerOf(t, t), Timeout: 3600, TCP: conntrack.TCP{State: conntrack.TCPEstablished}, Status: conntrack.Assured | conntrack.SeenReply, Use: 1,
	}
	f := Format{Now: time.Now}
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = f.AppendFlow(line[:0], conntrack.ListedFlow, flow)
	}
}
