package nft

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/ruleset"
)

// TestWrittenRules: rules as people write them, and as nft 1.0.6 listed them
// once they were loaded; both read as the same.
func TestWrittenRules(t *testing.T) {
	b, err := os.ReadFile("testdata/written.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		written, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		for _, rule := range []string{written, want} {
			n, err := ParseRuleset(strings.NewReader("table ip t {\n chain c {\n"+rule+"\n}\n}\n"), "x")
			if err != nil {
				t.Errorf("%s: %v", rule, err)
				continue
			}
			if got := n.Tables[0].Text(n.Tables[0].Chains[0].Rules[0], hostStyle()); got != want {
				t.Errorf("%s\ngot  %s\nwant %s", rule, got, want)
			}
		}
	}
}

// TestWrittenRuleset reads what listings do not have.
func TestWrittenRuleset(t *testing.T) {
	const text = `#!/usr/sbin/nft -f
flush ruleset
define lan = { "eth1", \
	"br-lan" }
define host = 192.0.2.7
define admin = $host
define admins = { $admin, 192.0.2.64/26 }
define web = { http, https }

table inet fw {
	comment "my own"
	set blocked { type ipv4_addr; flags interval; auto-merge
		elements = { 198.51.100.0/25, # the lower half
			198.51.100.128/25,
			203.0.113.5-203.0.113.9 }
	}
	map ways {
		typeof ip saddr . tcp dport : verdict
		elements = { 192.0.2.1 . 22 : accept, 192.0.2.2 . 80 : jump late }
	}
	chain input {
		type filter hook input priority filter - 5; policy drop
		ct state vmap { invalid : drop, established : accept, related : accept }
		iifname $lan tcp dport $web accept; ip saddr $admins accept comment "admins"
		ip saddr @blocked counter drop
		ip saddr . tcp dport vmap @ways
		tcp dport { 1000-2000, 1500-3000 } jump {
			ip saddr $admin return
			limit rate over 10/second burst 20 packets drop
		}
	}
	chain late {
	}
}
add rule inet fw late tcp dport 25 reject
insert rule inet fw late index 0 udp dport 53 accept
add element inet fw blocked { 203.0.113.10 }
create table ip gone
delete table ip gone
`
	const want = `table inet fw {
	comment "my own"
	set blocked {
		type ipv4_addr
		flags interval
		auto-merge
		elements = { 198.51.100.0/24, 203.0.113.5-203.0.113.10 }
	}

	map ways {
		typeof ip saddr . tcp dport : verdict
		elements = { 192.0.2.1 . 22 : accept,
			     192.0.2.2 . 80 : jump late }
	}

	chain input {
		type filter hook input priority filter - 5; policy drop;
		ct state vmap { invalid : drop, established : accept, related : accept }
		iifname { "eth1", "br-lan" } tcp dport { 80, 443 } accept
		ip saddr { 192.0.2.7, 192.0.2.64/26 } accept comment "admins"
		ip saddr @blocked counter packets 0 bytes 0 drop
		ip saddr . tcp dport vmap @ways
		tcp dport { 1000-3000 } jump {
			ip saddr 192.0.2.7 return
			limit rate over 10/second burst 20 packets drop
		}
	}

	chain late {
		udp dport 53 accept
		tcp dport 25 reject
	}
}
`
	n, err := ParseRuleset(strings.NewReader(text), "fw.nft")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(n.AppendList(nil, &Style{}))); diff != "" {
		t.Error(diff)
	}
}

// TestIncluded: other files stand where they are included, and errors name them.
func TestIncluded(t *testing.T) {
	files := map[string][]Included{
		"names.nft": {{"names.nft", "define lan = eth1"}},
		"d/*.nft":   {{"d/1.nft", "tcp dport 22 accept\n"}, {"d/2.nft", "\n  tcp dprot 80 accept"}},
		"none/*":    nil,
	}
	include := func(pattern string) ([]Included, error) { return files[pattern], nil }
	const text = `include "names.nft"
table inet fw {
	include "none/*"
	chain in {
		iifname $lan drop
		include "d/*.nft"
		accept
	}
}
`
	n, err := ParseIncluding(strings.NewReader(text), "main.nft", include)
	if err == nil || !strings.HasPrefix(err.Error(), "d/2.nft:2:7: ") {
		t.Errorf("error %v", err)
	}
	var rules []string
	for _, r := range n.Tables[0].Chains[0].Rules {
		rules = append(rules, n.Tables[0].Text(r, &Style{}))
	}
	want := []string{`iifname "eth1" drop`, "tcp dport 22 accept", "tcp dprot 80 accept", "accept"}
	if diff := cmp.Diff(want, rules); diff != "" {
		t.Error(diff)
	}
	itself := func(string) ([]Included, error) { return []Included{{"a", `include "a"`}}, nil }
	if _, err := ParseIncluding(strings.NewReader(`include "a"`), "a", itself); err == nil {
		t.Error("a file that includes itself is read")
	}
}

// TestVariablesAreBounded: values that hold each other many times are not read.
func TestVariablesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("define a0 = 1, 1, 1, 1\n")
	for i := range 20 {
		fmt.Fprintf(&b, "define a%d = $a%d, $a%d, $a%d, $a%d\n", i+1, i, i, i, i)
	}
	b.WriteString("table ip t { chain c { tcp dport { $a20 } accept\n } }\n")
	if _, err := ParseRuleset(strings.NewReader(b.String()), "x"); err == nil {
		t.Error("a billion values are read")
	}
	if _, err := ParseRuleset(strings.NewReader("define a = $a\nadd table ip $a\n"), "x"); err == nil {
		t.Error("a variable that holds itself is read")
	}
}

// TestHandlesAreRead: a listing with handles is the same again.
func TestHandlesAreRead(t *testing.T) {
	n := replay(recorded(t))
	for _, style := range []*Style{{Handles: true}, {}, {Stateless: true}} {
		want := string(n.AppendList(nil, style))
		again, err := ParseRuleset(strings.NewReader(want), "listing")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(again.AppendList(nil, style)); got != want {
			t.Error(corpus.FirstDifference(got, want))
		}
	}
}

// TestBadTextIsKept: errors say where, what and what to try, and the rest is read.
func TestBadTextIsKept(t *testing.T) {
	const text = `table inet fw {
	chain input {
		type filter hook inputt priority 0; policy accept;
		tcp dprot 22 accept
		ip saddr 10.0.0.0/33 drop
		tcp dport htpp accept
		iifname "eth0" frobnicate { a, b }
		ip saddr $nobody accept
		ip saddr 10.0.0.1 ip6 daddr fd00::1 accept
		accept
	}
	chian other {
		accept
	}
	set s {
		type ipv5_addr
	}
	include "more.nft"
}
add rule inet nowhere c accept
nonsense
table ip open {
	chain c {
		drop
`
	n, err := ParseRuleset(strings.NewReader(text), "fw.nft")
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		t.Fatalf("error %v", err)
	}
	type place struct {
		Line, Column int
		Hint         string
	}
	var got []place
	for _, e := range joined.Unwrap() {
		var le *ruleset.LineError
		if !errors.As(e, &le) || le.File != "fw.nft" {
			t.Fatalf("error %v", e)
		}
		got = append(got, place{le.Line, le.Column, le.Hint})
	}
	want := []place{
		{3, 20, "did you mean input?"}, {4, 7, "did you mean dport?"}, {5, 21, "at most 32"},
		{6, 13, "its number was expected"}, {7, 18, ""}, {8, 13, "define it before, as in define nobody = …"},
		{9, 21, "no packet is both"}, {12, 2, "did you mean chain?"}, {16, 8, "did you mean ipv4_addr?"},
		{18, 10, ""}, {20, 15, ""}, {21, 1, ""}, {25, 1, "} was expected"},
	}
	for i := range min(len(got), len(want)) {
		if want[i].Hint == "" {
			got[i].Hint = ""
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%v", diff, err)
	}
	var rules []string
	for _, r := range n.Tables[0].Chains[0].Rules {
		rules = append(rules, n.Tables[0].Text(r, &Style{}))
	}
	kept := []string{"tcp dprot 22 accept", "ip saddr 10.0.0.0/33 drop", "tcp dport htpp accept", `iifname "eth0" frobnicate { a, b }`,
		"ip saddr $nobody accept", "ip saddr 10.0.0.1 ip6 daddr fd00::1 accept", "accept"}
	if diff := cmp.Diff(kept, rules); diff != "" {
		t.Error(diff)
	}
}

// FuzzParseRuleset: whatever is read ends, and what is understood prints as what
// reads as itself.
func FuzzParseRuleset(f *testing.F) {
	for _, file := range []string{"testdata/native.nft", "testdata/native.list"} {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
		for line := range strings.Lines(string(b)) {
			f.Add("table inet t {\nchain c {\n" + line + "}\n}\n")
		}
	}
	f.Add("define a = { 1, 2 }\ndefine b = { $a, $a }\ntable ip t { chain c { tcp dport $b accept } }")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseRuleset(strings.NewReader(s), "text")
		once := string(n.AppendList(nil, &Style{}))
		if len(once) > 1<<16+1<<10*len(s) {
			t.Fatalf("%d bytes of text of %d", len(once), len(s))
		}
		for _, table := range n.Tables {
			table.Model(&Style{}, true)
		}
		again, _ := ParseRuleset(strings.NewReader(once), "text")
		if twice := string(again.AppendList(nil, &Style{})); err == nil && twice != once {
			t.Fatal(corpus.FirstDifference(twice, once))
		}
	})
}

// TestTextAsksTheSame: rules ask the same of a packet whether they come as text
// or from the kernel.
func TestTextAsksTheSame(t *testing.T) {
	kernel := replay(recorded(t))
	text, err := ParseRuleset(strings.NewReader(string(kernel.AppendList(nil, &Style{Handles: true}))), "listing")
	if err != nil {
		t.Fatal(err)
	}
	for i, table := range kernel.Tables {
		if diff := cmp.Diff(nameless(rangesJoined(table.Model(&Style{}, true))), nameless(text.Tables[i].Model(&Style{}, true))); diff != "" {
			t.Errorf("%s: -kernel +text:\n%s", table.Name, diff)
		}
	}
}

// nameless forgets what text does not tell of rules in braces: the name of their
// chain, and their handles.
func nameless(t *ruleset.Table) *ruleset.Table {
	for _, ch := range t.Chains {
		bound := strings.HasPrefix(ch.Name, "__chain")
		if bound {
			ch.Name = "__chain"
		}
		for i := range ch.Rules {
			if bound {
				ch.Rules[i].Handle = 0
			}
			if e := &ch.Rules[i].Effect; strings.HasPrefix(e.Target, "__chain") {
				e.Target = "__chain"
			}
		}
	}
	return t
}

// rangesJoined says two comparisons, as the kernel has them of a range, as one.
func rangesJoined(t *ruleset.Table) *ruleset.Table {
	for _, ch := range t.Chains {
		for r := range ch.Rules {
			when := ch.Rules[r].When
			for i := len(when) - 1; i > 0; i-- {
				from, isFrom := strings.CutPrefix(when[i-1].Text, "th dport >= ")
				to, isTo := strings.CutPrefix(when[i].Text, "th dport <= ")
				if isFrom && isTo {
					when[i-1].Text = "th dport " + from + "-" + to
					when[i-1].Rows[0].Ranges[0].To = when[i].Rows[0].Ranges[0].To
					when = slices.Delete(when, i, i+1)
				}
			}
			ch.Rules[r].When = when
		}
	}
	return t
}
