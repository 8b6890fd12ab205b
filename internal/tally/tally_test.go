package tally

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/packet"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func tcpLine(prefix, src, dst string, dport uint16) *event.LogLine {
	return &event.LogLine{
		Prefix: prefix, Clock: event.ClockWall, Has: event.HasIn | event.HasOut, In: "eth0",
		Headers: event.Headers{
			Has: event.HasAddrs | event.HasProto | event.HasPorts, Family: packet.IPv4, Proto: packet.ProtoTCP,
			Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), SrcPort: 40000, DstPort: dport,
		},
	}
}

func TestReport(t *testing.T) {
	var tally Tally
	for i := range 6 {
		l := tcpLine("[UFW BLOCK] ", "198.51.100.7", "10.1.0.2", 22)
		l.Headers.SrcPort += uint16(i)
		tally.Add(noon.Add(time.Duration(i)*time.Second), l)
	}
	accept := tcpLine("fw: ", "10.1.0.2", "10.2.0.2", 80)
	accept.Out, accept.Clock, accept.Host = "eth1", event.ClockAssumed, "gw"
	tally.Add(noon.Add(-time.Second), accept)
	ping := &event.LogLine{Cut: event.CutHead, Rest: []byte("X=1"), Headers: event.Headers{
		Has: event.HasAddrs | event.HasProto | event.HasICMP | event.HasICMPCode, Family: packet.IPv6, Proto: packet.ProtoICMPv6, ICMPType: 128,
		Src: netip.MustParseAddr("fd00::1"), Dst: netip.MustParseAddr("fd00::2"),
	}}
	tally.Add(time.Time{}, ping)
	trace := &event.LogLine{Clock: event.ClockUptime, Trace: event.TraceLine{Table: "raw", Chain: "PREROUTING", Type: event.LineRule, Number: 1}}
	tally.Add(time.Unix(1953, 615447000), trace)
	got, err := json.MarshalIndent(tally.Report(Options{Top: 2}), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "summary.json", append(got, '\n'))
}

func TestEmpty(t *testing.T) {
	var tally Tally
	got, err := json.MarshalIndent(tally.Report(Options{}), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "summary-empty.json", append(got, '\n'))
}

// TestCounterBounds: whatever comes, the true count of a key lies between count
// and count + error, and no key that is not kept has more than floor.
func TestCounterBounds(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		c := counter[int]{limit: 64}
		truth := map[int]int64{}
		zipf := rand.NewZipf(r, 1.1+r.Float64(), 1+float64(seed%5), 5000)
		for range 20_000 {
			k := int(zipf.Uint64())
			truth[k]++
			c.add(k, c.last)
		}
		check(t, &c, truth)
	}
}

func check(t *testing.T, c *counter[int], truth map[int]int64) {
	t.Helper()
	if len(c.entries) > c.limit || c.lines != 20_000 {
		t.Errorf("%d entries of %d, %d lines", len(c.entries), c.limit, c.lines)
	}
	for _, e := range c.entries {
		if n := truth[e.key]; n < e.count || n > e.count+e.error {
			t.Errorf("key %d: %d counted, error %d; it is %d", e.key, e.count, e.error, n)
		}
		delete(truth, e.key)
	}
	for k, n := range truth {
		if n > c.floor {
			t.Errorf("key %d was dropped with %d lines, above %d", k, n, c.floor)
		}
	}
}

// TestScan: a scan of everything by one source is one flow a destination port,
// and keeps memory bounded; the heavy one is told all the same.
func TestScan(t *testing.T) {
	var tally Tally
	for i := range 3 * most {
		src := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		tally.Add(noon, tcpLine("scan", src.String(), "10.1.0.2", 22))
		if i%10 == 0 {
			tally.Add(noon, tcpLine("scan", "192.0.2.1", "10.1.0.2", 443))
		}
	}
	r := tally.Report(Options{Top: 1})
	heavy, want := r.Flows.Top[0], int64(3*most/10+1)
	if heavy.Src != netip.MustParseAddr("192.0.2.1") || heavy.Count > want || heavy.Count+heavy.Error < want {
		t.Errorf("first flow is %+v, want 192.0.2.1 with %d", heavy, want)
	}
	if !r.Flows.More || r.Flows.Keys > most || r.Flows.Others != r.Lines-heavy.Count {
		t.Errorf("flows: %d keys, more %v, %d others of %d", r.Flows.Keys, r.Flows.More, r.Flows.Others, r.Lines)
	}
	if d := r.Destinations; d.More || d.Keys != 2 || d.Top[0].Error != 0 {
		t.Errorf("destinations: %+v", d)
	}
}

// TestTimeline: the parts add up, cover first to last, and stay few, in whatever
// order times come.
func TestTimeline(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		scale := int64(1) << r.IntN(61)
		var line timeline
		want := map[int64]int64{}
		var times []int64
		for range 300 {
			ns := noon.UnixNano() + r.Int64N(2*scale+1) - scale
			if !inRange(time.Unix(0, ns)) {
				continue
			}
			times = append(times, ns)
			line.add(ns)
		}
		w := int64(widths[line.width])
		for _, ns := range times {
			want[floorDiv(ns, w)]++
		}
		checkParts(t, &line, want)
	}
}

func checkParts(t *testing.T, line *timeline, want map[int64]int64) {
	t.Helper()
	w := int64(widths[line.width])
	if len(line.parts) > mostParts {
		t.Errorf("%d parts", len(line.parts))
	}
	for i, n := range line.parts {
		if k := line.base + int64(i); n != want[k] {
			t.Errorf("part %d of width %v has %d, want %d", k, widths[line.width], n, want[k])
		} else {
			delete(want, k)
		}
	}
	for k, n := range want {
		if n > 0 {
			t.Errorf("part %d is not there", k)
		}
	}
	if first, last := floorDiv(line.first, w), floorDiv(line.last, w); first < line.base || last >= line.base+int64(len(line.parts)) {
		t.Errorf("first and last are outside the parts")
	}
}

func TestTimesOutOfRange(t *testing.T) {
	var tally Tally
	for _, year := range []int{-300, 0, 1600, 1717, 2222, 2300, 9999} {
		tally.Add(time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC), tcpLine("", "10.0.0.1", "10.0.0.2", 1))
	}
	if r := tally.Report(Options{}); r.Untimed != 5 || r.Time.Lines != 2 || r.Time.Start.After(r.Time.First.Time) {
		t.Errorf("%d untimed, %+v", r.Untimed, r.Time)
	}
}

func TestLongTexts(t *testing.T) {
	var tally Tally
	long := make([]byte, 1<<20)
	for i := range long {
		long[i] = "é"[i%2]
	}
	l := &event.LogLine{Prefix: string(long), Host: string(long[1:]), In: string(long), Has: event.HasIn}
	tally.Add(noon, l)
	tally.Add(noon, l)
	r := tally.Report(Options{})
	if n := len(r.Prefixes.Top[0].Prefix); n != longest || r.Prefixes.Keys != 1 || len(*r.Interfaces.Top[0].In) != longest || r.Hosts.Keys != 1 {
		t.Errorf("a prefix of %d bytes, %d keys", n, r.Prefixes.Keys)
	}
}

func TestKnownKeysAllocateNothing(t *testing.T) {
	var tally Tally
	var l event.LogLine
	lines := mixed(1000)
	add := func() {
		for i := range lines {
			lines[i].fill(&l)
			tally.Add(noon, &l)
		}
	}
	add()
	if n := testing.AllocsPerRun(10, add); n != 0 {
		t.Errorf("Add allocates %v times for %d lines", n, len(lines))
	}
}

// sample is what differs between lines.
type sample struct {
	src         netip.Addr
	prefix, out string
	dport       uint16
}

// fill makes a line of a sample. A line is large, and when it is counted it has
// just been parsed: so there is one for all samples.
func (s *sample) fill(l *event.LogLine) {
	if l.Clock == event.ClockNone {
		*l = *tcpLine("", "10.0.0.1", "10.1.0.2", 0)
	}
	l.Prefix, l.Out, l.Headers.Src, l.Headers.DstPort = s.prefix, s.out, s.src, s.dport
}

// mixed is lines of n flows, some of which have many.
func mixed(n uint64) []sample {
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.2, 8, n-1)
	prefixes := []string{"[UFW BLOCK] ", "DROP ", "fw accept: "}
	outs := []string{"", "eth1", "eth2"}
	samples := make([]sample, 1<<15)
	for i := range samples {
		k := zipf.Uint64()
		samples[i] = sample{netip.AddrFrom4([4]byte{198, 51, byte(k >> 8), byte(k)}), prefixes[k%3], outs[k%3], uint16(k % 7)}
	}
	return samples
}

func BenchmarkAdd(b *testing.B) {
	for _, flows := range []uint64{100, 60_000} {
		b.Run(fmt.Sprint(flows, "-flows"), func(b *testing.B) {
			samples := mixed(flows)
			var tally Tally
			var l event.LogLine
			at, i := noon, 0
			b.ReportAllocs()
			for b.Loop() {
				samples[i&(len(samples)-1)].fill(&l)
				tally.Add(at, &l)
				at = at.Add(time.Millisecond)
				i++
			}
		})
	}
	b.Run("all-new", func(b *testing.B) {
		l := tcpLine("x", "10.0.0.1", "10.0.0.2", 1)
		var tally Tally
		i := 0
		for b.Loop() {
			l.Headers.Src = netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
			tally.Add(noon, l)
			i++
		}
	})
}
