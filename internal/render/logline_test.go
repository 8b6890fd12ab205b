package render

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logentry"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/internal/tally"
	"github.com/pktrail/pktrail/journey"
)

const ether = "MAC=02:00:00:00:00:02:02:00:00:00:00:01:08:00 "

// logged is lines of many kinds, as a kernel writes them.
var logged = []string{
	"[UFW BLOCK] IN=eth0 OUT= " + ether + "SRC=198.51.100.7 DST=10.1.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=14013 DF PROTO=TCP SPT=41234 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ",
	"[UFW ALLOW] IN=eth0 OUT=eth1 " + ether + "SRC=10.1.0.2 DST=10.96.0.10 LEN=52 TOS=0x10 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=50000 DPT=443 WINDOW=501 RES=0x00 ACK PSH URGP=0 MARK=0x4000 ",
	"IN= OUT=eth0 SRC=10.1.0.2 DST=9.9.9.9 LEN=68 TOS=0x00 PREC=0x00 TTL=64 ID=2 PROTO=UDP SPT=5353 DPT=53 LEN=48 UID=1000 GID=1000 ",
	"a prefix of quite some length: IN=br0 OUT=br0 PHYSIN=veth1 PHYSOUT=veth2 SRC=10.1.0.2 DST=10.1.0.3 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=3 PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=1 ",
	"reject: IN= OUT=eth0 SRC=10.1.0.1 DST=10.1.0.2 LEN=96 TOS=0x00 PREC=0xC0 TTL=64 ID=4 PROTO=ICMP TYPE=3 CODE=3 [SRC=10.1.0.2 DST=10.1.0.1 LEN=68 TOS=0x00 PREC=0x00 TTL=64 ID=5 PROTO=UDP SPT=4000 DPT=53 LEN=48 ] ",
	"v6: IN=eth0 OUT=eth1 SRC=fd00:0001:0000:0000:0000:0000:0000:0002 DST=fd00:0002:0000:0000:0000:0000:0000:0002 LEN=80 TC=0 HOPLIMIT=63 FLOWLBL=4711 PROTO=TCP SPT=40000 DPT=8080 WINDOW=64800 RES=0x00 ACK SYN URGP=0 ",
	"v6: IN=eth0 OUT= SRC=fe80:0000:0000:0000:0000:00ff:fe00:0001 DST=ff02:0000:0000:0000:0000:0001:ff00:0002 LEN=72 TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=ICMPv6 TYPE=135 CODE=0 ",
	"DROP IN=eth0 OUT= " + ether + "SRC=192.0.2.1 DST=10.1.0.2 LEN=1500 TOS=0x00 PREC=0x00 TTL=60 ID=77 MF FRAG:185 PROTO=UDP ",
	"esp IN=eth0 OUT= " + ether + "SRC=192.0.2.1 DST=10.1.0.2 LEN=120 TOS=0x00 PREC=0x00 TTL=60 ID=78 PROTO=ESP SPI=0x2ab3b3bc ",
	"short IN=eth0 OUT= " + ether + "SRC=192.0.2.1 DST=10.1.0.2 LEN=30 TOS=0x00 PREC=0x00 TTL=60 ID=79 PROTO=TCP INCOMPLETE [10 bytes] ",
	"other IN=eth0 OUT= " + ether + "SRC=192.0.2.1 DST=10.1.0.2 LEN=44 TOS=0x00 PREC=0x00 TTL=60 ID=80 PROTO=253 ",
	"0 OUT= " + ether + "SRC=192.0.2.1 DST=10.1.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=81 DF PROTO=TCP SPT=41234 DP",
	"arp: IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=02:00:00:00:00:01 IPSRC=10.1.0.1 MACDST=00:00:00:00:00:00 IPDST=10.1.0.2",
	"TRACE: raw:cali-PREROUTING:rule:3 IN=eth0 OUT= " + ether + "SRC=10.1.0.2 DST=10.2.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=6 DF PROTO=TCP SPT=1 DPT=2 SEQ=1 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (0204) ",
	"to\x1b[2Jx \u202e测试: IN=eth0 OUT= SRC=10.1.0.2 DST=10.2.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=6 DF PROTO=2 ",
}

// entries calls with each line's form, a second or so apart.
func entries(t testing.TB, lines []string, with func(time.Time, *event.LogLine, *journey.LogLine)) {
	t.Helper()
	var p logline.Parser
	var m logentry.Maker
	for i, text := range lines {
		var l event.LogLine
		if _, err := p.Parse([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		l.Clock, l.File, l.Offset, l.Host = event.ClockWall, "kern.log", int64(200*i), "gw"
		when := at(i * 900_000).Time
		with(when, &l, m.Entry(when, &l))
	}
}

func logText(t testing.TB, opt Options) []byte {
	opt.UTC = true
	var b bytes.Buffer
	p := NewText(&b, opt)
	entries(t, logged, func(_ time.Time, _ *event.LogLine, e *journey.LogLine) {
		if err := p.LogLine(e); err != nil {
			t.Fatal(err)
		}
	})
	return b.Bytes()
}

func TestLogLineText(t *testing.T) {
	for name, opt := range map[string]Options{
		"log": {}, "log-80": {Width: 80}, "log-120": {Width: 120}, "log-ascii": {ASCII: true, Width: 120},
		"log-color": {Color: true}, "log-host": {Host: true, Width: 160},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, logText(t, opt)) })
	}
}

// TestLogLineWidth: no line is wider than the width, but where one word is.
func TestLogLineWidth(t *testing.T) {
	for width := 60; width < 200; width++ {
		for _, l := range strings.Split(string(logText(t, Options{Width: width})), "\n") {
			if columns(l) > width && len(strings.Fields(l)) > 3 {
				t.Errorf("width %d: %d columns: %s", width, columns(l), l)
			}
		}
	}
}

// TestLogLineTimes: days, uptimes and lines without a time.
func TestLogLineTimes(t *testing.T) {
	var b bytes.Buffer
	p := NewText(&b, Options{UTC: true})
	uptime := journey.Uptime(1953615447 * time.Microsecond)
	line := journey.LogLine{Prefix: ptr("x"), In: ptr("eth0"), Out: ptr(""), Packet: journey.LogPacket{Family: "ipv4", Proto: "tcp"}}
	for _, when := range []time.Time{{}, at(0).Time, at(1e6).Time, at(0).AddDate(0, 0, 1), at(0).AddDate(0, 0, 1).Add(9 * time.Hour)} {
		line.Time = journey.Time{Time: when}
		if err := p.LogLine(&line); err != nil {
			t.Fatal(err)
		}
	}
	line.Time, line.Uptime = journey.Time{}, &uptime
	if err := p.LogLine(&line); err != nil {
		t.Fatal(err)
	}
	golden(t, "log-times", b.Bytes())
}

func TestLogStream(t *testing.T) {
	var plainText, lines, values bytes.Buffer
	text := NewText(&plainText, Options{Width: 120, UTC: true})
	for _, p := range []LogPrinter{text, NewJSON(&lines), NewCSV(&values, NewText(new(bytes.Buffer), Options{}))} {
		logStream(t, p)
	}
	golden(t, "log-stream-text", plainText.Bytes())
	golden(t, "log-stream-json", lines.Bytes())
	golden(t, "log-stream-csv", values.Bytes())
	records, err := csv.NewReader(&values).ReadAll()
	if err != nil || len(records) != len(logged)+1 {
		t.Errorf("%d records: %v", len(records), err)
	}
}

func logStream(t *testing.T, p LogPrinter) {
	t.Helper()
	var sum tally.Tally
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(p.Note("the year 2026 was chosen"))
	entries(t, logged, func(when time.Time, l *event.LogLine, e *journey.LogLine) {
		sum.Add(when, l)
		must(p.LogLine(e))
	})
	must(p.Lost(&journey.Lost{Time: at(20e6), What: "NFLOG", Lost: journey.LostCount{Count: 12, More: true}}))
	s := sum.Report(tally.Options{Top: 5})
	s.Bad, s.Skipped, s.Lost, s.Notes = 1, 7, journey.LostCount{Count: 12, More: true}, []string{"the year 2026 was chosen"}
	must(p.LogSummary(s))
}

func TestLogSummaryText(t *testing.T) {
	s := busy().Report(tally.Options{Top: 4})
	s.Flows.More, s.Flows.Top[0].Error = true, 3
	for name, opt := range map[string]Options{
		"logsummary": {}, "logsummary-80": {Width: 80}, "logsummary-ascii": {ASCII: true, Width: 60}, "logsummary-color": {Color: true, Width: 100},
	} {
		t.Run(name, func(t *testing.T) {
			opt.UTC = true
			var b bytes.Buffer
			if err := NewText(&b, opt).LogSummary(s); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
		})
	}
	var b bytes.Buffer
	if err := NewText(&b, Options{}).LogSummary(new(tally.Tally).Report(tally.Options{})); err != nil || b.String() != "0 lines\n" {
		t.Errorf("an empty log: %q, %v", b.String(), err)
	}
}

// busy is a day of a host with a scanner at its door.
func busy() *tally.Tally {
	var sum tally.Tally
	var p logline.Parser
	for i := range 20_000 {
		when := at(0).Add(time.Duration(i*i/5000) * time.Second)
		var text string
		switch {
		case i%3 == 0:
			text = fmt.Sprintf("[UFW ALLOW] IN=eth0 OUT=eth1 SRC=10.1.0.%d DST=10.96.0.10 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=%d DPT=443 WINDOW=1 RES=0x00 SYN URGP=0 ", i%5, i)
		case i%100 == 1:
			text = "IN=eth0 OUT= SRC=fd00:0000:0000:0000:0000:0000:0000:0001 DST=fd00:0000:0000:0000:0000:0000:0000:0002 LEN=104 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=1 "
		default:
			text = fmt.Sprintf("[UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.7 DST=203.0.113.5 LEN=40 TOS=0x00 PREC=0x00 TTL=250 ID=1 PROTO=TCP SPT=4444 DPT=%d WINDOW=1 RES=0x00 SYN URGP=0 ", i%50+1)
		}
		var l event.LogLine
		if _, err := p.Parse([]byte(text), &l); err != nil {
			panic(err)
		}
		l.Clock = event.ClockAssumed
		sum.Add(when, &l)
	}
	return &sum
}

func BenchmarkLogLine(b *testing.B) {
	var lines []event.LogLine
	entries(b, logged[:8], func(_ time.Time, l *event.LogLine, _ *journey.LogLine) { lines = append(lines, *l) })
	for name, p := range map[string]LogPrinter{
		"text": NewText(discard{}, Options{Width: 160, Color: true}), "json": NewJSON(discard{}), "csv": NewCSV(discard{}, nil),
	} {
		b.Run(name, func(b *testing.B) {
			var m logentry.Maker
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if err := p.LogLine(m.Entry(at(i).Time, &lines[i%len(lines)])); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func TestSpanWords(t *testing.T) {
	for _, c := range []struct {
		between time.Duration
		lines   int64
		want    string
	}{
		{12345 * time.Microsecond, 3, "12ms"},
		{1500 * time.Millisecond, 3, "1.5s, 2.0/s"},
		{3 * time.Minute, 10, "3m, 3.3/min"},
		{90 * time.Second, 900, "1m30s, 10.0/s"},
		{3*time.Hour + time.Minute + 29*time.Second, 10, "3h1m, 3.3/hour"},
		{30 * time.Hour, 10, "30h0m, 8.0/day"},
		{133 * 24 * time.Hour, 5, "133 days"},
	} {
		if got := spanWords(c.between, c.lines); got != c.want {
			t.Errorf("%d in %v: %q, want %q", c.lines, c.between, got, c.want)
		}
	}
}
