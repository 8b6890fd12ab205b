package journey_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

var update = flag.Bool("update", false, "write the golden files")

var byValue = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

var noon = journey.Time{Time: time.Date(2026, 11, 22, 12, 0, 0, 42, time.UTC)}

// forwarded is a journey that fills every object once.
func forwarded() *journey.Journey {
	syn := packet.Packet{
		Has:    packet.HasIP | packet.HasProto | packet.HasPorts | packet.HasTCP | packet.HasVLAN,
		Family: packet.IPv4, Src: netip.MustParseAddr("10.1.0.2"), Dst: netip.MustParseAddr("10.96.0.10"),
		Proto: packet.ProtoTCP, NextHeader: packet.ProtoTCP, TTL: 64, ID: 14013, Length: 60, VLAN: 7,
		SrcPort: 41234, DstPort: 80, TCP: packet.TCP{Flags: packet.SYN, Seq: 1},
	}
	first := journey.PacketOf(&syn)
	first.Mark = new(uint32(0))
	netns := &journey.Netns{Name: "rt", Inode: 4026532201, Cookie: "18446744073709551615"}
	start := time.Date(2026, 11, 22, 13, 48, 7, 721296000, time.UTC)
	return &journey.Journey{
		ID:      journey.NewID(start, "boot", netns.Cookie, 0xb573072a, 1),
		TraceID: "b573072a", TraceIDs: []string{"b573072a", "07d7d668"},
		Host: journey.Host{Name: "n1", BootID: "c0ffee"}, Start: journey.Time{Time: start}, Packet: first,
		Steps: []journey.Step{
			{
				Time: journey.Time{Time: start}, Clock: "kernel", Netns: netns, Hook: ruleset.Prerouting, Priority: new(int32(-100)),
				Family: "ip", Kind: journey.KindRule, In: "r0", Verdict: ruleset.Jump,
				Rule: &journey.Rule{
					Backend: ruleset.Legacy, Dialect: ruleset.Iptables, Table: "nat", Chain: "KUBE-SERVICES", Number: 3,
					Text: `-A KUBE-SERVICES -m comment --comment "a & b <c>" -j KUBE-SVC-A`, Target: "KUBE-SVC-A", ReadAt: noon,
					Doubt: "table nat changed while the packet was on its way",
				},
			},
			{Hook: ruleset.Prerouting, Kind: journey.KindNAT, NAT: &journey.NAT{
				Src:   &journey.Change[netip.Addr]{From: syn.Src, To: netip.MustParseAddr("10.2.0.1")},
				SPort: &journey.Change[uint16]{From: 41234, To: 1024},
				Dst:   &journey.Change[netip.Addr]{From: syn.Dst, To: netip.MustParseAddr("10.2.0.2")},
				DPort: &journey.Change[uint16]{From: 80, To: 8080}, By: "entry",
			}},
			{Kind: journey.KindMark, Mark: &journey.Mark{From: 0, To: 0x4000, Mask: new(uint32(0x4000))}},
			{Kind: journey.KindCT, CT: &journey.CT{
				ID: new(uint32(4012345678)), State: "new", Status: []string{"confirmed", "snat"}, Direction: "original", Zone: new(uint16(0)),
			}},
			{Kind: journey.KindDevice, Device: &journey.Device{From: "eth0", To: "br0", Why: "the bridge hands it to the host"}},
			{
				Hook: ruleset.Forward, Family: "inet", Kind: journey.KindPolicy, In: "r0", Out: "r1", Verdict: ruleset.Accept,
				Rule: &journey.Rule{Backend: ruleset.NFT, Dialect: ruleset.Nftables, Table: "filter", Chain: "forward", Handle: 17, NoText: "nft is not installed"},
			},
		},
		Outcome: journey.Outcome{
			Result: journey.Forwarded, Step: new(5), With: "tcp-reset", Why: "no rule stopped it", Because: []int{2, 3},
			Try: []string{"nft -a list chain inet filter forward"},
		},
		Identity: journey.Inferred, Missing: []string{"legacy lines"}, Lost: journey.LostCount{Count: 3, More: true},
		Links:     []journey.Link{{Kind: journey.LinkContinues, ID: journey.NewID(start, "boot", "2", 1, 2), Identity: journey.Certain}},
		ArmedFrom: "widened",
	}
}

// golden compares v's JSON with a file of testdata, and reads it back.
func golden[T any](t *testing.T, name string, v *T) {
	t.Helper()
	var line, pretty bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&pretty, line.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", name, diff)
	}
	back := new(T)
	if err := json.Unmarshal(line.Bytes(), back); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	enc = json.NewEncoder(&again)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(back); err != nil {
		t.Fatal(err)
	}
	if again.String() != line.String() {
		t.Errorf("%s read and printed again:\n got %s\nwant %s", name, again.String(), line.String())
	}
}

func TestGolden(t *testing.T) {
	golden(t, "journey-all.json", forwarded())
	golden(t, "journey-empty.json", &journey.Journey{})
	golden(t, "summary.json", &journey.Summary{
		Seconds: 1.25, Journeys: 7, Results: map[journey.Result]int{journey.Forwarded: 4, journey.Dropped: 3},
		Deciders: []journey.Decider{{Result: journey.Dropped, Rule: "rule 2 of chain forward in table inet filter", Text: "tcp flags & syn == syn drop", Packets: 3}},
		Inferred: 1, Incomplete: 2, Foreign: 3, Unattached: 4, Undecoded: 5, RateLimited: new(int64(0)),
		Lost: journey.LostCount{Count: 6, More: true}, Notes: []string{"NFLOG group 0 is taken"},
	})
	golden(t, "summary-empty.json", &journey.Summary{})
	golden(t, "lost.json", &journey.Lost{
		Schema: journey.LostSchema, Time: noon, Netns: &journey.Netns{Name: "rt", Inode: 4026532201, Cookie: "4097"},
		What: "nftrace and NFLOG", Lost: journey.LostCount{Count: 1, More: true},
	})
}

// TestDesignExample: the journey of the JSON contract is printed as it stands there.
func TestDesignExample(t *testing.T) {
	example, err := os.ReadFile("testdata/journey.json")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Compact(&want, example); err != nil {
		t.Fatal(err)
	}
	var j journey.Journey
	if err := json.Unmarshal(example, &j); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(j.AppendJSON(nil))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRoundTrip: a journey whose lists are filled is read as it was.
func TestRoundTrip(t *testing.T) {
	want := forwarded()
	want.Schema = journey.Schema
	var got journey.Journey
	line := bytes.Replace(want.AppendJSON(nil), []byte(`{`), []byte(`{"of_a_later_version":[1,{"a":null}],`), 1)
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*want, got, byValue); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTime(t *testing.T) {
	var got journey.Time
	if err := json.Unmarshal([]byte(`"2026-11-22T13:00:00.000000042+01:00"`), &got); err != nil || got != noon {
		t.Errorf("%v, %v, want %v", got, err, noon)
	}
	if err := json.Unmarshal([]byte(`"yesterday"`), &got); err == nil {
		t.Error("no error for a time in words")
	}
	for _, far := range []int{0, 9, 999, 10000, -1} {
		at := time.Date(far, 2, 3, 4, 5, 6, 7, time.FixedZone("", 3600))
		want := at.UTC().Format(`"2006-01-02T15:04:05.000000000Z"`)
		if got, _ := (journey.Time{Time: at}).MarshalJSON(); string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if b, err := json.Marshal(noon); err != nil || string(b) != `"2026-11-22T12:00:00.000000042Z"` {
		t.Errorf("%s, %v", b, err)
	}
}
