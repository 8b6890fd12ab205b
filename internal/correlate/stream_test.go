package correlate

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// stream feeds a Correlator with events as the kernel would send them from one
// namespace with a legacy filter table and a milestone behind mangle in forward.
type stream struct {
	t     *testing.T
	c     *Correlator
	now   time.Time
	space uint16
	told  []*journey.Journey
}

const (
	ownTable = "pktrail-test"
	inIndex  = 2
	outIndex = 3
)

func newStream(t *testing.T) *stream {
	s := &stream{t: t, c: New(Options{}), now: time.Unix(1_800_000_000, 0)}
	s.describe()
	return s
}

func (s *stream) describe() {
	own := map[string]event.OwnChain{
		"match":           {Role: event.TraceRole, Cause: "match", Family: ruleset.Inet},
		"from-prerouting": {Role: event.Arm, Family: ruleset.Inet, Hook: ruleset.Prerouting, Priority: -500},
		"from-output":     {Role: event.Arm, Family: ruleset.Inet, Hook: ruleset.Output, Priority: -500},
		"seen-forward":    {Role: event.Milestone, Family: ruleset.Inet, Hook: ruleset.Forward, Priority: -149},
		"seen-post":       {Role: event.Milestone, Family: ruleset.Inet, Hook: ruleset.Postrouting, Priority: 101},
	}
	s.add(event.Event{Kind: event.KindNamespace, Namespace: &event.Namespace{
		Name: "rt", Cookie: "1", BootID: "b", OwnTable: ownTable, Own: own,
		Links: map[uint32]string{1: "lo", inIndex: "r0", outIndex: "r1"},
	}})
	filter := &ruleset.Table{
		TableKey: ruleset.TableKey{Backend: ruleset.Legacy, Family: ruleset.IP, Name: "filter"}, Dialect: ruleset.Iptables, ReadAt: s.now,
		Chains: []*ruleset.Chain{{
			Name: "FORWARD", Base: &ruleset.Base{Hook: ruleset.Forward, Type: "filter"}, Policy: ruleset.Accept,
			Rules: []ruleset.Rule{{Number: 1, Text: "-A FORWARD -p udp -j LOG", Effect: ruleset.Effect{Known: true, Verdict: ruleset.Continue, Target: "LOG"}}},
		}},
	}
	s.add(event.Event{Kind: event.KindRules, Rules: &event.Rules{All: true, Tables: []*ruleset.Table{filter}}})
}

func (s *stream) add(e event.Event) {
	s.now = s.now.Add(time.Microsecond)
	e.Time, e.Netns = s.now, s.space
	s.told = append(s.told, s.c.Add([]event.Event{e})...)
}

func (s *stream) finish() []*journey.Journey {
	s.told = append(s.told, s.c.Expire(s.now.Add(time.Second))...)
	return append(s.told, s.c.Finish(s.now.Add(time.Second))...)
}

// udp is a datagram's bytes.
func (s *stream) udp(sport, dport, id uint16) []byte {
	b, err := packet.Build(&packet.Packet{
		Family: packet.IPv4, Proto: packet.ProtoUDP, ID: id, SrcPort: sport, DstPort: dport,
		Src: netip.MustParseAddr("10.1.0.2"), Dst: netip.MustParseAddr("10.2.0.2"),
	}, []byte("payload enough for a key"))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// own is an event of one of our chains.
func (s *stream) own(chain string, id uint32, b []byte, in, out uint32) {
	s.add(event.Event{Kind: event.KindTrace, Trace: event.Trace{
		ID: id, Type: event.TraceRule, Family: ruleset.Inet, NFProto: uint8(ruleset.IP), Table: ownTable, Chain: chain, Handle: 9, Verdict: ruleset.Accept,
		HasPacket: true, In: in, Out: out, Network: b[:20], Transport: b[20:40],
	}})
}

// line is a TRACE line of the filter table's FORWARD chain.
func (s *stream) line(kind event.LineType, number int, b []byte) {
	s.add(event.Event{Kind: event.KindLog, Log: event.Log{
		Family: uint8(ruleset.IP), Hook: 2, In: inIndex, Out: outIndex, Payload: b,
		Line: event.TraceLine{Table: "filter", Chain: "FORWARD", Type: kind, Number: number},
	}})
}

// arrive, pass and leave are a packet's way, in three parts.
func (s *stream) arrive(id uint32, b []byte) {
	s.own("match", id, b, inIndex, 0)
	s.own("seen-forward", id, b, inIndex, outIndex)
}

func (s *stream) pass(b []byte) {
	s.line(event.LineRule, 1, b)
	s.line(event.LinePolicy, 2, b)
}

func (s *stream) leave(id uint32, b []byte) { s.own("seen-post", id, b, inIndex, outIndex) }

// TestLegacyTextsAreLookedAt: a legacy step's text is told without doubt only when
// somebody looked at the rules after it; who waits in vain says so.
func TestLegacyTextsAreLookedAt(t *testing.T) {
	for _, c := range []struct {
		name  string
		look  func(*stream)
		after time.Duration // of silence
		told  bool
		doubt bool
	}{
		{"looked at, the same", func(s *stream) { s.add(event.Event{Kind: event.KindChecked}) }, 300 * time.Millisecond, true, false},
		{"looked at, changed", func(s *stream) { s.add(event.Event{Kind: event.KindChecked, Stale: true}) }, 300 * time.Millisecond, true, true},
		{"not looked at yet", func(*stream) {}, 300 * time.Millisecond, false, false},
		{"not looked at for long", func(*stream) {}, 1100 * time.Millisecond, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStream(t)
			s.add(event.Event{Kind: event.KindChecked})
			b := s.udp(1, 1000, 1)
			s.arrive(0xa, b)
			s.pass(b)
			s.leave(0xa, b)
			c.look(s)
			js := s.c.Expire(s.now.Add(c.after))
			if len(js) > 0 != c.told {
				t.Fatalf("told %d journeys, want some: %v", len(js), c.told)
			}
			for _, j := range js {
				for _, st := range j.Steps {
					if st.Kind == journey.KindRule && (st.Rule.Doubt != "") != c.doubt {
						t.Errorf("doubt %q of %s, want some: %v", st.Rule.Doubt, st.Rule.Text, c.doubt)
					}
				}
			}
		})
	}
}
