package collect

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

func texts(t *testing.T, h *Host) *event.Rules {
	t.Helper()
	rules, err := h.Texts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rules.Problems {
		t.Errorf("problem: %s", p)
	}
	return rules
}

func lines(ch *ruleset.Chain) []string {
	var all []string
	for _, r := range ch.Rules {
		all = append(all, r.Text)
	}
	return all
}

// threeWorlds puts rules of all back ends into a namespace.
func threeWorlds(t *testing.T, ns *netns.NS) {
	t.Helper()
	run(t, ns, "*mangle\n:PREROUTING ACCEPT [0:0]\n:USER - [0:0]\n-A PREROUTING -j USER\n"+
		"-A USER -m comment --comment \"a b\" -j MARK --set-xmark 0x5/0xffffffff\nCOMMIT\n", "iptables-legacy-restore")
	run(t, ns, "*filter\n:FORWARD DROP [0:0]\n:U6 - [0:0]\n-A FORWARD -j U6\n-A U6 -p tcp -m tcp --dport 1 -j REJECT --reject-with tcp-reset\n-A U6 -j RETURN\nCOMMIT\n",
		"ip6tables-nft-restore")
	run(t, ns, `table inet fw {
		set bad { type ipv4_addr; elements = { 10.0.0.1 } }
		chain in {
			type filter hook input priority filter; policy accept;
			ip saddr @bad counter drop
			tcp dport { 1, 2 } reject
		}
	}
	table ip filter { chain lower { type filter hook input priority 3; meta mark 7 drop; }; }`, "nft", "-f", "-")
}

func TestTextsOfAllWorlds(t *testing.T) {
	ns := newNS(t)
	threeWorlds(t, ns)
	h := New(ns)
	rules := texts(t, h)
	if !rules.All || rules.Pending || rules.Generation == 0 || len(rules.Tables) != 4 {
		t.Fatalf("rules %+v", rules)
	}
	for _, table := range rules.Tables {
		if table.NoText != "" || table.ReadAt.IsZero() {
			t.Errorf("table %+v", table)
		}
		for _, ch := range table.Chains {
			for _, r := range ch.Rules {
				if (r.Handle == 0) != (table.Backend == ruleset.Legacy) {
					t.Errorf("handle of %+v in %+v", r, table.TableKey)
				}
			}
		}
	}
	mangle := find(rules.Tables, ruleset.Legacy, ruleset.IP, "mangle")
	want := []string{`-A USER -m comment --comment "a b" -j MARK --set-xmark 0x5/0xffffffff`}
	if diff := cmp.Diff(want, lines(mangle.Chain("USER"))); diff != "" {
		t.Error(diff)
	}
	if p := mangle.Chain("PREROUTING"); p.Policy != ruleset.Accept || p.Rules[0].Effect.Verdict != ruleset.Jump {
		t.Errorf("PREROUTING %+v", p)
	}
	filter6 := find(rules.Tables, ruleset.NFT, ruleset.IP6, "filter")
	if filter6.Dialect != ruleset.Iptables || filter6.Chain("FORWARD").Policy != ruleset.Drop || filter6.Chain("U6").Rules[1].Effect.Verdict != ruleset.Return {
		t.Errorf("ip6 filter %+v", filter6)
	}
	listed := run(t, ns, "", "nft", "-a", "list", "chain", "ip6", "filter", "U6")
	for _, r := range filter6.Chain("U6").Rules {
		if !strings.Contains(listed, fmt.Sprintf(" # handle %d\n", r.Handle)) {
			t.Errorf("handle %d is not in\n%s", r.Handle, listed)
		}
	}
	lower := find(rules.Tables, ruleset.NFT, ruleset.IP, "filter")
	if lower.Dialect != ruleset.Nftables || lower.Chain("lower").Rules[0].Text != "meta mark 0x00000007 drop" {
		t.Errorf("native ip filter %+v", lower)
	}
	fw := find(rules.Tables, ruleset.NFT, ruleset.Inet, "fw").Chain("in")
	if diff := cmp.Diff([]string{"ip saddr @bad counter drop", "tcp dport { 1, 2 } reject"}, lines(fw)); diff != "" {
		t.Error(diff)
	}
	if changed, err := h.Changed(); changed || err != nil {
		t.Errorf("reading changed something: %v, %v", changed, err)
	}
}

func TestTextsCreateNothing(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "table inet fw { chain c { accept; }; }\ntable ip filter { chain c { accept; }; }\ntable ip6 nat { chain c { accept; }; }", "nft", "-f", "-")
	before := run(t, ns, "", "nft", "-a", "list", "ruleset")
	texts(t, New(ns))
	for _, f := range []string{"ip_tables_names", "ip6_tables_names", "arp_tables_names"} {
		if names := read(t, ns, "/proc/thread-self/net/"+f); names != "" {
			t.Errorf("%s: %q", f, names)
		}
	}
	if diff := cmp.Diff(before, run(t, ns, "", "nft", "-a", "list", "ruleset")); diff != "" {
		t.Error(diff)
	}
}

func TestTextsOnlyLegacyFamilyThatIsThere(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "iptables-legacy", "-A", "INPUT", "-j", "ACCEPT")
	texts(t, New(ns))
	if names := read(t, ns, "/proc/thread-self/net/ip6_tables_names"); names != "" {
		t.Errorf("IPv6 tables were created: %q", names)
	}
	if names := read(t, ns, "/proc/thread-self/net/ip_tables_names"); names != "filter\n" {
		t.Errorf("IPv4 tables: %q", names)
	}
}

// TestTextsWithoutTools: no program is looked for.
func TestTextsWithoutTools(t *testing.T) {
	ns := newNS(t)
	threeWorlds(t, ns)
	t.Setenv("PATH", "")
	for _, table := range texts(t, New(ns)).Tables {
		if table.NoText != "" {
			t.Errorf("%+v: no text: %q", table.TableKey, table.NoText)
		}
	}
}

// TestTextsOfMixedTable: a rule in a table of iptables-nft that iptables does
// not know makes the whole table nft's.
func TestTextsOfMixedTable(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "iptables-nft", "-A", "INPUT", "-p", "tcp", "-j", "ACCEPT")
	run(t, ns, "", "iptables-nft", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-j", "ACCEPT")
	run(t, ns, "", "nft", "add rule ip filter INPUT meta cpu 1 accept")
	rules := texts(t, New(ns))
	filter := find(rules.Tables, ruleset.NFT, ruleset.IP, "filter")
	if in := filter.Chain("INPUT"); filter.Dialect != ruleset.Nftables || len(in.Rules) != 2 || in.Rules[1].Text != "meta cpu 1 accept" {
		t.Errorf("filter %+v %+v", filter, in)
	}
	if nat := find(rules.Tables, ruleset.NFT, ruleset.IP, "nat"); nat.Dialect != ruleset.Iptables || nat.Chain("OUTPUT").Rules[0].Handle == 0 {
		t.Errorf("nat %+v", nat)
	}
}

func TestTextsNeedNoLockFile(t *testing.T) {
	ns := newNS(t)
	threeWorlds(t, ns)
	t.Setenv("XTABLES_LOCKFILE", "/nonexistent/folder/xtables.lock")
	rules := texts(t, New(ns))
	for _, table := range rules.Tables {
		if table.NoText != "" {
			t.Errorf("%+v: %s", table.TableKey, table.NoText)
		}
	}
}

func TestChanged(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "", "iptables-legacy", "-A", "INPUT", "-s", "10.0.0.1", "-j", "ACCEPT")
	run(t, ns, "", "ip6tables-legacy", "-A", "INPUT", "-p", "ipv6-icmp", "-j", "ACCEPT")
	run(t, ns, "", "nft", "add table ip t")
	h := New(ns)
	if changed, err := h.Changed(); !changed || err != nil {
		t.Errorf("before any reading: %v, %v", changed, err)
	}
	steps := []struct {
		name string
		do   []string
		want bool
	}{
		{"nothing", []string{"true"}, false},
		{"counters", []string{"ping", "-6", "-c1", "::1"}, false},
		{"an nft table", []string{"nft", "add table ip u"}, true},
		{"a legacy rule of the same size", []string{"iptables-legacy", "-R", "INPUT", "1", "-s", "10.0.0.2", "-j", "ACCEPT"}, true},
		{"a legacy policy", []string{"iptables-legacy", "-P", "INPUT", "DROP"}, true},
		{"a new legacy table", []string{"iptables-legacy", "-t", "raw", "-S"}, true},
		{"an IPv6 rule", []string{"ip6tables-legacy", "-A", "INPUT", "-j", "DROP"}, true},
	}
	for _, s := range steps {
		texts(t, h)
		run(t, ns, "", s.do...)
		if changed, err := h.Changed(); changed != s.want || err != nil {
			t.Errorf("%s: changed %v, %v, want %v", s.name, changed, err, s.want)
		}
	}
}
