package correlate

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/ruleset"
)

// TestReturnsOfOldKernels: what 6.1 sends with type RETURN, later kernels send with
// type RULE. The journey is the same.
func TestReturnsOfOldKernels(t *testing.T) {
	want := []string{
		"rule FORWARD#1 jump", "rule SUB#1 return",
		"rule FORWARD#2 jump", "return LEAF#0 return",
		"policy FORWARD#0 accept",
	}
	for _, kind := range []event.TraceType{event.TraceReturn, event.TraceRule} {
		s := newStream(t)
		s.add(event.Event{Kind: event.KindRules, Rules: &event.Rules{All: true, Tables: []*ruleset.Table{returning(s.now)}}})
		b := s.udp(20001, 53, 1)
		s.arrive(7, b)
		s.foreign(7, b, event.Trace{Type: event.TraceRule, Chain: "FORWARD", Handle: 11, Verdict: ruleset.Jump, Target: "SUB"})
		s.foreign(7, nil, event.Trace{Type: kind, Chain: "SUB", Handle: 21, Verdict: ruleset.Return})
		s.foreign(7, nil, event.Trace{Type: event.TraceRule, Chain: "FORWARD", Handle: 12, Verdict: ruleset.Jump, Target: "LEAF"})
		s.foreign(7, nil, event.Trace{Type: kind, Chain: "LEAF", Verdict: ruleset.Continue})
		s.foreign(7, nil, event.Trace{Type: kind, Chain: "FORWARD", Verdict: ruleset.Continue})
		s.foreign(7, nil, event.Trace{Type: event.TracePolicy, Chain: "FORWARD", Policy: ruleset.Accept})
		s.leave(7, b)
		told := s.finish()
		if len(told) != 1 {
			t.Fatalf("%d journeys", len(told))
		}
		var got []string
		for _, st := range told[0].Steps {
			if st.Rule != nil {
				got = append(got, fmt.Sprintf("%s %s#%d %s", st.Kind, st.Rule.Chain, st.Rule.Number, st.Verdict))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("type %d: %s", kind, diff)
		}
	}
}

// returning is a table whose chain FORWARD jumps to one that returns by a rule and
// to one that ends.
func returning(read time.Time) *ruleset.Table {
	rule := func(number int, handle uint64, v ruleset.Verdict, target string) ruleset.Rule {
		return ruleset.Rule{Number: number, Handle: handle, Text: target, Effect: ruleset.Effect{Known: true, Verdict: v, Target: target}}
	}
	return &ruleset.Table{
		TableKey: ruleset.TableKey{Backend: ruleset.NFT, Family: ruleset.IP, Name: "old"}, Dialect: ruleset.Nftables, ReadAt: read,
		Chains: []*ruleset.Chain{
			{Name: "FORWARD", Base: &ruleset.Base{Hook: ruleset.Forward, Type: "filter"}, Policy: ruleset.Accept,
				Rules: []ruleset.Rule{rule(1, 11, ruleset.Jump, "SUB"), rule(2, 12, ruleset.Jump, "LEAF")}},
			{Name: "SUB", Rules: []ruleset.Rule{rule(1, 21, ruleset.Return, "")}},
			{Name: "LEAF"},
		},
	}
}

// foreign is an event of the table of returning; b is given with the first of a traversal.
func (s *stream) foreign(id uint32, b []byte, e event.Trace) {
	e.ID, e.Family, e.NFProto, e.Table = id, ruleset.IP, uint8(ruleset.IP), "old"
	if b != nil {
		e.HasPacket, e.In, e.Out, e.Network, e.Transport = true, inIndex, outIndex, b[:20], b[20:40]
	}
	s.add(event.Event{Kind: event.KindTrace, Trace: e})
}
