package source

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/internal/wire/nflog"
	"github.com/pktrail/pktrail/internal/wire/nftrace"
)

var start = time.Unix(1763820487, 721296123)

func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// trace is a trace event of chain in in table fw.
func trace(id uint32) []byte {
	raw := wire.AppendAttr(nil, 1, []byte("fw\x00"))
	raw = wire.AppendAttr(raw, 2, []byte("in\x00"))
	raw = wire.AppendAttr(raw, 4, be32(uint32(event.TraceRule)))
	raw = wire.AppendAttr(raw, 6, be32(id))
	return wire.AppendMessage(nil, nftrace.MessageType, 0, 0, 1, 0, raw)
}

// line is a numbered TRACE line.
func line(group uint16, seq uint32) []byte {
	raw := wire.AppendAttr(nil, 10, []byte("TRACE: raw:PREROUTING:policy:1 \x00"))
	raw = wire.AppendAttr(raw, 12, be32(seq))
	return wire.AppendMessage(nil, nflog.MessageType, 0, 0, 2, group, raw)
}

func TestDatagramSeveral(t *testing.T) {
	d := append(trace(1), line(0, 0)...)
	d = append(d, wire.AppendMessage(nil, typeDone, 0, 0, 0, 0, nil)...)
	d = append(d, wire.AppendMessage(nil, 0x0100, 0, 0, 0, 0, nil)...)
	d = append(d, trace(2)...)
	d = append(d, wire.AppendMessage(nil, nftrace.MessageType, 0, 0, 1, 0, nil)...)
	d = append(d, 1, 2, 3)

	got := NewDecoder().Datagram(start, 7, d, nil)
	var kinds []event.Kind
	for _, e := range got {
		kinds = append(kinds, e.Kind)
		if !e.Time.Equal(start) || e.Netns != 7 {
			t.Errorf("event of %v in %d", e.Time, e.Netns)
		}
	}
	want := []event.Kind{event.KindTrace, event.KindLog, event.KindUndecoded, event.KindTrace, event.KindUndecoded, event.KindUndecoded}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Fatal(diff)
	}
	if got[0].Trace.ID != 1 || got[3].Trace.ID != 2 || got[1].Log.Line.Table != "raw" {
		t.Errorf("%+v", got)
	}
	if u := got[2].Undecoded; u.Type != 0x0100 || len(u.Raw) != 20 {
		t.Errorf("other message: %+v", u)
	}
	if u := got[4].Undecoded; u.Type != nftrace.MessageType || !strings.Contains(u.Reason, "missing") {
		t.Errorf("empty message: %+v", u)
	}
	if u := got[5].Undecoded; string(u.Raw) != "\x01\x02\x03" || !strings.Contains(u.Reason, "netlink header at offset") {
		t.Errorf("trailing bytes: %+v", u)
	}
}

// TestUndecodedKeeps: what is kept of an undecoded message is not the reader's buffer.
func TestUndecodedKeeps(t *testing.T) {
	d := wire.AppendMessage(nil, 0x0100, 0, 0, 0, 0, []byte{1, 2, 3, 4})
	got := NewDecoder().Datagram(start, 0, d, nil)
	clear(d)
	if raw := got[0].Undecoded.Raw; raw[len(raw)-1] != 4 {
		t.Errorf("%x", raw)
	}
}

// losses gives the counts of the Lost events, in order.
func losses(events []event.Event) (counts []int64) {
	for _, e := range events {
		if e.Kind == event.KindLost {
			counts = append(counts, e.Lost.Count)
		}
	}
	return counts
}

func TestSequence(t *testing.T) {
	for _, c := range []struct {
		name string
		seqs []uint32
		want []int64
	}{
		{"none", []uint32{0, 1, 2}, nil},
		{"begins anywhere", []uint32{500, 501}, nil},
		{"gap", []uint32{0, 4, 5}, []int64{3}},
		{"over the wrap", []uint32{math.MaxUint32 - 1, math.MaxUint32, 0, 1}, nil},
		{"gap over the wrap", []uint32{math.MaxUint32 - 1, 2, 3}, []int64{3}},
		{"the last before the wrap is lost", []uint32{math.MaxUint32 - 1, 0}, []int64{1}},
		{"begins again", []uint32{100, 101, 0, 1}, nil},
		{"the same again", []uint32{5, 5, 6}, nil},
		{"huge", []uint32{0, 1 << 31}, []int64{1<<31 - 1}},
		{"backwards by half", []uint32{0, 1<<31 + 1}, nil},
	} {
		d := NewDecoder()
		var all []event.Event
		for _, seq := range c.seqs {
			all = d.Datagram(start, 0, line(0, seq), all)
		}
		if diff := cmp.Diff(c.want, losses(all)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if last := all[len(all)-1]; last.Kind != event.KindLog || last.Log.Seq != c.seqs[len(c.seqs)-1] {
			t.Errorf("%s: ends with %+v", c.name, last)
		}
	}
}

func TestSequenceGroups(t *testing.T) {
	d := NewDecoder()
	var all []event.Event
	for seq := range uint32(3) {
		all = d.Datagram(start, 0, append(line(0, seq), line(5, seq+100)...), all)
	}
	if got := losses(all); got != nil {
		t.Errorf("two groups are taken for one with gaps: %v", got)
	}
}

// TestLossOnce: what the socket counts is not told again as a gap, but a gap of
// its own is.
func TestLossOnce(t *testing.T) {
	open, shut := &event.Lost{Open: true, More: true}, func(n int64) *event.Lost { return &event.Lost{Count: n} }
	for _, c := range []struct {
		name  string
		steps []any // a number received, or what the socket says
		want  []int64
	}{
		{"gap within", []any{uint32(0), open, uint32(11), shut(30), uint32(12)}, nil},
		{"gap after", []any{uint32(0), open, shut(30), uint32(11), uint32(12)}, nil},
		{"gap of the next loss", []any{uint32(0), open, shut(10), open, uint32(21), shut(10), uint32(22)}, nil},
		{"counted before it is told", []any{uint32(0), open, shut(30), open, uint32(11), uint32(12), shut(0), uint32(23)}, nil},
		{"more missing than counted", []any{uint32(0), open, shut(4), uint32(11)}, []int64{6}},
		{"a later gap", []any{uint32(0), open, shut(30), uint32(11), uint32(12), uint32(20)}, []int64{7}},
		{"only trace events lost", []any{uint32(0), open, shut(30), uint32(1), uint32(5)}, []int64{3}},
	} {
		d := NewDecoder()
		var all []event.Event
		for _, s := range c.steps {
			switch s := s.(type) {
			case uint32:
				all = d.Datagram(start, 0, line(0, s), all)
			case *event.Lost:
				d.Lost(s)
			}
		}
		if diff := cmp.Diff(c.want, losses(all)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestDatagramAllocates: names and numbers seen once cost nothing again.
func TestDatagramAllocates(t *testing.T) {
	d := NewDecoder()
	raw := append(trace(1), line(0, 5)...)
	var events []event.Event
	if n := testing.AllocsPerRun(100, func() { events = d.Datagram(start, 0, raw, events[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDatagram(f *testing.F) {
	f.Add(append(trace(1), line(0, 5)...), line(0, 9))
	for _, path := range []string{"testdata/conntrack.hex", "../wire/nftrace/testdata/recorded.hex", "../wire/nflog/testdata/recorded.hex"} {
		for _, raw := range datagrams(f, path) {
			f.Add(raw, raw)
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d := NewDecoder()
		events := d.Datagram(start, 1, first, nil)
		n := len(events)
		events = d.Datagram(start, 1, second, events)
		if len(events) > (len(first)+len(second))/wire.HeaderLen*2+2 || len(second) > 0 && len(second) < wire.HeaderLen && len(events) == n {
			t.Fatalf("%d events of %d bytes", len(events), len(first)+len(second))
		}
		for _, e := range events {
			if e.Kind == event.KindLost && e.Lost.Count <= 0 {
				t.Fatalf("lost %d", e.Lost.Count)
			}
		}
	})
}

// BenchmarkDatagram is recorded datagrams from bytes to events.
func BenchmarkDatagram(b *testing.B) {
	for _, name := range []string{"nftrace", "nflog"} {
		b.Run(name, func(b *testing.B) {
			raws := datagrams(b, "../wire/"+name+"/testdata/recorded.hex")
			if name == "nflog" {
				raws = raws[:1] // several, again and again, would be gaps in their numbers
			}
			d := NewDecoder()
			var events []event.Event
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				events = d.Datagram(start, 0, raws[i%len(raws)], events[:0])
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "datagrams/s")
		})
	}
}
