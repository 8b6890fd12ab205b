package nft

import (
	"strings"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
)

// TestModelOfBoundChains: rules in braces are a chain of the model, to which
// their rule leads; also those inside of others.
func TestModelOfBoundChains(t *testing.T) {
	const text = `table ip f {
	chain in {
		type filter hook input priority 0; policy accept;
		tcp dport 22 jump {
			ip saddr 10.0.0.1 accept
			goto {
				drop
			}
		}
	}
}
`
	n, err := ParseRuleset(strings.NewReader(text), "f.nft")
	if err != nil {
		t.Fatal(err)
	}
	m := n.Tables[0].Model(&Style{}, true)
	if len(m.Chains) != 3 {
		t.Fatalf("%d chains, want 3", len(m.Chains))
	}
	first := m.Chains[0].Rules[0]
	if want := "tcp dport 22 jump { ip saddr 10.0.0.1 accept; goto { drop; }; }"; first.Text != want {
		t.Errorf("text %q, want %q", first.Text, want)
	}
	outer := m.Chain(first.Effect.Target)
	if outer == nil || len(outer.Rules) != 2 || first.Effect.Verdict != ruleset.Jump {
		t.Fatalf("%+v leads to %+v", first.Effect, outer)
	}
	inner := m.Chain(outer.Rules[1].Effect.Target)
	if inner == nil || inner.Rules[0].Effect.Verdict != ruleset.Drop || outer.Rules[1].Effect.Verdict != ruleset.Goto {
		t.Fatalf("%+v leads to %+v", outer.Rules[1].Effect, inner)
	}
}

func TestRewrites(t *testing.T) {
	for rule, want := range map[string]bool{
		"ip daddr set 10.0.0.1":                    true,
		"udp dport 5 udp dport set 6 counter":      true,
		"tcp option maxseg size set 1400":          false,
		"ip dscp set cs1":                          false,
		"@th,16,16 set 80":                         true,
		"meta mark set 0x1":                        false,
		"ct mark set 0x1 accept":                   false,
		"tcp dport 80 dnat to 10.0.0.1":            false,
		`ip saddr 10.0.0.1 comment "x set y" drop`: false,
	} {
		text := "table ip f {\n\tchain c {\n\t\t" + rule + "\n\t}\n}\n"
		n, err := ParseRuleset(strings.NewReader(text), "f.nft")
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		if got := n.Tables[0].Model(&Style{}, false).Chains[0].Rules[0].Effect.Rewrites; got != want {
			t.Errorf("%s: rewrites %v, want %v", rule, got, want)
		}
	}
}

// TestConditionsBehindWrites: what a rule has written itself is not what packets
// came with.
func TestConditionsBehindWrites(t *testing.T) {
	ask := ruleset.Facts{ruleset.L4Proto: {ruleset.Span(17, 17)}, ruleset.DestPort: {ruleset.Span(58, 58)}, ruleset.Mark: {ruleset.Span(2, 2)}}
	for rule, want := range map[string]ruleset.Truth{
		"udp dport 58 udp dport set 59 udp dport 59 counter":         ruleset.Maybe,
		"udp dport 59 udp dport set 58 udp dport 58 counter":         ruleset.No,
		"meta mark set 1 meta mark 1 accept":                         ruleset.Maybe,
		"meta mark set 1 udp dport 59 accept":                        ruleset.No,
		"udp dport set 59 udp dport vmap { 59 : drop, 60 : accept }": ruleset.Maybe,
		"udp dport 58 ip dscp set cs1 meta mark 2":                   ruleset.Yes,
		"ct mark set 5 meta mark 3":                                  ruleset.No,
	} {
		n, err := ParseRuleset(strings.NewReader("table ip f {\n\tchain c {\n\t\t"+rule+"\n\t}\n}\n"), "f.nft")
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		r := n.Tables[0].Model(&Style{}, true).Chains[0].Rules[0]
		if got := r.Judge(ask); got != want {
			t.Errorf("%s: %v, want %v: %+v", rule, got, want, r.When)
		}
	}
}
