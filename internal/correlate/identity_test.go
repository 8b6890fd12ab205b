package correlate

import (
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

func identities(js []*journey.Journey) (certain, inferred int) {
	for _, j := range js {
		if j.Identity == journey.Inferred {
			inferred++
		} else {
			certain++
		}
	}
	return certain, inferred
}

func lines(j *journey.Journey) int {
	n := 0
	for i := range j.Steps {
		if j.Steps[i].Rule != nil {
			n++
		}
	}
	return n
}

func TestInterleavedPacketsThatDiffer(t *testing.T) {
	s := newStream(t)
	a, b := s.udp(1, 1000, 7), s.udp(1, 1000, 8) // alike but for the IP id
	s.arrive(0xa, a)
	s.arrive(0xb, b)
	s.line(event.LineRule, 1, b)
	s.line(event.LineRule, 1, a)
	s.line(event.LinePolicy, 2, a)
	s.line(event.LinePolicy, 2, b)
	s.leave(0xb, b)
	s.leave(0xa, a)
	js := s.finish()
	if certain, inferred := identities(js); certain != 2 || inferred != 0 {
		t.Errorf("%d certain, %d inferred", certain, inferred)
	}
	for _, j := range js {
		if lines(j) != 2 || j.Outcome.Result != journey.Forwarded || !j.Complete {
			t.Errorf("%d lines, %s, complete %v", lines(j), j.Outcome.Result, j.Complete)
		}
	}
}

func TestIdenticalPacketsWithTwoOpenBrackets(t *testing.T) {
	s := newStream(t)
	b := s.udp(1, 1000, 7)
	s.arrive(0xa, b)
	s.arrive(0xb, b)
	s.pass(b)
	s.pass(b)
	s.leave(0xa, b)
	s.leave(0xb, b)
	if certain, inferred := identities(s.finish()); certain != 0 || inferred != 2 {
		t.Errorf("%d certain, %d inferred, want both inferred: each line fits both", certain, inferred)
	}
}

func TestIdenticalPacketsOneAfterTheOther(t *testing.T) {
	s := newStream(t)
	b := s.udp(1, 1000, 7)
	for _, id := range []uint32{0xa, 0xb, 0xa} { // the kernel uses ids again within milliseconds
		s.arrive(id, b)
		s.pass(b)
		s.leave(id, b)
	}
	js := s.finish()
	if certain, inferred := identities(js); certain != 3 || inferred != 0 {
		t.Errorf("%d certain, %d inferred", certain, inferred)
	}
	for _, j := range js {
		if lines(j) != 2 || j.Outcome.Result != journey.Forwarded {
			t.Errorf("%d lines, %s", lines(j), j.Outcome.Result)
		}
	}
}

func TestForeignPacketIsCountedOnce(t *testing.T) {
	s := newStream(t)
	ours, theirs := s.udp(1, 1000, 0), s.udp(1, 1001, 0) // the same but for the port
	s.arrive(0xa, ours)
	s.line(event.LineRule, 1, theirs)
	s.own("seen-forward", 0xb, theirs, inIndex, outIndex)
	s.line(event.LinePolicy, 2, theirs)
	s.own("seen-post", 0xb, theirs, inIndex, outIndex)
	s.pass(ours)
	s.leave(0xa, ours)
	js := s.finish()
	if len(js) != 1 || lines(js[0]) != 2 || js[0].Identity != journey.Certain {
		t.Errorf("%d journeys", len(js))
	}
	if n := s.c.Counts().Foreign; n != 1 {
		t.Errorf("%d foreign packets, want 1", n)
	}
}

func TestLossMarksWhatIsOpen(t *testing.T) {
	s := newStream(t)
	before, during, after := s.udp(1, 1000, 1), s.udp(1, 1000, 2), s.udp(1, 1000, 3)
	s.arrive(0xa, before)
	s.pass(before)
	s.leave(0xa, before)
	s.told = append(s.told, s.c.Expire(s.now.Add(time.Second))...)
	s.arrive(0xb, during)
	s.add(event.Event{Kind: event.KindLost, Lost: &event.Lost{More: true, Open: true}})
	s.add(event.Event{Kind: event.KindLost, Lost: &event.Lost{Count: 17}})
	s.arrive(0xc, after)
	s.pass(after)
	s.leave(0xc, after)
	js := s.finish()
	if len(js) != 3 {
		t.Fatalf("%d journeys", len(js))
	}
	if !js[0].Complete || js[1].Complete || !js[2].Complete {
		t.Errorf("complete: %v, %v, %v; want only the second not to be", js[0].Complete, js[1].Complete, js[2].Complete)
	}
	if js[1].Lost.Count != 17 || js[1].Outcome.Result != journey.ResultUnknown {
		t.Errorf("lost %+v, %s", js[1].Lost, js[1].Outcome.Result)
	}
}

func TestPacketOnItsWayAtTheEnd(t *testing.T) {
	s := newStream(t)
	b := s.udp(1, 1000, 1)
	s.arrive(0xa, b)
	js := s.c.Finish(s.now)
	if len(js) != 1 || js[0].Complete || js[0].Outcome.Result != journey.ResultUnknown {
		t.Errorf("want one journey that was cut short: %+v", js)
	}
}

func TestTooManyAtOnce(t *testing.T) {
	s := newStream(t)
	s.c.opt.MaxOpen = 10
	for i := range uint16(30) { // every second has arrived
		b := s.udp(1, 1000, i+1)
		s.arrive(uint32(100+i), b)
		if i%2 == 0 {
			s.pass(b)
			s.leave(uint32(100+i), b)
		}
	}
	js := s.finish()
	for _, j := range js[:20] {
		arrived := j.Outcome.Result == journey.Forwarded
		if j.Complete != arrived || (len(j.Missing) == 0) != arrived {
			t.Errorf("%s, complete %v, missing %v", j.Outcome.Result, j.Complete, j.Missing)
		}
	}
	if len(js) != 30 {
		t.Errorf("%d journeys", len(js))
	}
}

// TestLineBytesAreEnough: a line shows the whole packet and an event 20 bytes of it.
func TestLineBytesAreEnough(t *testing.T) {
	s := newStream(t)
	b := s.udp(5, 6, 7)
	p, err := packet.DecodeIP(b)
	if err != nil {
		t.Fatal(err)
	}
	q, err := packet.Decode(packet.IPv4, b[:20], b[20:40])
	if err != nil {
		t.Fatal(err)
	}
	if p.Key() != q.Key() || p.Trail() != q.Trail() {
		t.Error("a packet has other keys in a line than in an event")
	}
}
