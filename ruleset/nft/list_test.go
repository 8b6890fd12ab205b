package nft

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

const listing = `# Warning: table inet fw is managed by iptables-nft, do not touch!
table inet fw { # handle 3
	comment "a } in a table's comment"
	flags dormant

	set bad { # handle 4
		type ipv4_addr
		flags interval
		elements = { 10.0.0.1 comment "} { in a comment", 10.0.0.2,
			     10.0.0.3 }
	}

	counter hits { # handle 5
		packets 0 bytes 0
	}

	flowtable ft { # handle 6
		hook ingress priority filter
		devices = { eth0, eth1 }
	}

	chain in { # handle 1
		comment "what comes in"
		type filter hook input priority filter + 10; policy drop;
		ip saddr @bad drop # handle 7
		log prefix "a # handle 9 in { quotes" # handle 8
		log prefix "an odd " quote" # handle 10
		ip saddr { 10.1.0.0/16, 10.2.0.0/16,
			   10.3.0.0/16 } accept # handle 11
	}

	chain user { # handle 2
	}
}
table netdev nd { # handle 4
	chain a {
		type filter hook ingress devices = { eth0, "eth1" } priority -500; policy accept;
	}
	chain b {
		type filter hook egress device "lo" priority filter; policy accept;
	}
}
table bridge b {
	chain c {
		type filter hook prerouting priority dstnat + 2; policy accept;
	}
}
`

func TestParseList(t *testing.T) {
	tables, err := ParseList(strings.NewReader(listing))
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 3 || len(tables[0].Chains) != 2 {
		t.Fatalf("tables %+v", tables)
	}
	in := tables[0].Chain("in")
	if diff := cmp.Diff(&ruleset.Base{Hook: ruleset.Input, Priority: 10, Type: "filter"}, in.Base); diff != "" {
		t.Error(diff)
	}
	type rule struct {
		Number int
		Handle uint64
		Text   string
	}
	var got []rule
	for _, r := range in.Rules {
		got = append(got, rule{r.Number, r.Handle, r.Text})
	}
	want := []rule{
		{1, 7, "ip saddr @bad drop"},
		{2, 8, `log prefix "a # handle 9 in { quotes"`},
		{3, 10, `log prefix "an odd " quote"`},
		{4, 11, "ip saddr { 10.1.0.0/16, 10.2.0.0/16,\n\t\t\t   10.3.0.0/16 } accept"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if in.Policy != ruleset.Drop || tables[0].Chain("user").Base != nil {
		t.Errorf("in %+v", in)
	}
	a, b := tables[1].Chain("a").Base, tables[1].Chain("b").Base
	if diff := cmp.Diff([]string{"eth0", "eth1"}, a.Device); diff != "" || a.Priority != -500 || a.Hook != ruleset.Ingress {
		t.Errorf("%+v %s", a, diff)
	}
	if diff := cmp.Diff(&ruleset.Base{Hook: ruleset.Egress, Type: "filter", Device: []string{"lo"}}, b); diff != "" {
		t.Error(diff)
	}
	if p := tables[2].Chain("c").Base.Priority; p != -298 {
		t.Errorf("bridge priority %d, want -298", p)
	}
}

func TestParseListKeepsGoing(t *testing.T) {
	const bad = "stray\ntable martian x {\n}\ntable ip t {\n\tchain c {\n\t\ttype filter hook nowhere priority 0; policy accept;\n\t\taccept\n\t\tip saddr { 1.1.1.1\n"
	tables, err := ParseList(strings.NewReader(bad))
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("error %v", err)
	}
	if len(tables) != 1 || len(tables[0].Chain("c").Rules) != 2 {
		t.Errorf("tables %+v", tables)
	}
}

func TestEffectOf(t *testing.T) {
	for _, c := range []struct {
		text string
		fam  ruleset.Family
		want ruleset.Effect
	}{
		{`iifname "drop" accept`, ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "accept"}},
		{`tcp dport 8080 counter packets 0 bytes 0 drop comment "accept"`, ruleset.IP, ruleset.Effect{Verdict: ruleset.Drop, Target: "drop"}},
		{"jump accept", ruleset.IP, ruleset.Effect{Verdict: ruleset.Jump, Target: "accept"}},
		{"ip daddr 1.1.1.1 goto reject", ruleset.IP, ruleset.Effect{Verdict: ruleset.Goto, Target: "reject"}},
		{"reject", ruleset.IP, ruleset.Effect{Verdict: ruleset.Reject, Target: "reject", RejectWith: "icmp-port-unreachable"}},
		{"reject", ruleset.Inet, ruleset.Effect{Verdict: ruleset.Reject, Target: "reject", RejectWith: "icmpx-port-unreachable"}},
		{"tcp dport 1 reject with tcp reset", ruleset.IP6, ruleset.Effect{Verdict: ruleset.Reject, Target: "reject", RejectWith: "tcp-reset"}},
		{"reject with icmpv6 admin-prohibited", ruleset.IP6, ruleset.Effect{Verdict: ruleset.Reject, Target: "reject", RejectWith: "icmpv6-admin-prohibited"}},
		{"reject with icmp type host-prohibited", ruleset.IP, ruleset.Effect{Verdict: ruleset.Reject, Target: "reject", RejectWith: "icmp-host-prohibited"}},
		{"icmp type redirect drop", ruleset.IP, ruleset.Effect{Verdict: ruleset.Drop, Target: "drop"}},
		{"ct status dnat  counter packets 0 bytes 0 accept", ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "accept", ReadsCT: true}},
		{"tcp dport 80 dnat ip to 10.0.0.1:8080", ruleset.Inet, ruleset.Effect{Verdict: ruleset.Accept, Target: "dnat", NAT: ruleset.DNAT}},
		{`oifname "eth0" masquerade`, ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "masquerade", NAT: ruleset.Masquerade}},
		{"tcp dport 80 redirect to :3128", ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "redirect", NAT: ruleset.Redirect}},
		{"dnat to numgen random mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }", ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "dnat", NAT: ruleset.DNAT}},
		{"snat to ip saddr map @m", ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "snat", NAT: ruleset.SNAT, ReadsSets: []string{"m"}}},
		{"ct state vmap { established : accept, invalid : drop }", ruleset.IP, ruleset.Effect{Verdict: ruleset.Unknown, Target: "vmap", ReadsCT: true}},
		{"ip daddr . meta l4proto vmap @service-ips", ruleset.IP, ruleset.Effect{Verdict: ruleset.Unknown, Target: "vmap", ReadsSets: []string{"service-ips"}}},
		{"meta mark set 0x00000001", ruleset.IP, ruleset.Effect{Verdict: ruleset.Continue, Target: "mark", SetsMark: true}},
		{"meta mark set meta mark | 0x00004000", ruleset.IP, ruleset.Effect{Verdict: ruleset.Continue, Target: "mark", SetsMark: true}},
		{"meta mark set ct mark", ruleset.IP, ruleset.Effect{Verdict: ruleset.Continue, Target: "mark", SetsMark: true, ReadsCT: true}},
		{"ct mark set meta mark", ruleset.IP, ruleset.Effect{Verdict: ruleset.Continue, ReadsMark: true}},
		{"ct original zone set 1", ruleset.IP, ruleset.Effect{Verdict: ruleset.Continue}},
		{"meta mark & 0x00004000 == 0x00004000 drop", ruleset.IP, ruleset.Effect{Verdict: ruleset.Drop, Target: "drop", ReadsMark: true}},
		{"meta mark 0x1 ip saddr @a ip daddr != @b return", ruleset.IP, ruleset.Effect{Verdict: ruleset.Return, Target: "return", ReadsMark: true, ReadsSets: []string{"a", "b"}}},
		{"@th,16,16 0x50 accept", ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "accept"}},
		{"add @seen { ip saddr timeout 1m } log prefix \"x\"", ruleset.IP, ruleset.Effect{Verdict: ruleset.Continue, Target: "log", WritesSets: []string{"seen"}}},
		{"update @seen { ip saddr limit rate over 5/second burst 5 packets } drop", ruleset.IP, ruleset.Effect{Verdict: ruleset.Drop, Target: "drop", WritesSets: []string{"seen"}}},
		{"set add ip saddr timeout 1m @seen drop", ruleset.IP, ruleset.Effect{Verdict: ruleset.Drop, Target: "drop", WritesSets: []string{"seen"}}},
		{"meter aflood { ip saddr limit rate over 5/second } accept", ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "accept", WritesSets: []string{"aflood"}}},
		{"ct state established flow add @ft", ruleset.Inet, ruleset.Effect{Verdict: ruleset.Continue, ReadsCT: true}},
		{"udp dport 53 notrack", ruleset.IP, ruleset.Effect{Verdict: ruleset.Continue, Target: "notrack", NoTrack: true}},
		{"tcp dport 80 tproxy to :50080 meta mark set 0x1 accept", ruleset.IP, ruleset.Effect{Verdict: ruleset.Accept, Target: "accept", NAT: ruleset.TProxy, SetsMark: true}},
		{"queue flags bypass to 1-3", ruleset.IP, ruleset.Effect{Verdict: ruleset.Queue, Target: "queue"}},
		{`fwd to "eth1"`, ruleset.Netdev, ruleset.Effect{Verdict: ruleset.Stolen, Target: "fwd"}},
		{"tcp dport 21 counter packets 0 bytes 0 xt target CT", ruleset.IP, ruleset.Effect{Verdict: ruleset.Unknown, Target: "CT"}},
		{"counter packets 0 bytes 0", ruleset.IP, ruleset.Effect{Verdict: ruleset.Continue}},
	} {
		c.want.Known = true
		if diff := cmp.Diff(c.want, EffectOf(c.text, c.fam)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}

func FuzzParseList(f *testing.F) {
	f.Add(listing)
	f.Add("table ip t {\n\tchain c {\n\t\tset add @ reject with { \"\n}}\n")
	f.Fuzz(func(t *testing.T, s string) {
		tables, _ := ParseList(strings.NewReader(s))
		for _, table := range tables {
			for _, ch := range table.Chains {
				for i, r := range ch.Rules {
					if r.Number != i+1 || !strings.Contains(s, r.Text) {
						t.Fatalf("rule %+v", r)
					}
				}
			}
		}
	})
}
