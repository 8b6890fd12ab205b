package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

func base(hook ruleset.Hook, priority int32, kind string, device ...string) *ruleset.Base {
	return &ruleset.Base{Hook: hook, Priority: priority, Type: kind, Device: device}
}

func native(fam ruleset.Family, name string, chains ...*ruleset.Chain) *ruleset.Table {
	return &ruleset.Table{
		TableKey: ruleset.TableKey{Backend: ruleset.NFT, Family: fam, Name: name},
		Dialect:  ruleset.Nftables, Chains: chains,
	}
}

// arranged is a layout, a line for each chain.
func arranged(l *rules.Layout) (lines []string) {
	for i := range l.Places {
		p := &l.Places[i]
		line := fmt.Sprintf("%s %d %s %s %s", p.Where(), p.Runs, p.Table.Family, p.Table.Name, p.Chain.Name)
		if p.Tied {
			line += " tied"
		}
		if p.Folded {
			line += " folded"
		}
		lines = append(lines, line)
		for _, f := range p.Reached {
			lines = append(lines, "  "+leafWords(f))
		}
	}
	for _, f := range l.Unreached {
		lines = append(lines, "unreached "+leafWords(f))
	}
	return lines
}

func leafWords(f rules.Leaf) string {
	words := []string{f.Chain.Name}
	for _, r := range f.From {
		words = append(words, fmt.Sprintf("%s:%d", r.Chain.Name, r.Rule.Number))
	}
	return strings.Join(words, " ") + fmt.Sprintf(" of %d", f.Ways)
}

func TestArrange(t *testing.T) {
	all := tables(t, ruleset.Legacy, `
*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:A -
:B -
:C -
:D -
-A INPUT -j A
-A INPUT -p tcp -j B
-A FORWARD -j B
-A A -j B
-A B -j NOWHERE
-A C -j D
-A D -j C
*nat
:PREROUTING ACCEPT
:INPUT ACCEPT
:POSTROUTING ACCEPT`)
	all = append(all,
		native(ruleset.Inet, "f", &ruleset.Chain{Name: "in", Base: base(ruleset.Input, 0, "filter")},
			&ruleset.Chain{Name: "late", Base: base(ruleset.Prerouting, 300, "nat")},
			&ruleset.Chain{Name: "mid", Base: base(ruleset.Prerouting, 0, "filter")}),
		native(ruleset.IP6, "six", &ruleset.Chain{Name: "in", Base: base(ruleset.Input, 0, "filter")}),
		native(ruleset.Netdev, "dev", &ruleset.Chain{Name: "out", Base: base(ruleset.Egress, 0, "filter", "e0")},
			&ruleset.Chain{Name: "a", Base: base(ruleset.Ingress, 0, "filter", "e0")},
			&ruleset.Chain{Name: "b", Base: base(ruleset.Ingress, 0, "filter", "e1")}),
		native(ruleset.Bridge, "br", &ruleset.Chain{Name: "fwd", Base: base(ruleset.Forward, -200, "filter")}),
		native(ruleset.ARP, "arp", &ruleset.Chain{Name: "in", Base: base(ruleset.Input, 0, "filter")}),
	)
	want := []string{
		"ingress 0 netdev dev a", "ingress 0 netdev dev b",
		"bridge forward -200 bridge br fwd",
		"arp input 0 arp arp in",
		"prerouting -100 ip nat PREROUTING",
		"prerouting -100 inet f late",
		"prerouting 0 inet f mid",
		"input 0 ip filter INPUT tied",
		"  A INPUT:1 of 1",
		"  B INPUT:2 FORWARD:1 A:1 of 3",
		"input 0 inet f in tied",
		"input 0 ip6 six in tied",
		"input 100 ip nat INPUT",
		"forward 0 ip filter FORWARD",
		"postrouting 100 ip nat POSTROUTING",
		"egress 0 netdev dev out",
		"unreached C D:1 of 1", "unreached D C:1 of 1",
	}
	if diff := cmp.Diff(want, arranged(rules.Arrange(all))); diff != "" {
		t.Error(diff)
	}
}

func TestSelection(t *testing.T) {
	all := append(tables(t, ruleset.Legacy, `
*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:A -
-A INPUT -j A
-A FORWARD -j A
*nat
:PREROUTING ACCEPT`), native(ruleset.Inet, "filter", &ruleset.Chain{Name: "in", Base: base(ruleset.Input, 0, "filter")}))
	for _, c := range []struct {
		name string
		s    rules.Selection
		want []string
	}{
		{"a table", rules.Selection{Table: "nat"}, []string{"prerouting -100 ip nat PREROUTING"}},
		{"a back end", rules.Selection{Backend: ruleset.NFT}, []string{"input 0 inet filter in"}},
		{"a family and a hook", rules.Selection{Families: []ruleset.Family{ruleset.IP}, Hook: ruleset.Forward}, []string{"forward 0 ip filter FORWARD", "  A INPUT:1 FORWARD:1 of 2"}},
		{"a chain at a later hook", rules.Selection{Chain: "A", Hook: ruleset.Forward}, []string{"forward 0 ip filter FORWARD folded", "  A INPUT:1 FORWARD:1 of 2"}},
		{"a chain below another", rules.Selection{Chain: "A"}, []string{"input 0 ip filter INPUT tied folded", "  A INPUT:1 FORWARD:1 of 2"}},
		{"nothing", rules.Selection{Chain: "Z"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, arranged(c.s.Arrange(all))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
