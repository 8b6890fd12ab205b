package census

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func entry(id uint32, proto uint8, src, dst string, port uint16, status conntrack.Status) *conntrack.Flow {
	f := &conntrack.Flow{Has: conntrack.HasID | conntrack.HasStatus, ID: id, Status: status}
	f.Orig = conntrack.Tuple{
		Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: proto,
		Has: conntrack.HasProto | conntrack.HasPorts, SrcPort: uint16(id), DstPort: port,
	}
	if proto == packet.ProtoTCP {
		f.Has |= conntrack.HasTCPState
		f.TCP.State = conntrack.TCPEstablished
	}
	return f
}

// looked is two looks: 64 queries and 26 connections, then 20 queries more, 10 gone.
func looked(by ...By) *Census {
	c := New(Options{By: by, Owner: func(a netip.Addr) string {
		if a == netip.MustParseAddr("10.244.1.7") {
			return "pod7"
		}
		return ""
	}})
	for i, ids := range [][2]uint32{{0, 64}, {10, 84}} {
		c.Begin(start.Add(time.Duration(2*i)*time.Second), 90)
		for id := ids[0]; id < ids[1]; id++ {
			c.Add(entry(id, packet.ProtoUDP, "10.244.1.7", "10.96.0.10", 53, 0))
			c.Add(entry(id, packet.ProtoUDP, "10.244.1.7", "10.96.0.10", 53, 0)) // a dump may bring one twice
		}
		for id := range uint32(26) {
			c.Add(entry(1000+id, packet.ProtoTCP, fmt.Sprintf("10.244.1.%d", 20+id), "10.2.0.2", 443, conntrack.SeenReply|conntrack.Assured))
		}
	}
	return c
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestTop(t *testing.T) {
	limit := int64(400)
	top := looked(Source).Top(Source, 3, &limit)
	top.Netns = &journey.Netns{Name: "rt", Inode: 7}
	golden(t, "conntop", top)
}

func TestWho(t *testing.T) {
	limit := int64(141)
	w := looked(Kinds()...).Who(
		Count{At: start, Totals: conntrack.Totals{Entries: 90, Max: 141}, CPU: counters(5, 7)},
		Count{At: start.Add(2 * time.Second), Totals: conntrack.Totals{Entries: 100, Max: 141}, CPU: counters(5, 7)}, &limit, 2)
	w.Netns = &journey.Netns{Name: "rt", Inode: 7}
	golden(t, "connwho", w)
	const want = "table 71 % full, growing 5/s: full in 8 s; 74 % of it is udp to 10.96.0.10:53 from 10.244.1.7"
	if w.Verdict != want {
		t.Errorf("%s, want %s", w.Verdict, want)
	}
}

func counters(drop, early uint32) (c conntrack.CPUStats) {
	c.Value[conntrack.Drop], c.Value[conntrack.EarlyDrop] = drop, early
	c.Has = 1<<conntrack.Drop | 1<<conntrack.EarlyDrop
	return c
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		before, after uint32
		limit         int64
		drop, early   uint32
		want          string
	}{
		{0, 0, 100, 0, 0, "the table is empty"},
		{50, 50, 100, 0, 0, "table 50 % full, steady"},
		{60, 50, 100, 0, 0, "table 50 % full, shrinking 5/s"},
		{10, 1210, 100000, 0, 0, "table 1 % full, growing 600/s: full in 3 min"},
		{1, 2, 100000, 0, 0, "table under 1 % full, growing 0.5/s: full in 2 days"},
		{10, 30, 0, 0, 0, "table with 30 entries, no limit, growing 10/s"},
		{10, 30, -1, 0, 0, "table with 30 entries, limit not known, growing 10/s"},
		{100, 100, 100, 3, 0, "table full: 100 entries, limit 100, steady, 3 packets refused"},
		{99, 99, 100, 0, 1, "table 99 % full, steady, 1 entry evicted to make room"},
	} {
		limit := &c.limit
		if c.limit < 0 {
			limit = nil
		}
		census := New(Options{})
		census.Begin(start, 0)
		w := census.Who(Count{At: start, Totals: conntrack.Totals{Entries: c.before}, CPU: counters(4294967295, 0)},
			Count{At: start.Add(2 * time.Second), Totals: conntrack.Totals{Entries: c.after}, CPU: counters(4294967295+c.drop, c.early)}, limit, 1)
		if w.Verdict != c.want {
			t.Errorf("%+v: %s", c, w.Verdict)
		}
	}
}

// TestMainWords: a scan shares its source alone, a busy service its port.
func TestMainWords(t *testing.T) {
	for want, add := range map[string]func(i uint32) *conntrack.Flow{
		"100 % of it is from 10.9.9.9": func(i uint32) *conntrack.Flow {
			return entry(i, packet.ProtoTCP, "10.9.9.9", fmt.Sprintf("10.0.%d.%d", i/200, i%200), uint16(i), 0)
		},
		"100 % of it is tcp port 80": func(i uint32) *conntrack.Flow {
			return entry(i, packet.ProtoTCP, fmt.Sprintf("10.1.%d.%d", i/200, i%200), fmt.Sprintf("10.0.%d.%d", i/200, i%200), 80, 0)
		},
		"100 % of it is tcp to 10.0.0.1:80": func(i uint32) *conntrack.Flow {
			return entry(i, packet.ProtoTCP, fmt.Sprintf("10.1.%d.%d", i/200, i%200), "10.0.0.1", 80, 0)
		},
		"": func(i uint32) *conntrack.Flow {
			return entry(i, uint8(i%200), fmt.Sprintf("10.1.%d.%d", i/200, i%200), fmt.Sprintf("10.0.%d.%d", i/200, i%200), uint16(i), 0)
		},
	} {
		c := New(Options{By: Kinds()})
		c.Begin(start, 0)
		for i := range uint32(1000) {
			c.Add(add(i))
		}
		w := c.Who(Count{}, Count{}, nil, 1)
		if got := w.mainWords(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestBounded: whatever the table, no more is kept, and what may be too small
// says so; the largest groups are right.
func TestBounded(t *testing.T) {
	c := New(Options{By: []By{Pair}, Keys: 100, IDs: 5000})
	r := rand.New(rand.NewPCG(1, 2))
	heavy := int64(0)
	for range 2 {
		heavy = 0
		c.Begin(start, 1000)
		start := r.Uint32()
		for i := range uint32(20000) {
			f := entry(start+i, packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 53, 0)
			if i%4 != 0 {
				f.Orig.Src = netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
			} else {
				heavy++
			}
			c.Add(f)
		}
	}
	top := c.Ranking(Pair, 1)
	if len(c.now.groups[0].keys) > 100 || len(c.now.ids.slots) > 1<<14 {
		t.Errorf("%d groups, %d slots are kept", len(c.now.groups[0].keys), len(c.now.ids.slots))
	}
	if !top.More || len(top.Groups) != 1 || top.Groups[0].Entries != heavy || top.Groups[0].New != nil {
		t.Errorf("%+v, want %d", top, heavy)
	}
	if ch := c.Change(); ch.New != nil || ch.Ended != nil {
		t.Errorf("%+v of entries that could not all be told apart", ch)
	}
}

func TestIDs(t *testing.T) {
	var s idSet
	s.reset(0, 1<<20)
	have := map[uint32]bool{}
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		id := r.Uint32N(30000)
		if s.add(id) == have[id] {
			t.Fatalf("%d: there %v", id, have[id])
		}
		have[id] = true
	}
	for id := range uint32(30000) {
		if s.has(id) != have[id] {
			t.Fatalf("%d: there %v", id, have[id])
		}
	}
}

func TestParseBy(t *testing.T) {
	for _, by := range Kinds() {
		if got, err := ParseBy(string(by)); got != by || err != nil {
			t.Errorf("%s: %s %v", by, got, err)
		}
	}
	if _, err := ParseBy("port"); err == nil {
		t.Error("port is taken")
	}
}

func BenchmarkAdd(b *testing.B) {
	c := New(Options{By: []By{Pair}})
	c.Begin(start, 0)
	f := entry(1, packet.ProtoUDP, "10.0.0.1", "10.0.0.2", 53, 0)
	b.ReportAllocs()
	for i := range b.N {
		f.ID = uint32(i)
		f.Orig.DstPort = uint16(i % 1000)
		c.Add(f)
	}
}
