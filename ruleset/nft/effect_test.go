package nft

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

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
