package render

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/pktrail/pktrail/journey"
)

func flowSide(src, dst string, sport, dport uint16) journey.FlowSide {
	s := journey.FlowSide{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst)}
	if sport != 0 {
		s.SrcPort, s.DstPort = new(sport), new(dport)
	}
	return s
}

// flowsOfAllKinds is entries as they come one after the other.
func flowsOfAllKinds() []*journey.Flow {
	rt := &journey.Netns{Name: "rt"}
	service := &journey.Flow{
		Netns: rt, ID: new(uint32(77)), Family: "ipv4", Proto: "tcp", Orig: flowSide("10.1.0.2", "10.96.0.10", 41234, 80), Reply: flowSide("10.2.0.2", "10.1.0.2", 8080, 41234),
		NAT:   &journey.FlowNAT{Dst: &journey.Change[netip.Addr]{To: netip.MustParseAddr("10.2.0.2")}, DstPort: &journey.Change[uint16]{To: 8080}},
		State: "ESTABLISHED", Status: []string{"SEEN_REPLY", "ASSURED", "CONFIRMED", "DST_NAT"}, Timeout: new(uint32(431999)), Mark: new(uint32(0)), Use: new(uint32(1)),
	}
	service.Orig.Packets, service.Orig.Bytes = new(uint64(12)), new(uint64(999))
	service.Reply.Packets, service.Reply.Bytes = new(uint64(1000000)), new(uint64(1234567890))
	service.Start = at(0)
	query := &journey.Flow{
		Netns: rt, Family: "ipv4", Proto: "icmp", Orig: flowSide("10.1.0.2", "8.8.8.8", 0, 0), Status: []string{"CONFIRMED"}, Timeout: new(uint32(29)),
		NAT: &journey.FlowNAT{Src: &journey.Change[netip.Addr]{To: netip.MustParseAddr("192.0.2.1")}, ID: &journey.Change[uint16]{To: 9}},
	}
	query.Orig.ICMP = &journey.FlowICMP{Type: new(uint8(8)), Code: new(uint8(0)), ID: new(uint16(7))}
	six := &journey.Flow{
		Netns: rt, Family: "ipv6", Proto: "udp", Orig: flowSide("2001:db8::1", "2001:db8:0:1::2", 5353, 53), Status: []string{"SEEN_REPLY", "CONFIRMED", "OFFLOAD", "0x100000"},
		Mark: new(uint32(0x10)), Zone: new(uint16(5)), Labels: []int{1, 127}, Helper: "tf\x1btp", SecCtx: "system_u", Unknown: []journey.FlowAttr{{}},
	}
	expected := &journey.Flow{
		Family: "ipv4", Proto: "gre", Orig: flowSide("10.1.0.2", "10.2.0.2", 0, 0), Timeout: new(uint32(7200)), Status: []string{"EXPECTED", "SEEN_REPLY"},
		Master: new(flowSide("10.1.0.2", "10.2.0.2", 4000, 1723)),
	}
	expected.Orig.SrcKey, expected.Orig.DstKey, expected.Orig.Zone = new(uint16(1)), new(uint16(2)), new(uint16(3))
	answers := &journey.Flow{Family: "ipv4", Proto: "sctp", Reply: flowSide("10.2.0.2", "10.1.0.2", 80, 4000), State: "SHUTDOWN_ACK_SENT", Timeout: new(uint32(61))}
	return []*journey.Flow{service, query, six, expected, answers, {Family: "ipv4", Proto: "200", Timeout: new(uint32(0))}, {Family: "unknown"}}
}

func flowText(t *testing.T, opt Options) []byte {
	t.Helper()
	opt.UTC = true
	var b bytes.Buffer
	p := NewText(&b, opt)
	for _, f := range flowsOfAllKinds() {
		if err := p.Flow(f); err != nil {
			t.Fatal(err)
		}
	}
	sum := &journey.FlowSummary{
		Shown: 7, Unjudged: 2, Why: []string{"the ports are not known"}, Protos: []journey.FlowCount{{Name: "tcp", Count: 6}, {Name: "icmp", Count: 1}},
		States: &journey.FlowStateCounts{Unreplied: 3}, Tables: []journey.FlowTable{{Netns: &journey.Netns{Name: "rt"}, Entries: new(int64(1000)), Max: new(int64(262144)), Meant: new(int64(7))}},
	}
	if err := p.FlowSummary(sum); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFlowText(t *testing.T) {
	for name, opt := range map[string]Options{
		"flows": {}, "flows-wide": {Wide: true, Netns: true}, "flows-80": {Width: 80}, "flows-120": {Width: 120, Wide: true}, "flows-ascii": {ASCII: true}, "flows-color": {Color: true, Width: 200},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, flowText(t, opt)) })
	}
	for i, c := range flowText(t, Options{ASCII: true, Wide: true}) {
		if c >= 0x80 || c < ' ' && c != '\n' {
			t.Fatalf("byte %d is not plain: %q", i, c)
		}
	}
}

func TestFlowEvents(t *testing.T) {
	lost := &journey.Lost{Time: at(3000), What: "conntrack events", Lost: journey.LostCount{Count: 3}}
	for name, opt := range map[string]Options{"flowevents": {UTC: true}, "flowevents-80": {UTC: true, Width: 80, Wide: true}, "flowevents-json": {}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			var p FlowPrinter = NewText(&b, opt)
			if name == "flowevents-json" {
				p = NewJSON(&b)
			}
			kinds := []journey.FlowChange{journey.FlowNew, journey.FlowUpdate, journey.FlowDestroy, journey.FlowListed, journey.FlowDestroy}
			for i, kind := range kinds {
				e := &journey.FlowEvent{Time: at(i * 1500), Clock: journey.ClockReceipt, Event: kind, Flow: *flowsOfAllKinds()[i]}
				switch i {
				case 0:
					e.Port = new(uint32(4711))
				case 2:
					e.Lifetime, e.LifetimeBy = new(journey.Seconds(90*time.Second)), "kernel"
				case 4:
					e.Lifetime, e.LifetimeBy = new(journey.Seconds(25*time.Millisecond)), "seen"
				}
				if err := p.FlowEvent(e); err != nil {
					t.Fatal(err)
				}
				if i == 2 {
					if err := p.Lost(lost); err != nil {
						t.Fatal(err)
					}
				}
			}
			done := &journey.FlowEvent{Time: at(0), Event: journey.FlowDeleted, Flow: *flowsOfAllKinds()[0]}
			sum := &journey.FlowSummary{Shown: 5, Seconds: 6, Events: []journey.FlowCount{{Name: "new", Count: 1}, {Name: "destroy", Count: 2}}, Lost: lost.Lost, Notes: []string{"a note"}}
			for _, err := range []error{p.FlowEvent(done), p.FlowSummary(sum), p.FlowSummary(&journey.FlowSummary{Shown: 1, Done: journey.FlowDeleted})} {
				if err != nil {
					t.Fatal(err)
				}
			}
			golden(t, name, b.Bytes())
		})
	}
}

func TestFlowStats(t *testing.T) {
	stats := &journey.FlowStats{
		Netns: &journey.Netns{Name: "rt"}, Seconds: 1, Table: journey.FlowTable{Entries: new(int64(262000)), Max: new(int64(262144))},
		Counters: []journey.FlowCounter{
			{Name: "drop", Value: 12, PerSecond: new(1.5), Weight: journey.CounterTrouble, Meaning: "packets that were dropped for want of an entry", Matters: "whenever it grows", Try: "raise the maximum", CPUs: []journey.CPUCount{{CPU: 0, Value: 12}}},
			{Name: "invalid", Value: 0, PerSecond: new(0.0), Weight: journey.CounterNotice, Meaning: "packets of no flow", Matters: "not now", Try: "nothing"},
			{Name: "found", Value: 123456, PerSecond: new(1234.0), Weight: journey.CounterPlain, Meaning: "ports that NAT tried and found taken"},
			{Name: "stat20", Value: 1, Weight: journey.CounterPlain},
		},
	}
	for name, opt := range map[string]Options{"flowstats": {Netns: true}, "flowstats-80": {Width: 80, Color: true, Wide: true}, "flowstats-json": {}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			var p FlowPrinter = NewText(&b, opt)
			if name == "flowstats-json" {
				p = NewJSON(&b)
			}
			if err := p.FlowStats(stats); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
		})
	}
}

func TestLeftAndBytes(t *testing.T) {
	for seconds, want := range map[uint32]string{0: "0s", 59: "59s", 60: "1m", 119: "1m59s", 3600: "1h", 3659: "1h", 3660: "1h1m", 431999: "4d23h", 86400: "1d", 4294967295: "49710d6h"} {
		if got := string(appendLeft(nil, seconds)); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 999499: "999 kB", 999500: "1.0 MB", 1 << 63: "9.2 EB"} {
		if got := string(appendBytes(nil, n)); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestFlowAllocatesNothing(t *testing.T) {
	var b bytes.Buffer
	p, f := NewText(&b, Options{Width: 200, Color: true}), flowsOfAllKinds()[0]
	if err := p.Flow(f); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		b.Reset()
		_ = p.Flow(f)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFlow(b *testing.B) {
	var out bytes.Buffer
	p, f := NewText(&out, Options{}), flowsOfAllKinds()[0]
	for b.Loop() {
		out.Reset()
		_ = p.Flow(f)
	}
}
