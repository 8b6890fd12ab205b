package check

import (
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// native reads nft's text, each line a rule of the base chain in of a table.
func native(t *testing.T, table, policy string, rules ...string) *ruleset.Table {
	t.Helper()
	text := "table " + table + " {\nchain in {\ntype filter hook input priority 0; policy " + policy + ";\n" + strings.Join(rules, "\n") + "\n}\n}\n"
	n, err := nft.ParseRuleset(strings.NewReader(text), "test.nft")
	if err != nil {
		t.Fatal(err)
	}
	return n.Tables[0].Model(&nft.Style{}, true)
}

// TestHeadersAreWritten: what a rule writes into the packet the rules behind it see.
func TestHeadersAreWritten(t *testing.T) {
	for _, c := range []struct {
		rules []string
		want  string // what is found
	}{
		{[]string{"ip saddr 1.1.1.1 accept", "udp dport 57 ip saddr set 1.1.1.1", "ip saddr 1.1.1.1 drop"}, ""},
		{[]string{"ip saddr 1.1.1.1 accept", "jump {\nudp dport 57 ip saddr set 1.1.1.1\n}", "ip saddr 1.1.1.1 drop"}, ""},
		{[]string{"udp dport 58 udp dport set 59 udp dport 59 counter"}, ""},
		{[]string{"udp dport 58 udp dport 59 counter"}, "rule-contradicts-itself"},
		{[]string{"udp dport 57 ip saddr set 1.1.1.1", "ip saddr 1.1.1.1 accept", "ip saddr 1.1.1.1 drop"}, "rule-shadowed"},
		{[]string{"udp dport 57 ip saddr set 1.1.1.1", "accept", "ip saddr 1.1.1.1 drop"}, "rule-shadowed"},
		{[]string{"meta length 100 accept", "tcp option maxseg size set 1400", "meta length 100 drop"}, ""},
		{[]string{"tcp dport 22 jump {\ncounter\n}", "tcp dport 22 accept"}, ""},
	} {
		got := strings.Join(ids(Run([]*ruleset.Table{native(t, "ip f", "accept", c.rules...)})), " ")
		if got != c.want {
			t.Errorf("%q: found %q, want %q", c.rules, got, c.want)
		}
	}
}

// TestOpposedFamilies: rules are held against each other for the packets that
// come to both, and only where they can match.
func TestOpposedFamilies(t *testing.T) {
	for _, c := range []struct {
		first, second []string
		want          doctor.Certainty
	}{
		{[]string{"tcp dport 22 accept"}, []string{"meta nfproto ipv6 drop", "tcp dport 22 accept", "drop"}, ""},
		{[]string{"tcp dport 22 accept"}, []string{"meta nfproto ipv4 drop"}, ""},
		{[]string{"tcp dport 22 accept"}, []string{"drop"}, doctor.Certain},
		{[]string{"tcp dport 22 drop", "tcp dport 22 accept"}, []string{"drop"}, ""},
	} {
		tables := []*ruleset.Table{native(t, "ip f", "accept", c.first...), native(t, "inet g", "accept", c.second...)}
		var got doctor.Certainty
		for _, f := range Run(tables) {
			if f.ID == "second-nft-base-chain-drop" {
				got = f.Certainty
			}
		}
		if got != c.want {
			t.Errorf("%q, then %q: %q, want %q", c.first, c.second, got, c.want)
		}
	}
}

// TestSetsChange: what a set holds now proves nothing for later.
func TestSetsChange(t *testing.T) {
	native := func(rules string) *ruleset.Table {
		n, err := nft.ParseRuleset(strings.NewReader("table ip g {\nset s {\ntype ipv4_addr;\n}\nchain in {\ntype filter hook input priority 5; policy drop;\n"+rules+"\n}\n}\n"), "test.nft")
		if err != nil {
			t.Fatal(err)
		}
		return n.Tables[0].Model(&nft.Style{}, true)
	}
	first := table(t, ruleset.Legacy, "filter", ":INPUT ACCEPT", "INPUT -p tcp --dport 80 -j ACCEPT")
	for _, f := range Run([]*ruleset.Table{first, native("ip saddr @s accept")}) {
		if f.ID == "second-nft-base-chain-drop" && f.Certainty == doctor.Certain {
			t.Errorf("certain, by a set that is empty now: %v", evidence(f))
		}
	}
	if got := ids(Run([]*ruleset.Table{native("add @s { ip saddr }\nip saddr @s accept")})); len(got) > 0 {
		t.Errorf("found %q of a set that rules fill", got)
	}
}
