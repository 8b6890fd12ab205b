package logentry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logentry"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/journey"
)

var update = flag.Bool("update", false, "write the golden file anew")

var when = time.Date(2026, 11, 22, 13, 48, 7, 721_296_000, time.UTC)

func parse(t testing.TB, text string) *event.LogLine {
	t.Helper()
	var p logline.Parser
	l := new(event.LogLine)
	if _, err := p.Parse([]byte(text), l); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return l
}

// told is lines that have each field that a line may have.
var told = []string{
	"[UFW BLOCK] IN=eth0 OUT= MAC=02:00:00:00:00:02:02:00:00:00:00:01:08:00 SRC=198.51.100.7 DST=10.1.0.2 LEN=60 TOS=0x10 PREC=0xC0 TTL=51 ID=14013 CE DF PROTO=TCP SPT=41234 DPT=22 SEQ=17 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B4) MARK=0x4000 ",
	"IN= OUT=eth0 SRC=10.1.0.2 DST=9.9.9.9 LEN=68 TOS=0x00 PREC=0x00 TTL=64 ID=0 OPT (94040000) PROTO=UDP SPT=5353 DPT=53 LEN=48 UID=0 GID=1000 ",
	"x: IN=br0 OUT=br0 PHYSIN=veth1 PHYSOUT=veth2 MACSRC=02:00:00:00:00:01 MACDST=02:00:00:00:00:02 MACPROTO=0800 VPROTO=8100 VID=7 SRC=10.1.0.2 DST=10.1.0.3 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=3 PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=0 ",
	"x: IN= OUT=eth0 SRC=10.1.0.1 DST=10.1.0.2 LEN=96 TOS=0x00 PREC=0x00 TTL=64 ID=4 PROTO=ICMP TYPE=3 CODE=4 [SRC=10.1.0.2 DST=10.1.0.1 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=5 DF PROTO=UDP SPT=4000 DPT=53 LEN=1480 ] MTU=1400 ",
	"x: IN=eth0 OUT= SRC=10.1.0.1 DST=10.1.0.2 LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=4 PROTO=ICMP TYPE=5 CODE=1 GATEWAY=10.1.0.254 [SRC=10.1.0.2 DST=9.9.9.9 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=5 MF FRAG:185 PROTO=UDP ] ",
	"x: IN=eth0 OUT=eth1 SRC=fd00:0001:0000:0000:0000:0000:0000:0002 DST=fd00:0002:0000:0000:0000:0000:0000:0002 LEN=1280 TC=4 HOPLIMIT=63 FLOWLBL=4711 OPT ( FRAG:1448 ID:0a0b0c0d ) PROTO=UDP ",
	"x: IN=eth0 OUT= SRC=192.0.2.1 DST=10.1.0.2 LEN=120 TOS=0x00 PREC=0x00 TTL=60 ID=78 PROTO=ESP SPI=0x2ab3b3bc ",
	"x: IN=eth0 OUT= SRC=192.0.2.1 DST=10.1.0.2 LEN=22 TOS=0x00 PREC=0x00 TTL=60 ID=79 PROTO=TCP INCOMPLETE [2 bytes] ",
	"x: IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=02:00:00:00:00:01 IPSRC=10.1.0.1 MACDST=00:00:00:00:00:00 IPDST=10.1.0.2",
	"x: IN=sit0 OUT= TUNNEL=192.0.2.1->192.0.2.2 SRC=fd00:0000:0000:0000:0000:0000:0000:0001 DST=fd00:0000:0000:0000:0000:0000:0000:0002 LEN=40 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=253 ",
	"TRACE: raw:PREROUTING:policy:3 IN=eth0 OUT= SRC=10.1.0.2 DST=10.2.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=6 PROTO=2 ",
	"SRC=192.0.2.1 DST=10.1.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=81 PROTO=TCP SPT=41234 DP",
}

func TestEntries(t *testing.T) {
	var m logentry.Maker
	var got bytes.Buffer
	for i, text := range told {
		l := parse(t, text)
		l.Clock, l.File, l.Offset = event.ClockWall, "kern.log", int64(200*i)
		got.Write(append(m.Entry(when, l).AppendJSON(nil), '\n'))
	}
	path := filepath.Join("testdata", "entries.jsonl")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestClocks(t *testing.T) {
	up := time.Unix(1953, 615447000)
	for _, c := range []struct {
		clock  event.Clock
		at     time.Time
		uptime bool
		want   string
	}{
		{event.ClockNone, time.Time{}, false, `{}`},
		{event.ClockNone, time.Time{}, true, `{"uptime":7.000000}`},
		{event.ClockWall, when, true, `{"time":"2026-11-22T13:48:07.721296000Z","clock":"log","uptime":7.000000}`},
		{event.ClockAssumed, when, false, `{"time":"2026-11-22T13:48:07.721296000Z","clock":"assumed"}`},
		{event.ClockReceipt, when, false, `{"time":"2026-11-22T13:48:07.721296000Z","clock":"receipt"}`},
		{event.ClockUptime, up, false, `{"clock":"uptime","uptime":1953.615447}`},
	} {
		var m logentry.Maker
		e := m.Entry(c.at, &event.LogLine{Clock: c.clock, HasUptime: c.uptime, Uptime: 7 * time.Second})
		got, err := json.Marshal(struct {
			Time   journey.Time    `json:"time,omitzero"`
			Clock  journey.Clock   `json:"clock,omitzero"`
			Uptime *journey.Uptime `json:"uptime,omitzero"`
		}{e.Time, e.Clock, e.Uptime})
		if err != nil || string(got) != c.want {
			t.Errorf("clock %d: %s, %v; want %s", c.clock, got, err, c.want)
		}
	}
}

// TestNothingStays: an entry has nothing of the one before.
func TestNothingStays(t *testing.T) {
	var used logentry.Maker
	for _, text := range told {
		used.Entry(when, parse(t, text))
	}
	for _, text := range told {
		var fresh logentry.Maker
		want := string(fresh.Entry(when, parse(t, text)).AppendJSON(nil))
		if got := string(used.Entry(when, parse(t, text)).AppendJSON(nil)); got != want {
			t.Errorf("-want +got:\n%s", cmp.Diff(want, got))
		}
	}
}

func TestEntryAllocatesNothing(t *testing.T) {
	var m logentry.Maker
	var lines []*event.LogLine
	for _, text := range told {
		lines = append(lines, parse(t, text))
	}
	line := make([]byte, 0, 4<<10)
	all := func() {
		for _, l := range lines {
			line = m.Entry(when, l).AppendJSON(line[:0])
		}
	}
	all()
	if n := testing.AllocsPerRun(10, all); n != 0 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}

// FuzzEntry: whatever is parsed can be shown, as JSON that can be read.
func FuzzEntry(f *testing.F) {
	for _, text := range told {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var p logline.Parser
		var l event.LogLine
		var m logentry.Maker
		if _, err := p.Parse(text, &l); errors.Is(err, logline.ErrNoPacket) {
			return
		}
		got := m.Entry(when, &l).AppendJSON(nil)
		if err := json.Unmarshal(got, new(journey.LogLine)); err != nil {
			t.Fatalf("%q: %s: %v", text, got, err)
		}
	})
}

func BenchmarkEntry(b *testing.B) {
	var m logentry.Maker
	l := parse(b, told[0])
	b.ReportAllocs()
	for b.Loop() {
		m.Entry(when, l)
	}
}
