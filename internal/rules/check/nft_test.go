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
		checkOpposed(t, tables, c.want)
	}
	for rule, want := range map[string]doctor.Certainty{
		"ip6 saddr 2001:db8::1 accept": "", "meta nfproto ipv6 accept": "", "icmpv6 type echo-request accept": "",
		"ip saddr 192.0.2.1 accept": doctor.Certain, "meta nfproto ipv4 accept": doctor.Certain, "tcp dport 22 accept": doctor.Certain,
	} {
		checkOpposed(t, []*ruleset.Table{native(t, "inet f", "accept", rule), native(t, "ip g", "accept", "drop")}, want)
	}
}

func checkOpposed(t *testing.T, tables []*ruleset.Table, want doctor.Certainty) {
	t.Helper()
	var got doctor.Certainty
	for _, f := range Run(tables) {
		if f.ID == "second-nft-base-chain-drop" {
			got = f.Certainty
		}
	}
	if got != want {
		t.Errorf("%q beside %q: %q, want %q", tables[0].Chains[0].Rules[0].Text, tables[1].Chains[0].Rules[0].Text, got, want)
	}
}

// TestOurs: a trace that runs is no trouble.
func TestOurs(t *testing.T) {
	for name, want := range map[string]int{"ip pktrail-0a1b2c3d": 0, "ip pktrail-firewall": 1} {
		found := Run([]*ruleset.Table{native(t, name, "accept", "accept"), native(t, "inet g", "drop")})
		if len(found) != want {
			t.Errorf("%s: %v", name, ids(found))
		}
	}
}

// TestEmptySets: what waits for members is no trouble.
func TestEmptySets(t *testing.T) {
	for rule, want := range map[string]doctor.Severity{
		"ip saddr @s drop": doctor.Info, "ip saddr @s accept": doctor.Low, "ip saddr != @s drop": doctor.Medium,
		"ip saddr != @s accept": "", "ip saddr vmap @m": doctor.Info, "ip saddr @s jump other": doctor.Info,
		"ip saddr @s return": doctor.Low, "ip saddr @filled accept": "",
	} {
		n, err := nft.ParseRuleset(strings.NewReader("table ip g {\nset s {\ntype ipv4_addr;\n}\nmap m {\ntype ipv4_addr : verdict;\n}\n"+
			"set filled {\ntype ipv4_addr;\nelements = { 192.0.2.1 }\n}\nchain other {\ncounter\n}\n"+
			"chain in {\ntype filter hook input priority 5; policy drop;\ntcp dport 1 jump other\n"+rule+"\n}\n}\n"), "test.nft")
		if err != nil {
			t.Fatal(err)
		}
		var got doctor.Severity
		for _, f := range Run([]*ruleset.Table{n.Tables[0].Model(&nft.Style{}, true)}) {
			got = f.Severity
			if f.ID != "set-empty" {
				t.Errorf("%s: %s", rule, f.ID)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
}

// TestQuietEnd: a rule of nft that does more than decide is no repetition.
func TestQuietEnd(t *testing.T) {
	for rule, want := range map[string]string{
		"tcp dport 22 counter accept": "rule-redundant", "tcp dport 22 log accept": "rule-shadowed", "tcp dport 22 drop": "rule-shadowed",
		"log prefix \"end \" accept": "", "tcp dport 22 meta mark set 1 accept": "rule-shadowed",
	} {
		got := strings.Join(ids(Run([]*ruleset.Table{native(t, "ip f", "accept", "tcp dport 22 accept", rule)})), " ")
		if got != want {
			t.Errorf("%s: found %q, want %q", rule, got, want)
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
