package nft

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

// ruleOf reads one rule in a table of a family, with what else is in the table.
func ruleOf(t *testing.T, fam, more, rule string) (*Table, *Rule) {
	t.Helper()
	text := fmt.Sprintf("table %s t {\n%s\nchain other {\n}\nchain c {\n%s\n}\n}\n", fam, more, rule)
	native, err := ParseRuleset(strings.NewReader(text), "rule")
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	table := native.Tables[0]
	for _, ch := range table.Chains {
		if ch.Name == "c" {
			return table, ch.Rules[0]
		}
	}
	t.Fatalf("%s: no chain", rule)
	return nil, nil
}

// short is a condition on a line: `ip saddr & mask not {1-5 …} @set: why`.
func short(c *ruleset.Condition) string {
	var b strings.Builder
	for i, f := range c.Fields {
		if i > 0 {
			b.WriteString(" . ")
		}
		b.WriteString(string(f))
	}
	if c.Mask != (ruleset.Value{}) {
		b.WriteString(" & " + shortValue(c.Mask))
	}
	if c.Not {
		b.WriteString(" not")
	}
	if len(c.Fields) > 0 {
		b.WriteString(" {" + shortRows(c.Rows) + "}")
	}
	if c.Set != "" {
		b.WriteString(" @" + c.Set)
	}
	if c.Chooses {
		b.WriteString(" chooses")
	}
	if c.Why != "" {
		b.WriteString(" ? " + c.Why)
	}
	return strings.TrimSpace(b.String())
}

func shortRows(rows []ruleset.Row) string {
	var all []string
	for _, r := range rows {
		var parts []string
		for _, one := range r.Ranges {
			switch one {
			case ruleset.Any():
				parts = append(parts, "any")
			case ruleset.Only(one.From):
				parts = append(parts, shortValue(one.From))
			default:
				parts = append(parts, shortValue(one.From)+"-"+shortValue(one.To))
			}
		}
		text := strings.Join(parts, ".")
		if r.Verdict != "" {
			text += ":" + strings.TrimSpace(string(r.Verdict)+" "+r.Target)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func shortValue(v ruleset.Value) string {
	if v.High != 0 {
		return fmt.Sprintf("%x:%x", v.High, v.Low)
	}
	return fmt.Sprintf("%x", v.Low)
}

func TestConditions(t *testing.T) {
	const sets = `
set nets { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1-192.0.2.9 }; }
set empty { type ipv4_addr; }
set full { type ipv4_addr; size 1; flags dynamic; elements = { 10.0.0.1 }; }
set room { type ipv4_addr; size 9; flags dynamic; elements = { 10.0.0.1 }; }
map doors { type inet_service : verdict; elements = { 22 : jump other, 80 : drop, * : accept }; }
counter hits { packets 0 bytes 0 }
quota daily { over 5 mbytes }
limit slow { rate 5/second }`
	for _, c := range []struct {
		fam, rule string
		want      []string
	}{
		{"ip", "ip saddr 10.0.0.1", []string{"ip saddr {a000001}"}},
		{"ip", "ip saddr != 10.0.0.0/8", []string{"ip saddr not {a000000-affffff}"}},
		{"ip", "ip saddr 10.0.0.1-10.0.0.9", []string{"ip saddr {a000001-a000009}"}},
		{"inet", "ip saddr 10.0.0.1", []string{"meta nfproto {2}", "ip saddr {a000001}"}},
		{"bridge", "ip saddr 10.0.0.1", []string{"meta protocol {800}", "ip saddr {a000001}"}},
		{"ip6", "ip6 daddr fd00::/16", []string{"ip6 daddr {fd00000000000000:0-fd00ffffffffffff:ffffffffffffffff}"}},
		{"ip", "tcp dport 22", []string{"meta l4proto {6}", "th dport {16}"}},
		{"inet", "udp sport { 53, 80-90 }", []string{"meta l4proto {11}", "th sport {35 50-5a}"}},
		{"inet", "meta l4proto { tcp, udp } th dport 53", []string{"meta l4proto {6 11}", "th dport {35}"}},
		{"ip", "ip protocol udp", []string{"meta l4proto {11}"}},
		{"ip6", "ip6 nexthdr udp", []string{"ip6 nexthdr {11}", "meta l4proto {11}"}},
		{"ip6", "ip6 nexthdr 44", []string{"ip6 nexthdr {2c}"}},
		{"inet", "meta nfproto ipv6", []string{"meta nfproto {a}"}},
		{"inet", "meta protocol ip", []string{"meta nfproto {2}"}},
		{"bridge", "meta nfproto ipv4", []string{"meta nfproto {}"}},
		{"ip", "tcp flags syn", []string{"meta l4proto {6}", "tcp flags & 2 not {0}"}},
		{"ip", "tcp flags ! syn,ack", []string{"meta l4proto {6}", "tcp flags & 12 {0}"}},
		{"ip", "tcp flags & (syn|ack) == syn", []string{"meta l4proto {6}", "tcp flags & 12 {2}"}},
		{"ip", "tcp flags { syn, syn|ack }", []string{"meta l4proto {6}", "tcp flags {2 12}"}},
		{"inet", "ct state established,related", []string{"ct state & 6 not {0}"}},
		{"inet", "ct state { established, new }", []string{"ct state {2 8}"}},
		{"inet", "ct state != new", []string{"ct state not {8}"}},
		{"inet", "ct mark & 0xff == 0x1", []string{"ct mark & ff {1}"}},
		{"inet", "meta mark 0x1", []string{"meta mark {1}"}},
		{"inet", "meta mark & 0xff00 != 0x4000", []string{"meta mark & ff00 not {4000}"}},
		{"inet", "meta mark & 0xff00 == 0x1", []string{"meta mark & ff00 {}"}},
		{"inet", "meta mark xor 0xff == 0x1", []string{"meta mark {fe}"}},
		{"inet", "meta mark < 5", []string{"meta mark {0-4}"}},
		{"inet", "meta mark > 0xfffffffe", []string{"meta mark {ffffffff}"}},
		{"ip", "ip ttl < 1", []string{"ip ttl {0}"}},
		{"ip", "ip dscp ef", []string{"ip dscp {2e}"}},
		{"ip6", "ip6 dscp ef", []string{"ip dscp {2e}"}},
		{"ip", "ip frag-off & 0x1fff != 0", []string{"ip frag-off & 1fff not {0}"}},
		{"inet", `iifname "eth0"`, []string{"iifname {6574683000000000:0}"}},
		{"inet", `iifname "e*"`, []string{"iifname {6500000000000000:0-65ffffffffffffff:ffffffffffffffff}"}},
		{"inet", `iif "lo"`, []string{"iifname {6c6f000000000000:0}"}},
		{"inet", `oif != { "lo", "eth0" }`, []string{"oifname not {6574683000000000:0 6c6f000000000000:0}"}},
		{"inet", `iif 7`, []string{"iif {7}"}},
		{"inet", `iif 0`, []string{"iifname {0}"}},
		{"inet", `iif { 7, "lo" }`, []string{"? has names of interfaces where the kernel has numbers"}},
		{"inet", `iif . tcp dport { "lo" . 22 }`, []string{"meta l4proto {6}", "iifname . th dport {6c6f000000000000:0.16}"}},
		{"inet", `iif vmap { "lo" : accept, * : drop }`, []string{
			"iifname {0-6c6effffffffffff:ffffffffffffffff:drop 6c6f000000000000:0:accept 6c6f000000000000:1-ffffffffffffffff:ffffffffffffffff:drop} chooses"}},
		{"ip", "tcp flags & (syn|ack) < syn", []string{"meta l4proto {6}", "tcp flags & 12 {0-1}"}},
		{"ip", "icmp type echo-request", []string{"meta l4proto {1}", "icmp type {8}"}},
		{"inet", "fib daddr type local", []string{"fib daddr type {2}"}},
		{"inet", "fib saddr . iif oif missing", []string{"fib saddr . iif oif exists {0}"}},
		{"ip", "ip saddr @nets", []string{"ip saddr {a000000-affffff c0000201-c0000209} @nets"}},
		{"ip", "ip saddr != @empty", []string{"ip saddr not {} @empty"}},
		{"ip", "ip saddr . tcp dport { 10.0.0.1 . 22, 10.1.0.0/16 . 80-90 }", []string{"meta l4proto {6}", "ip saddr . th dport {a000001.16 a010000-a01ffff.50-5a}"}},
		{"ip", "tcp dport vmap @doors", []string{"meta l4proto {6}", "th dport {0-15:accept 16:jump other 17-4f:accept 50:drop 51-ffff:accept} @doors chooses"}},
		{"ip", "numgen random mod 2 vmap { 0 : jump other, 1 : drop }", []string{"numgen random mod 2 {any:jump other any:drop} chooses"}},
		{"ip", "numgen random mod 3 vmap { 0 : jump other, 1 : drop }", []string{"numgen random mod 3 {0:jump other 1:drop} chooses ? depends on a random number"}},
		{"ip", "meta mark set tcp dport map { 22 : 0x1 }", []string{"meta l4proto {6}", "th dport {16}"}},
		{"ip", "dnat to ip daddr map { 10.0.0.1 : 10.0.0.2 }", []string{"ip daddr {a000001}"}},
		{"ip", "tcp option maxseg size 1400", []string{"meta l4proto {6}", "tcp option maxseg size {578}"}},
		{"inet", "dccp option 43 missing", []string{"dccp option 43 {0}"}},
		{"inet", "limit rate 5/second", []string{"? depends on how many packets came before"}},
		{"inet", `limit name "slow"`, []string{"? depends on how many packets came before"}},
		{"inet", `quota name "daily"`, []string{"? depends on how many bytes came before"}},
		{"inet", `counter name "hits" accept`, nil},
		{"inet", "ct count over 5", []string{"? depends on how many connections there are"}},
		{"inet", "ct bytes > 100", []string{"? depends on what the connection has counted"}},
		{"inet", `meta hour "10:00"-"12:00"`, []string{"? depends on the time"}},
		{"ip", "add @full { ip saddr }", []string{"? adds to a set that is full"}},
		{"ip", "add @room { ip saddr }", nil},
		{"ip", "add @room { ip saddr limit rate 5/second }", []string{"? depends on how many packets came before"}},
		{"ip", "delete @full { ip saddr }", nil},
		{"ip", "reject with tcp reset", []string{"meta l4proto {6}"}},
		{"inet", `log prefix "x" accept`, nil},
	} {
		table, r := ruleOf(t, c.fam, sets, c.rule)
		var got []string
		for _, one := range table.Conditions(r) {
			got = append(got, short(&one))
			if one.Text == "" {
				t.Errorf("%s: a condition without words: %s", c.rule, short(&one))
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s: -want +got\n%s", c.fam, c.rule, diff)
		}
	}
}
