package explain

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// world is one way in which rules come to the kernel.
type world struct {
	backend ruleset.Backend
	dialect ruleset.Dialect
	family  string
	v6      bool
}

func worlds() map[string]world {
	return map[string]world{
		"legacy":   {ruleset.Legacy, ruleset.Iptables, "ip", false},
		"legacy6":  {ruleset.Legacy, ruleset.Iptables, "ip6", true},
		"xtnft":    {ruleset.NFT, ruleset.Iptables, "ip", false},
		"xtnft6":   {ruleset.NFT, ruleset.Iptables, "ip6", true},
		"nft":      {ruleset.NFT, ruleset.Nftables, "inet", false},
		"nft6":     {ruleset.NFT, ruleset.Nftables, "inet", true},
		"nftables": {ruleset.NFT, ruleset.Nftables, "ip", false},
	}
}

func ptr[T any](v T) *T { return &v }

func (w world) packet() journey.Packet {
	p := journey.Packet{Family: "ipv4", Proto: "tcp", Src: netip.MustParseAddr("10.1.0.2"), Dst: netip.MustParseAddr("10.2.0.2"),
		SrcPort: ptr(uint16(41234)), DstPort: ptr(uint16(8080)), TCP: &journey.TCP{Flags: "S"}}
	if w.v6 {
		p.Family, p.Src, p.Dst = "ipv6", netip.MustParseAddr("2001:db8:1::2"), netip.MustParseAddr("2001:db8:2::2")
	}
	return p
}

func (w world) rule(chain string, n int, xt, nft string, v ruleset.Verdict) journey.Step {
	r := &journey.Rule{Backend: w.backend, Dialect: w.dialect, Table: "filter", Chain: chain, Number: n,
		Text: nft, Effect: ruleset.Effect{Known: true, Verdict: v}}
	if w.dialect == ruleset.Iptables {
		r.Text = "-A " + chain + " " + xt
	}
	if w.backend == ruleset.NFT {
		r.Handle = 17
	}
	return journey.Step{Hook: ruleset.Forward, Family: w.family, Kind: journey.KindRule, In: "r0", Out: "r1", Verdict: v, Rule: r}
}

func (w world) policy(chain string, v ruleset.Verdict) journey.Step {
	s := w.rule(chain, 0, "", "", v)
	s.Kind, s.Rule.Handle, s.Rule.Text, s.Rule.Effect = journey.KindPolicy, 0, "", ruleset.Effect{}
	return s
}

func (w world) journey(result journey.Result, step int, steps ...journey.Step) *journey.Journey {
	j := &journey.Journey{Packet: w.packet(), Steps: steps, Complete: true, Outcome: journey.Outcome{Result: result}}
	if step >= 0 {
		j.Outcome.Step = &step
	}
	return j
}

// table and show are how the world's own words name table filter and list a chain of it.
func (w world) table() string {
	if w.backend == ruleset.Legacy {
		return "table filter (legacy)"
	}
	return "table " + w.family + " filter"
}

func (w world) show(chain string) string {
	tool := map[string]string{"legacyip": "iptables-legacy", "legacyip6": "ip6tables-legacy", "nftip": "iptables-nft", "nftip6": "ip6tables-nft"}
	if w.dialect == ruleset.Nftables {
		return "nft -a list chain " + w.family + " filter " + chain
	}
	return tool[string(w.backend)+w.family] + " -t filter -L " + chain + " -n -v --line-numbers"
}

func (w world) text(xt, nft string) string {
	if w.dialect == ruleset.Iptables {
		return xt
	}
	return nft
}

func TestEveryResultInEveryWorld(t *testing.T) {
	for name, w := range worlds() {
		p := w.packet()
		ends := tupleAt(w.journey(journey.Dropped, -1), 0).String()
		for _, c := range []struct {
			name string
			j    *journey.Journey
			why  string
			try  []string
		}{
			{"drop", w.journey(journey.Dropped, 0, w.rule("FORWARD", 2, "-p tcp -m tcp --dport 8080 -j DROP", "tcp dport 8080 drop", ruleset.Drop)),
				"rule 2 of chain FORWARD in " + w.table() + " drops it: " + w.text("-p tcp -m tcp --dport 8080 -j DROP", "tcp dport 8080 drop"),
				[]string{w.show("FORWARD")}},
			{"policy", w.journey(journey.Dropped, 0, w.policy("FORWARD", ruleset.Drop)),
				"no rule of chain FORWARD in " + w.table() + " took it, and the chain's policy is drop",
				[]string{w.show("FORWARD"), "# should it pass, chain FORWARD misses a rule that accepts tcp from " + p.Src.String() + " to " + p.Dst.String() + " port 8080"}},
			{"reject", w.rejected(),
				"rule 1 of chain FORWARD in " + w.table() + " rejects it with tcp-reset: " + w.text("-p tcp -j REJECT --reject-with tcp-reset", "reject with tcp reset") + "; its answer was seen",
				[]string{w.show("FORWARD")}},
			{"queue", w.journey(journey.Queued, 0, w.rule("FORWARD", 1, "-j NFQUEUE --queue-num 5", "queue flags bypass to 5", ruleset.Queue)),
				"rule 1 of chain FORWARD in " + w.table() + " hands it to queue 5: " + w.text("-j NFQUEUE --queue-num 5", "queue flags bypass to 5") + "; what the program behind the queue decides is not seen here; without a program the kernel drops it, unless the rule says bypass",
				[]string{w.show("FORWARD"), "cat /proc/net/netfilter/nfnetlink_queue"}},
			{"forwarded", w.journey(journey.Forwarded, -1, w.policy("FORWARD", ruleset.Accept)), "every chain that it met let it pass, and it left through r1", nil},
			{"sent without rules", w.journey(journey.Sent, -1), "it met no rule here, and it left", nil},
			{"sent", w.journey(journey.Sent, -1, w.policy("FORWARD", ruleset.Accept)), "every chain that it met let it pass, and it left through r1", nil},
			{"delivered", w.journey(journey.Delivered, -1, w.policy("FORWARD", ruleset.Accept)),
				"every chain that it met let it pass, and it was handed to this host itself; whether a socket took it is not seen here",
				[]string{"ss -ltnp 'sport = :8080'"}},
			{"unknown", w.journey(journey.ResultUnknown, -1, w.policy("FORWARD", ruleset.Accept)),
				"it was last seen in forward (policy of chain FORWARD in " + w.table() + "); what became of it then is not known", w.road()},
			{"translated", w.translated(),
				"no rule of chain FORWARD in " + w.table() + " took it, and the chain's policy is drop; NAT, decided by the flow's first packet, had made it " + ends[:len(ends)-4] + "9090",
				[]string{w.show("FORWARD"), "# should it pass, chain FORWARD misses a rule that accepts tcp from " + p.Src.String() + " to " + p.Dst.String() + " port 9090"}},
		} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				Explain(c.j)
				if diff := cmp.Diff(c.why, c.j.Outcome.Why); diff != "" {
					t.Errorf("why (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.try, c.j.Outcome.Try); diff != "" {
					t.Errorf("try (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]int{}, c.j.Outcome.Because); diff != "" {
					t.Errorf("because (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func (w world) rejected() *journey.Journey {
	verdict := ruleset.Drop
	if w.backend == ruleset.Legacy {
		verdict = ruleset.Reject
	}
	j := w.journey(journey.Rejected, 0, w.rule("FORWARD", 1, "-p tcp -j REJECT --reject-with tcp-reset", "reject with tcp reset", verdict))
	j.Outcome.With = "tcp-reset"
	j.Links = []journey.Link{{Kind: journey.LinkAnswer, Identity: journey.Certain}}
	return j
}

func (w world) translated() *journey.Journey {
	nat := journey.Step{Kind: journey.KindNAT, Hook: ruleset.Prerouting, NAT: &journey.NAT{DPort: &journey.Change[uint16]{From: 8080, To: 9090}, By: "entry"}}
	return w.journey(journey.Dropped, 1, nat, w.policy("FORWARD", ruleset.Drop))
}

func (w world) road() []string {
	if w.v6 {
		return []string{"ip -6 route get 2001:db8:2::2 from 2001:db8:1::2 iif r0", "sysctl net/ipv6/conf/all/forwarding"}
	}
	return []string{"ip route get 10.2.0.2 from 10.1.0.2 iif r0", "sysctl net/ipv4/ip_forward net/ipv4/conf/all/rp_filter net/ipv4/conf/r0/rp_filter"}
}
