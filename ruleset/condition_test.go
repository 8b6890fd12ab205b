package ruleset

import (
	"net/netip"
	"testing"
)

func network(s string) Range { return Prefix(netip.MustParsePrefix(s)) }

func rows(all ...Range) (r []Row) {
	for _, one := range all {
		r = append(r, Row{Ranges: []Range{one}})
	}
	return r
}

func TestConditionJudge(t *testing.T) {
	dest := []Field{IPDest}
	ports := []Field{DestPort}
	both := []Field{IPDest, DestPort}
	pair := []Row{{Ranges: []Range{network("10.0.0.1/32"), Span(80, 80)}}, {Ranges: []Range{network("10.0.1.0/24"), Span(1, 99)}}}
	either := []Condition{
		{Fields: []Field{SourcePort}, Rows: rows(Span(53, 53))}, {Fields: ports, Rows: rows(Span(53, 53))},
	}
	for _, c := range []struct {
		name string
		c    Condition
		f    Facts
		want Truth
	}{
		{"inside", Condition{Fields: dest, Rows: rows(network("10.0.0.0/8"))}, Facts{IPDest: {network("10.9.0.0/16")}}, Yes},
		{"outside", Condition{Fields: dest, Rows: rows(network("10.0.0.0/8"))}, Facts{IPDest: {network("11.0.0.0/16")}}, No},
		{"wider", Condition{Fields: dest, Rows: rows(network("10.0.0.0/8"))}, Facts{IPDest: {network("0.0.0.0/0")}}, Maybe},
		{"not inside", Condition{Fields: dest, Rows: rows(network("10.0.0.0/8")), Not: true}, Facts{IPDest: {network("10.9.0.0/16")}}, No},
		{"not known", Condition{Fields: dest, Rows: rows(network("10.0.0.0/8")), Not: true}, Facts{}, Maybe},
		{"touching rows", Condition{Fields: ports, Rows: rows(Span(1, 5), Span(6, 9))}, Facts{DestPort: {Span(3, 8)}}, Yes},
		{"a gap", Condition{Fields: ports, Rows: rows(Span(1, 5), Span(7, 9))}, Facts{DestPort: {Span(3, 8)}}, Maybe},
		{"in the gap", Condition{Fields: ports, Rows: rows(Span(1, 5), Span(7, 9))}, Facts{DestPort: {Span(6, 6)}}, No},
		{"no rows", Condition{Fields: ports, Set: "empty"}, Facts{DestPort: {Span(6, 6)}}, No},
		{"masked", Condition{Fields: []Field{Mark}, Mask: Number(0xff00), Rows: rows(Span(0x4000, 0x4000))}, Facts{Mark: {Span(0x4012, 0x4012)}}, Yes},
		{"masked, other", Condition{Fields: []Field{Mark}, Mask: Number(0xff00), Rows: rows(Span(0x4000, 0x4000))}, Facts{Mark: {Span(0x4112, 0x4112)}}, No},
		{"masked range", Condition{Fields: []Field{Mark}, Mask: Number(0xff00), Rows: rows(Span(0x4000, 0x4000))}, Facts{Mark: {Span(0x4000, 0x40ff)}}, Yes},
		{"low bits of a range", Condition{Fields: []Field{Mark}, Mask: Number(1), Rows: rows(Span(1, 1))}, Facts{Mark: {Span(0, 3)}}, Maybe},
		{"one of the states", Condition{Fields: []Field{CTState}, Mask: Number(6), Rows: rows(Span(0, 0)), Not: true}, Facts{CTState: {Span(2, 2)}}, Yes},
		{"none of the states", Condition{Fields: []Field{CTState}, Mask: Number(6), Rows: rows(Span(0, 0)), Not: true}, Facts{CTState: {Span(8, 8)}}, No},
		{"both", Condition{Fields: both, Rows: pair}, Facts{IPDest: {network("10.0.0.1/32")}, DestPort: {Span(80, 80)}}, Yes},
		{"both, one unknown", Condition{Fields: both, Rows: pair}, Facts{IPDest: {network("10.0.0.1/32")}}, Maybe},
		{"both, other port", Condition{Fields: both, Rows: pair}, Facts{IPDest: {network("10.0.0.1/32")}, DestPort: {Span(81, 81)}}, No},
		{"anything", Condition{Fields: ports, Rows: rows(Any())}, Facts{}, Yes},
		{"not anything", Condition{Fields: ports, Rows: rows(Any()), Not: true}, Facts{}, No},
		{"untold", Condition{Why: "depends on a random number"}, Facts{}, Maybe},
		{"either port", Condition{Any: either}, Facts{DestPort: {Span(53, 53)}}, Yes},
		{"neither port", Condition{Any: either, Not: true}, Facts{DestPort: {Span(53, 53)}}, No},
		{"one port of two", Condition{Any: either}, Facts{DestPort: {Span(54, 54)}}, Maybe},
		{"both other", Condition{Any: either}, Facts{DestPort: {Span(54, 54)}, SourcePort: {Span(1, 52)}}, No},
		{"both other, not", Condition{Any: either, Not: true}, Facts{DestPort: {Span(54, 54)}, SourcePort: {Span(1, 52)}}, Yes},
		{"interface", Condition{Fields: []Field{InName}, Rows: rows(Names("eth", true))}, Facts{InName: {Names("eth0", false)}}, Yes},
		{"other interface", Condition{Fields: []Field{InName}, Rows: rows(Names("eth", true))}, Facts{InName: {Names("et", false)}}, No},
		{"v6", Condition{Fields: []Field{IP6Source}, Rows: rows(network("fd00::/8"))}, Facts{IP6Source: {network("fd00::1/128")}}, Yes},
	} {
		if got := c.c.Judge(c.f); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestCandidates(t *testing.T) {
	c := Condition{Fields: []Field{IPDest, L4Proto}, Chooses: true, Rows: []Row{
		{Ranges: []Range{network("10.0.0.1/32"), Span(6, 6)}, Verdict: Goto, Target: "a"},
		{Ranges: []Range{network("10.0.0.1/32"), Span(17, 17)}, Verdict: Goto, Target: "b"},
		{Ranges: []Range{network("10.0.0.2/32"), Span(6, 6)}, Verdict: Drop},
	}}
	got := c.Candidates(Facts{IPDest: {network("10.0.0.1/32")}})
	if len(got) != 2 || got[0].Target != "a" || got[1].Target != "b" {
		t.Errorf("candidates: %v", got)
	}
}
