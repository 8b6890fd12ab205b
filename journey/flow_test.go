package journey_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/journey"
)

// service is a connection through a service's address, as most of a node's are.
func service() *journey.Flow {
	client, cluster, pod := netip.MustParseAddr("10.1.0.2"), netip.MustParseAddr("10.96.0.10"), netip.MustParseAddr("10.2.0.2")
	return &journey.Flow{
		Netns: &journey.Netns{Name: "rt", Inode: 4026532201, Cookie: "4097"}, ID: new(uint32(4012345678)), Family: "ipv4", Proto: "tcp",
		Orig:  journey.FlowSide{Src: client, Dst: cluster, SrcPort: new(uint16(41234)), DstPort: new(uint16(80))},
		Reply: journey.FlowSide{Src: pod, Dst: client, SrcPort: new(uint16(8080)), DstPort: new(uint16(41234))},
		NAT:   &journey.FlowNAT{Dst: &journey.Change[netip.Addr]{From: cluster, To: pod}, DstPort: &journey.Change[uint16]{From: 80, To: 8080}},
		State: "ESTABLISHED", Status: []string{"SEEN_REPLY", "ASSURED", "CONFIRMED", "DST_NAT"}, Timeout: new(uint32(431999)), Mark: new(uint32(0)),
	}
}

// wholeFlow has every object once.
func wholeFlow() *journey.Flow {
	f := service()
	f.Zone, f.Labels, f.Use = new(uint16(7)), []int{1, 127}, new(uint32(2))
	f.Helper, f.HelperInfo, f.SecCtx, f.SecMark = "ftp", journey.Hex{1, 0xff}, "system_u:object_r:unlabeled_t", new(uint32(3))
	f.Start, f.Stop = noon, journey.Time{Time: noon.Add(1500 * time.Millisecond)}
	f.TCP = &journey.FlowTCP{ScaleOrig: new(uint8(7)), ScaleReply: new(uint8(0)), FlagsOrig: new(uint8(35)), FlagsReply: new(uint8(35))}
	f.SCTP = &journey.FlowSCTP{TagOrig: new(uint32(1)), TagReply: new(uint32(2))}
	f.DCCP = &journey.FlowDCCP{Role: new(uint8(0)), Handshake: "18446744073709551615"}
	f.Master = &journey.FlowSide{Src: f.Orig.Src, Dst: f.Orig.Dst, SrcPort: new(uint16(40000)), DstPort: new(uint16(21))}
	f.SynProxy = &journey.FlowSynProxy{ISN: 1, ITS: 2, TSOff: 3}
	f.Unknown = []journey.FlowAttr{{Path: []int{4, 99}, Data: journey.Hex{0xca, 0xfe}}}
	f.Orig.Packets, f.Orig.Bytes = new(uint64(12)), new(uint64(1234))
	f.Reply.Packets, f.Reply.Bytes, f.Reply.Zone = new(uint64(0)), new(uint64(0)), new(uint16(8))
	f.Orig.SeqAdj = &journey.FlowSeqAdj{Pos: 4000000000, Before: -3, After: 4}
	f.Orig.ICMP = &journey.FlowICMP{Type: new(uint8(8)), Code: new(uint8(0)), ID: new(uint16(77))}
	f.Orig.SrcKey, f.Orig.DstKey = new(uint16(1)), new(uint16(2))
	f.NAT.Src, f.NAT.SrcPort = &journey.Change[netip.Addr]{From: f.Orig.Src, To: f.Orig.Dst}, &journey.Change[uint16]{From: 1, To: 2}
	f.NAT.ID = &journey.Change[uint16]{From: 77, To: 78}
	return f
}

func destroyed() *journey.FlowEvent {
	return &journey.FlowEvent{
		Time: noon, Clock: journey.ClockKernel, Event: journey.FlowDestroy, Port: new(uint32(4711)),
		Lifetime: new(journey.Seconds(1500 * time.Millisecond)), LifetimeBy: "seen", Flow: *service(),
	}
}

func TestFlowGolden(t *testing.T) {
	golden(t, "flow.json", service())
	golden(t, "flow-all.json", wholeFlow())
	golden(t, "flow-empty.json", &journey.Flow{})
	golden(t, "flow-event.json", destroyed())
	golden(t, "flow-event-empty.json", &journey.FlowEvent{})
	golden(t, "flowsummary.json", &journey.FlowSummary{
		Shown: 3, Unjudged: 1, Done: journey.FlowDeleted, Why: []string{"the ports are not known"},
		Protos: []journey.FlowCount{{Name: "tcp", Count: 3}}, States: &journey.FlowStateCounts{Unreplied: 1, Assured: 2},
		Events: []journey.FlowCount{{Name: "new", Count: 3}}, Seconds: 1.5, Lost: journey.LostCount{Count: 2, More: true}, Notes: []string{"a & b"},
		Tables: []journey.FlowTable{{
			Netns: &journey.Netns{Name: "rt", Inode: 4026532201, Cookie: "4097"}, Entries: new(int64(0)), Max: new(int64(262144)), Meant: new(int64(0)),
			Tracks: new(false), TracksWhy: "no rule needs connection tracking",
		}},
	})
	golden(t, "flowsummary-empty.json", &journey.FlowSummary{})
	golden(t, "flowstats.json", &journey.FlowStats{
		Netns: &journey.Netns{Name: "rt", Inode: 4026532201, Cookie: "4097"}, Time: noon, Seconds: 1, Table: journey.FlowTable{Entries: new(int64(1))},
		Counters: []journey.FlowCounter{{
			Name: "drop", Value: 2, PerSecond: new(0.5), CPUs: []journey.CPUCount{{CPU: 0, Value: 2}}, Weight: journey.CounterTrouble,
			Meaning: "packets that were dropped", Matters: "whenever it grows", Try: "more room",
		}},
	})
	golden(t, "flowstats-empty.json", &journey.FlowStats{})
}

func TestBadHex(t *testing.T) {
	for _, text := range []string{`{"helper_info":"0"}`, `{"helper_info":"zz"}`, `{"helper_info":1}`} {
		if err := json.Unmarshal([]byte(text), new(journey.Flow)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

// byTags is what encoding/json makes of the field tags alone.
func byTags(t testing.TB, e *journey.FlowEvent) string {
	t.Helper()
	type flow journey.Flow
	type event struct {
		Schema     string             `json:"schema"`
		Time       journey.Time       `json:"time,omitzero"`
		Clock      journey.Clock      `json:"clock,omitzero"`
		Event      journey.FlowChange `json:"event"`
		Port       *uint32            `json:"portid,omitzero"`
		Lifetime   *journey.Seconds   `json:"lifetime,omitzero"`
		LifetimeBy string             `json:"lifetime_by,omitzero"`
		Flow       flow               `json:"flow"`
	}
	if n := reflect.TypeFor[journey.FlowEvent]().NumField(); n != reflect.TypeFor[event]().NumField() {
		t.Fatalf("the type has %d fields", n)
	}
	out := event{journey.FlowEventSchema, e.Time, e.Clock, e.Event, e.Port, e.Lifetime, e.LifetimeBy, flow(e.Flow)}
	out.Flow.Schema = journey.FlowSchema
	for i := range out.Flow.Unknown {
		if a := &out.Flow.Unknown[i]; a.Path == nil {
			a.Path = []int{}
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// TestFlowAppendJSON: every field filled, so that none is forgotten; then some.
func TestFlowAppendJSON(t *testing.T) {
	compare := func(e *journey.FlowEvent) {
		t.Helper()
		if want, got := byTags(t, e), string(e.AppendJSON(nil)); got != want {
			t.Errorf("AppendJSON differs from encoding/json (-want +got):\n%s", cmp.Diff(want, got))
		}
	}
	filled := func(seed uint64, word string, every bool) *journey.FlowEvent {
		f := &filler{rand: rand.New(rand.NewPCG(seed, 2)), word: word, every: every}
		e := new(journey.FlowEvent)
		f.fill(reflect.ValueOf(e).Elem(), 4)
		return e
	}
	compare(&journey.FlowEvent{})
	compare(destroyed())
	compare(&journey.FlowEvent{Flow: *wholeFlow()})
	for seed := range uint64(20) {
		compare(filled(seed, "ftp", true))
	}
	for seed := range uint64(1000) {
		compare(filled(seed, "a<b>&\"\\\n\x00\u2028é\xff", false))
	}
}

func TestFlowAppendJSONAllocatesNothing(t *testing.T) {
	e, b := destroyed(), make([]byte, 0, 4<<10)
	if n := testing.AllocsPerRun(100, func() { b = e.AppendJSON(b[:0]) }); n != 0 {
		t.Errorf("AppendJSON allocates %v times", n)
	}
}

func BenchmarkFlowAppendJSON(b *testing.B) {
	f, buf := service(), make([]byte, 0, 4<<10)
	for b.Loop() {
		buf = f.AppendJSON(buf[:0])
	}
}
