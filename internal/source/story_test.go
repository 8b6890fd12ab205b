package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/ruleset"
)

var head = StoryHeader{Program: "v1", Started: start.UTC(), Match: "-p tcp"}

// full is one event of each kind that does not come in a datagram, no field empty.
func full() []event.Event {
	at := func(n int) time.Time { return start.Add(time.Duration(n)) }
	own := event.OwnChain{Role: event.Milestone, Cause: "match", Family: ruleset.IP6, Hook: ruleset.Output, Priority: -299}
	table := &ruleset.Table{
		TableKey: ruleset.TableKey{Backend: ruleset.NFT, Family: ruleset.Inet, Name: "fw"},
		Dialect:  ruleset.Nftables, ReadAt: at(5).UTC(), NoText: "no nft here",
		Chains: []*ruleset.Chain{{
			Name: "in", Policy: ruleset.Drop,
			Base: &ruleset.Base{Hook: ruleset.Ingress, Priority: -500, Type: "filter", Device: []string{"eth0"}},
			Rules: []ruleset.Rule{{Number: 1, Handle: 1 << 52, Text: `ct state new log prefix "<a> & b\u2028" drop`, Effect: ruleset.Effect{
				Known: true, Verdict: ruleset.Jump, Target: "next", Bare: true, RejectWith: "tcp-reset", NAT: ruleset.DNAT,
				SetsMark: true, ReadsMark: true, ReadsCT: true, ReadsSets: []string{"a"}, WritesSets: []string{"b"}, NoTrack: true,
			}}},
		}, {Name: "user"}},
	}
	return []event.Event{
		{Kind: event.KindNamespace, Time: at(1), Netns: 1, Namespace: &event.Namespace{
			Name: "rt", Inode: 4026532201, Cookie: "18446744073709551615", Host: "n1", BootID: "b",
			Links: map[uint32]string{1: "lo", 4294967295: "eth0"}, Bridges: map[uint32]uint32{2: 3},
			OwnTable: "pktrail-0011aabb", Own: map[string]event.OwnChain{"m1": own}, BlindLegacy: "why",
		}},
		{Kind: event.KindRules, Time: at(2), Netns: 1, Rules: &event.Rules{
			Tables: []*ruleset.Table{table}, All: true, Generation: 4294967295, Pending: true, Problems: []string{"one"},
		}},
		{Kind: event.KindLost, Time: at(3), Netns: 65535, Lost: &event.Lost{What: "x", Count: 1 << 60, More: true, Open: true}},
		{Kind: event.KindNote, Time: at(4), Netns: 2, Note: "a note\nof two lines"},
		{Kind: event.KindCounters, Time: at(5), Netns: 1, Counters: &event.Counters{Traced: 1 << 40, RateLimited: 2}},
		{Kind: event.KindIdle, Time: at(6), Netns: 1},
		{Kind: event.KindChecked, Time: at(7), Netns: 1, Stale: true},
	}
}

// record writes datagrams and events in turn.
func record(t testing.TB, raws [][]byte, events []event.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	r, err := NewRecorder(&b, head)
	if err != nil {
		t.Fatal(err)
	}
	for i := range max(len(raws), len(events)) {
		if i < len(raws) {
			r.Datagram(start.Add(time.Duration(i)), uint16(i%3), raws[i])
		}
		if i < len(events) {
			r.Event(&events[i])
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// replay reads a recording and gives the events, their bytes copied.
func replay(t testing.TB, story []byte) ([]event.Event, error) {
	t.Helper()
	s, err := OpenStory(bytes.NewReader(story))
	if err != nil {
		return nil, err
	}
	var all []event.Event
	err = s.Run(context.Background(), func(events []event.Event) {
		for _, e := range events {
			all = append(all, keep(e))
		}
	})
	return all, err
}

func keep(e event.Event) event.Event {
	for _, b := range []*[]byte{&e.Trace.Link, &e.Trace.Network, &e.Trace.Transport, &e.Log.Prefix, &e.Log.LinkHeader, &e.Log.Payload} {
		*b = bytes.Clone(*b)
	}
	return e
}

func TestStoryRoundTrip(t *testing.T) {
	raws := datagrams(t, "../wire/nftrace/testdata/recorded.hex")
	raws = append(raws, datagrams(t, "../wire/nflog/testdata/recorded.hex")...)
	raws = append(raws, datagrams(t, "testdata/conntrack.hex")...)
	others := full()

	var want []event.Event
	live := map[uint16]*Decoder{}
	for i, raw := range raws {
		n := uint16(i % 3)
		if live[n] == nil {
			live[n] = NewDecoder()
		}
		want = live[n].Datagram(start.Add(time.Duration(i)), n, raw, want)
		if i < len(others) {
			want = append(want, others[i])
		}
	}
	got, err := replay(t, record(t, raws, others))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStoryHeader(t *testing.T) {
	s, err := OpenStory(bytes.NewReader(record(t, nil, nil)))
	if err != nil {
		t.Fatal(err)
	}
	want := head
	want.ByteOrder = byteOrder()
	if s.Header != want {
		t.Errorf("%+v, want %+v", s.Header, want)
	}
	if err := s.Run(context.Background(), func([]event.Event) { t.Error("an event from nothing") }); err != nil {
		t.Error(err)
	}
}

// TestStoryRefused: what no recording is, and one that cannot be read here.
func TestStoryRefused(t *testing.T) {
	whole := string(record(t, nil, nil))
	other := strings.NewReplacer(`"little"`, `"big"`, `"big"`, `"little"`).Replace(whole)
	for name, c := range map[string]struct{ story, want string }{
		"empty":         {"", ErrNotStory.Error()},
		"other file":    {"\x0a\x0d\x0d\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", ErrNotStory.Error()},
		"newer format":  {"pktrail-story/2\n{}\n", `recording of format "pktrail-story/2"`},
		"byte order":    {other, "made on a machine of byte order"},
		"no byte order": {storyMagic + "{}\n", `of byte order ""`},
		"no head":       {storyMagic, "recording: head: EOF"},
		"no JSON":       {storyMagic + "{\n", "recording: head: "},
		"endless head":  {storyMagic + strings.Repeat(" ", readAhead+1), "recording: head: "},
	} {
		if _, err := OpenStory(strings.NewReader(c.story)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	broken := errors.New("broken disk")
	if _, err := OpenStory(io.MultiReader(strings.NewReader("pk"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("a disk that fails: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestStoryCut: a recording that breaks off anywhere tells the frames before,
// and a note unless it ends between two.
func TestStoryCut(t *testing.T) {
	story := record(t, [][]byte{trace(1), line(0, 1)}, full())
	begins := bytes.IndexByte(story[len(storyMagic):], '\n') + len(storyMagic) + 1
	whole, err := replay(t, story)
	if err != nil || len(whole) != 9 {
		t.Fatal(len(whole), err)
	}
	for n := range len(story) {
		got, err := replay(t, story[:n])
		if n < begins {
			if err == nil {
				t.Fatalf("head of %d bytes opens", n)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		end := len(got)
		if end > 0 && got[end-1].Kind == event.KindNote && strings.Contains(got[end-1].Note, "breaks off") {
			end--
		} else if n != begins+framesLen(whole[:end], story[begins:]) {
			t.Fatalf("%d bytes: no word of what is missing", n)
		}
		if diff := cmp.Diff(whole[:end], got[:end], cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%d bytes: %s", n, diff)
		}
	}
}

// framesLen is how many bytes the first frames take, one event each.
func framesLen(events []event.Event, frames []byte) int {
	n := 0
	for range events {
		n += frameLen + int(binary.LittleEndian.Uint32(frames[n+4:]))
	}
	return n
}

func frame(kind byte, size uint32, data string) string {
	h := make([]byte, frameLen)
	h[0] = kind
	binary.LittleEndian.PutUint32(h[4:], size)
	return string(h) + data
}

func TestStoryDamaged(t *testing.T) {
	begin := string(record(t, nil, nil))
	for name, c := range map[string]struct{ frames, want string }{
		"unknown kind":    {frame(99, 2, "xx"), "note: the recording holds frames of kind 99"},
		"kind zero":       {frame(0, 0, ""), "note: the recording holds frames of kind 0"},
		"too large":       {frame(1, maxFrame+1, ""), ": 268435457 bytes: damaged"},
		"no JSON":         {frame(frameNamespace, 2, "{{"), "recording: frame at offset"},
		"other JSON":      {frame(frameLost, 2, "[]"), "recording: frame at offset"},
		"no table":        {frame(frameRules, 17, `{"tables":[null]}`), "rules with an empty table or chain"},
		"no chain":        {frame(frameRules, 30, `{"tables":[{"Chains":[null]}]}`), "rules with an empty table or chain"},
		"largest, absent": {frame(1, maxFrame, "xyz"), "note: the recording breaks off"},
	} {
		got, err := replay(t, []byte(begin+c.frames))
		said := fmt.Sprint(err)
		if err == nil && len(got) == 1 && got[0].Kind == event.KindNote {
			said = "note: " + got[0].Note
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("%s: %s, want %q", name, said, c.want)
		}
	}
	got, err := replay(t, []byte(begin+frame(frameLost, 12, `{"count":-5}`)))
	if err != nil || got[0].Lost.Count != 0 {
		t.Errorf("a negative loss: %+v %v", got, err)
	}
}

// TestStoryBefore: what comes before the damage is told.
func TestStoryBefore(t *testing.T) {
	begin := string(record(t, [][]byte{trace(1)}, nil))
	for _, damage := range []string{frame(1, maxFrame+1, ""), frame(frameNamespace, 2, "{{"), frame(1, 9, "cut")} {
		got, _ := replay(t, []byte(begin+damage))
		if len(got) == 0 || got[0].Kind != event.KindTrace || got[0].Trace.ID != 1 {
			t.Errorf("%q: %+v", damage, got)
		}
	}
}

// TestStoryTogether: frames of one time and namespace are told as one, but not without end.
func TestStoryTogether(t *testing.T) {
	var b bytes.Buffer
	r, err := NewRecorder(&b, head)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.Datagram(start, 1, trace(1))
	}
	r.Datagram(start, 2, trace(2))
	r.Datagram(start.Add(1), 2, trace(3))
	for range mostEvents + 1 {
		r.Event(&event.Event{Kind: event.KindIdle, Time: start, Netns: 9})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := OpenStory(&b)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	if err := s.Run(t.Context(), func(events []event.Event) { sizes = append(sizes, len(events)) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{3, 1, 1, mostEvents, 1}, sizes); diff != "" {
		t.Error(diff)
	}
}

// TestStoryMemory: a length that lies takes no memory.
func TestStoryMemory(t *testing.T) {
	story := append(record(t, nil, nil), frame(frameDatagram, maxFrame, "xyz")...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := replay(t, story); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d bytes for a frame of three", took)
	}
}

func TestStoryStops(t *testing.T) {
	raws := make([][]byte, 1000)
	for i := range raws {
		raws[i] = trace(uint32(i))
	}
	s, err := OpenStory(bytes.NewReader(record(t, raws, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	if err := s.Run(ctx, func([]event.Event) {
		if n++; n == 10 {
			cancel()
		}
	}); err != nil || n != 10 {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestRecorderTogether(t *testing.T) {
	var b bytes.Buffer
	r, err := NewRecorder(&b, head)
	if err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r.Datagram(start, uint16(w), trace(uint32(i)))
				r.Event(&event.Event{Kind: event.KindNote, Time: start, Netns: uint16(w), Note: strings.Repeat("x", i)})
			}
		})
	}
	wg.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := replay(t, b.Bytes())
	if err != nil || len(got) != writers*each*2 {
		t.Fatalf("%d events, %v", len(got), err)
	}
	next := map[uint16]uint32{}
	for _, e := range got {
		if e.Kind == event.KindTrace {
			if e.Trace.ID != next[e.Netns] {
				t.Fatalf("namespace %d: event %d, want %d", e.Netns, e.Trace.ID, next[e.Netns])
			}
			next[e.Netns]++
		}
	}
}

func TestRecorderFails(t *testing.T) {
	broken := errors.New("disk full")
	r, err := NewRecorder(failing{broken}, head)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.Datagram(start, 0, make([]byte, 1<<20))
	}
	if err := r.Close(); !errors.Is(err, broken) || strings.Count(err.Error(), "write recording") != 1 {
		t.Error(err)
	}
	var b bytes.Buffer
	if r, err = NewRecorder(&b, head); err != nil {
		t.Fatal(err)
	}
	r.Datagram(start, 0, make([]byte, maxFrame+1))
	r.Datagram(start, 0, trace(1))
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "a frame of 268435457 bytes") {
		t.Error(err)
	}
}

func FuzzStory(f *testing.F) {
	story := record(f, [][]byte{trace(1), line(0, 1), line(0, 4)}, full())
	n := bytes.IndexByte(story[len(storyMagic):], '\n') + len(storyMagic) + 1
	begin := story[:n]
	f.Add(story[n:])
	f.Add([]byte(frame(99, 2, "xx") + frame(1, maxFrame, "")))
	f.Fuzz(func(t *testing.T, frames []byte) {
		got, err := replay(t, append(bytes.Clone(begin), frames...))
		if err == nil && len(got) == 0 && len(frames) >= frameLen+20 && frames[0] != frameDatagram {
			t.Fatalf("%d bytes say nothing", len(frames))
		}
	})
}

func FuzzOpenStory(f *testing.F) {
	f.Add(record(f, nil, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := OpenStory(bytes.NewReader(b))
		if (s == nil) == (err == nil) {
			t.Fatal(s, err)
		}
	})
}

// BenchmarkStory replays trace datagrams.
func BenchmarkStory(b *testing.B) {
	recorded := datagrams(b, "../wire/nftrace/testdata/recorded.hex")
	var raws [][]byte
	for range 100 {
		raws = append(raws, recorded...)
	}
	story := record(b, raws, nil)
	b.ReportAllocs()
	b.SetBytes(int64(len(story)))
	for b.Loop() {
		s, err := OpenStory(bytes.NewReader(story))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Run(context.Background(), func([]event.Event) {}); err != nil {
			b.Fatal(err)
		}
	}
}
