package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// TestBehindWhatChanges: a rule is behind another only where the packets that
// come to it were the same packets there. Each was counted by the kernel: the
// packets of the questions come to the last rule.
func TestBehindWhatChanges(t *testing.T) {
	const (
		raw    = "chain raw {\ntype filter hook prerouting priority -300;\nip daddr 10.0.0.3 drop\n}\n"
		mangle = "chain mangle {\ntype filter hook prerouting priority -50;\nip daddr 10.0.0.3 drop\n}\n"
		nat    = "chain nat {\ntype nat hook prerouting priority -100;\nip daddr 10.0.0.2 dnat to 10.0.0.3\n}\n"
		noNew  = "chain nat {\ntype nat hook prerouting priority -100;\nip daddr 10.0.0.3 drop\n}\n"
		input  = "chain input {\ntype filter hook input priority 0;\nip daddr 10.0.0.3 accept\n}\n"
		late   = "chain late {\ntype filter hook input priority 200;\nip daddr 10.0.0.3 accept\n}\n"
	)
	for _, c := range []struct {
		name, chains, ask string
		behind            bool // of the last rule found
	}{
		{"no NAT", raw + input, "-d 10.0.0.3", true},
		{"NAT between", raw + nat + input, "-d 10.0.0.3", false},
		{"NAT before both", nat + mangle + input, "-d 10.0.0.3", true},
		{"NAT of the source between", nat + mangle + late, "-d 10.0.0.3", false},
		{"NAT drops a flow's first packet", noNew + input, "-d 10.0.0.3", false},
		{"the mark is set between", "chain m {\ntype filter hook prerouting priority -150;\nmeta mark 1 drop\nudp dport 5 meta mark set 1\nmeta mark 1 accept\n}\n", "--mark 1", false},
		{"another asks for no mark", "chain m {\ntype filter hook prerouting priority -150;\nudp dport 6 drop\nudp dport 5 meta mark set 1\nudp dport 6 accept\n}\n", "-p udp --dport 6", true},
		{"the port is written between", "chain m {\ntype filter hook prerouting priority -150;\nudp dport 6 drop\nudp dport 5 udp dport set 6\nudp dport 6 accept\n}\n", "-p udp --dport 6", false},
	} {
		n, err := nft.ParseRuleset(strings.NewReader("table ip t {\n"+c.chains+"}\n"), "test.nft")
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := match.Parse(strings.Fields("-4 " + c.ask))
		if err != nil {
			t.Fatal(err)
		}
		q := Questions(&m)[0]
		found := Find([]*ruleset.Table{n.Tables[0].Model(&nft.Style{}, true)}, &q, false)
		stop := found.Stops[len(found.Stops)-1]
		hits := slices.Collect(stop.Hits.All())
		last := hits[len(hits)-1]
		if behind := last.Behind != nil; behind != c.behind {
			t.Errorf("%s: behind %v, want %v: %s", c.name, behind, c.behind, last.Rule.Text)
		}
	}
}

// TestSetsThatRulesFill: a set that is empty now has the packet's address when
// the rule behind the one that adds it looks.
func TestSetsThatRulesFill(t *testing.T) {
	const text = "table ip t {\nset s {\ntype ipv4_addr;\nflags dynamic;\n}\nset other {\ntype ipv4_addr;\n}\n" +
		"chain in {\ntype filter hook input priority 0;\nadd @s { ip saddr }\nip saddr @s drop\nip saddr @other drop\n}\n}\n"
	n, err := nft.ParseRuleset(strings.NewReader(text), "test.nft")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := match.Parse(strings.Fields("-4 -s 10.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	q := Questions(&m)[0]
	found := Find([]*ruleset.Table{n.Tables[0].Model(&nft.Style{}, true)}, &q, false)
	hits := slices.Collect(found.Stops[0].Hits.All())
	if len(hits) != 2 || hits[1].Truth != ruleset.Maybe || len(hits[1].Needs()) != 1 {
		t.Fatalf("%+v", hits)
	}
	if want := "ip saddr @s (rules change the set)"; hits[1].Needs()[0] != want {
		t.Errorf("needs %q, want %q", hits[1].Needs()[0], want)
	}
}
