package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// table reads rules in iptables' words, each as `CHAIN RULE`; `:CHAIN POLICY`
// sets a policy, and `:CHAIN -` makes a chain.
func table(t *testing.T, backend ruleset.Backend, name string, lines ...string) *ruleset.Table {
	t.Helper()
	env := xt.Env{Family: ruleset.IP}
	made := &xt.Table{Name: name, Backend: backend, Family: ruleset.IP}
	for _, line := range lines {
		chain, rest, _ := strings.Cut(line, " ")
		if at, is := strings.CutPrefix(chain, ":"); is {
			c := &xt.Chain{Name: at}
			if rest != "-" {
				c.Policy = xt.Verdict(rest)
			}
			made.Chains = append(made.Chains, c)
			continue
		}
		_, r, err := xt.ParseRule("-A "+line, env)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range made.Chains {
			if c.Name == chain {
				c.Rules = append(c.Rules, *r)
			}
		}
	}
	return made.Model(true, nil)
}

func evidence(f doctor.Finding) (all []string) {
	for _, e := range f.Evidence {
		all = append(all, e.What+" "+e.Is)
	}
	return all
}

func ids(found []doctor.Finding) (all []string) {
	for _, f := range found {
		all = append(all, f.ID)
	}
	return all
}

func TestShadowed(t *testing.T) {
	for _, c := range []struct {
		rules []string
		want  []string // numbers of what is shadowed, and by which
	}{
		{[]string{"f -p tcp --dport 80 -j ACCEPT", "f -p tcp --dport 80 -s 10.0.0.0/8 -j DROP"}, []string{"2<1"}},
		{[]string{"f -p tcp --dport 80:90 -j ACCEPT", "f -p tcp --dport 85 -j DROP", "f -p udp --dport 85 -j DROP"}, []string{"2<1"}},
		{[]string{"f -s 10.0.0.0/8 -j DROP", "f -s 10.1.0.0/16 -i eth0 -j ACCEPT", "f -s 11.1.0.0/16 -j ACCEPT"}, []string{"2<1"}},
		{[]string{"f -j RETURN", "f -p tcp -j ACCEPT"}, []string{"2<1"}},
		{[]string{"f ! -s 10.0.0.0/8 -j DROP", "f -s 11.0.0.1/32 -j ACCEPT", "f -s 10.0.0.1/32 -j ACCEPT"}, []string{"2<1"}},
		{[]string{"f -i eth+ -j DROP", "f -i eth0 -j ACCEPT", "f -i et+ -j ACCEPT"}, []string{"2<1"}},
		{[]string{"f -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", "f -m conntrack --ctstate ESTABLISHED -p tcp -j DROP", "f -m conntrack --ctstate NEW -j DROP"}, []string{"2<1"}},
		{[]string{"f -m mark --mark 0x4000/0x4000 -j ACCEPT", "f -m mark --mark 0x4000/0x4000 -p tcp -j DROP"}, []string{"2<1"}},
		{[]string{"f -p tcp -m multiport --dports 80,443 -j ACCEPT", "f -p tcp --dport 443 -j DROP"}, []string{"2<1"}},
		{[]string{"f -j g", "f -p tcp -j ACCEPT", "g -j LOG", "g -j DROP"}, []string{"2<1"}},
		{[]string{"f -m mark --mark 1 -j ACCEPT", "f -p udp -j LOG", "f -m mark --mark 1 -p tcp -j DROP"}, []string{"3<1"}},
		// These leave the later rule something, or may do so.
		{[]string{"f -m limit --limit 5/sec -j ACCEPT", "f -j DROP"}, nil},
		{[]string{"f -m mark --mark 1 -j ACCEPT", "f -j g", "f -m mark --mark 1 -j ACCEPT", "g -j MARK --set-xmark 1"}, nil},
		{[]string{"f -p tcp -j LOG", "f -p tcp -j DROP"}, nil},
		{[]string{"f -p tcp -j MARK --set-xmark 1", "f -p tcp -j ACCEPT"}, nil},
		{[]string{"f -j g", "f -p tcp -j ACCEPT", "g -p tcp -j RETURN", "g -j DROP"}, nil},
		{[]string{"f -s 10.1.0.0/16 -j DROP", "f -s 10.0.0.0/8 -j ACCEPT"}, nil},
		{[]string{"f -m statistic --mode random --probability 0.5 -j ACCEPT", "f -j ACCEPT"}, nil},
		{[]string{"f -m set --match-set bad src -j DROP", "f -m set --match-set bad src -j DROP"}, nil},
	} {
		var got []string
		found := shadowed(newHost([]*ruleset.Table{table(t, ruleset.Legacy, "filter", append([]string{":f -", ":g -"}, c.rules...)...)}))
		for _, f := range found {
			for _, e := range f.Evidence {
				var rule, by int
				if _, err := fmt.Sscanf(e.What+" "+e.Is[strings.Index(e.Is, "rule"):], "rule %d:", &rule); err != nil {
					t.Fatal(err)
				}
				if _, err := fmt.Sscanf(e.Is, "taken by rule %d:", &by); err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%d<%d", rule, by))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", strings.Join(c.rules, "; "), got, c.want)
		}
	}
}

func TestOpposed(t *testing.T) {
	accepting := []string{":FORWARD ACCEPT", "FORWARD -p tcp --dport 80 -j ACCEPT"}
	for _, c := range []struct {
		name      string
		second    []string
		certainty doctor.Certainty // empty for no finding
	}{
		{"drops all", []string{":FORWARD DROP"}, doctor.Certain},
		{"drops all but another port", []string{":FORWARD DROP", "FORWARD -p tcp --dport 81 -j ACCEPT"}, doctor.Certain},
		{"accepts it too", []string{":FORWARD DROP", "FORWARD -p tcp -j ACCEPT"}, ""},
		{"accepts it in a chain of its own", []string{":FORWARD DROP", ":g -", "FORWARD -p tcp -j g", "g -p tcp --dport 80 -j ACCEPT"}, ""},
		{"accepts some of it", []string{":FORWARD DROP", "FORWARD -i eth0 -j ACCEPT"}, doctor.Suspect},
		{"drops at its end", []string{":FORWARD ACCEPT", "FORWARD -j REJECT"}, doctor.Certain},
		{"drops something else", []string{":FORWARD ACCEPT", "FORWARD -p udp -j DROP"}, ""},
		{"another hook", []string{":INPUT DROP"}, ""},
	} {
		tables := []*ruleset.Table{table(t, ruleset.Legacy, "filter", accepting...), table(t, ruleset.NFT, "filter", c.second...)}
		var got doctor.Certainty
		for _, f := range opposed(newHost(tables)) {
			got = f.Certainty
		}
		if got != c.certainty {
			t.Errorf("%s: %q, want %q", c.name, got, c.certainty)
		}
	}
}

func TestMixedBackends(t *testing.T) {
	legacy := table(t, ruleset.Legacy, "filter", ":FORWARD ACCEPT", ":KUBE-FORWARD -", "FORWARD -j KUBE-FORWARD", "KUBE-FORWARD -j ACCEPT")
	other := table(t, ruleset.NFT, "filter", ":FORWARD ACCEPT", "FORWARD -p tcp -j ACCEPT")
	same := table(t, ruleset.NFT, "filter", ":FORWARD ACCEPT", ":KUBE-FORWARD -", "KUBE-FORWARD -j ACCEPT")
	empty := table(t, ruleset.NFT, "filter", ":FORWARD ACCEPT", ":INPUT ACCEPT")
	for _, c := range []struct {
		second *ruleset.Table
		want   doctor.Severity
	}{{other, doctor.Medium}, {same, doctor.Critical}, {empty, ""}} {
		var got doctor.Severity
		for _, f := range mixedBackends(newHost([]*ruleset.Table{legacy, c.second})) {
			got = f.Severity
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", content(c.second), got, c.want)
		}
	}
}

func TestMixedBackendsOfARP(t *testing.T) {
	legacy := table(t, ruleset.Legacy, "filter", ":INPUT DROP")
	nft := table(t, ruleset.NFT, "filter", ":INPUT ACCEPT", "INPUT -j DROP")
	legacy.Family, nft.Family = ruleset.ARP, ruleset.ARP
	found := mixedBackends(newHost([]*ruleset.Table{legacy, nft}))
	if len(found) != 1 || !strings.HasPrefix(found[0].Title, "arptables-legacy and arptables-nft ") {
		t.Errorf("%+v", found)
	}
}

func TestOverwrittenMarks(t *testing.T) {
	reader := "FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT"
	for rule, want := range map[string]bool{
		"FORWARD -j MARK --set-xmark 0x1/0xffffffff":                     true,
		"FORWARD -j MARK --set-xmark 0x1/0xff":                           false,
		"FORWARD -m mark --mark 0x0 -j MARK --set-xmark 0x1/0xffffffff":  false,
		"FORWARD -j CONNMARK --restore-mark":                             true,
		"FORWARD -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff": false,
	} {
		found := overwrittenMarks(newHost([]*ruleset.Table{table(t, ruleset.Legacy, "mangle", ":FORWARD ACCEPT", reader, rule)}))
		if len(found) > 0 != want {
			t.Errorf("%s: %v", rule, ids(found))
		}
	}
}

func TestChains(t *testing.T) {
	found := Run([]*ruleset.Table{table(t, ruleset.Legacy, "nat",
		":PREROUTING ACCEPT", ":KUBE-SERVICES -", ":KUBE-SVC-A -", ":USER -", ":LOST -",
		"PREROUTING -j KUBE-SERVICES", "PREROUTING -j USER",
		"KUBE-SERVICES -d 10.96.0.10/32 -j KUBE-SVC-A", "LOST -j ACCEPT")})
	want := []string{"kube-svc-chain-empty", "jump-to-empty-chain", "chain-unreachable"}
	if !slices.Equal(ids(found), want) {
		t.Errorf("found %v, want %v", ids(found), want)
	}
	for _, f := range found {
		if len(f.Evidence) != 1 || f.Schema == "" {
			t.Errorf("%s: %v", f.ID, evidence(f))
		}
	}
}

func TestContradictory(t *testing.T) {
	found := contradictory(newHost([]*ruleset.Table{table(t, ruleset.Legacy, "filter", ":f -",
		"f -p tcp -m multiport --dports 80,443 -m tcp --dport 8080 -j ACCEPT", "f -p tcp -m multiport --dports 80,443 -m tcp --dport 80 -j ACCEPT")}))
	if len(found) != 1 || !strings.HasPrefix(found[0].Title, "rule 1 of chain f") {
		t.Errorf("%v", found)
	}
}

// TestOwnMarks: one program's chains know each other's marks.
func TestOwnMarks(t *testing.T) {
	found := overwrittenMarks(newHost([]*ruleset.Table{table(t, ruleset.Legacy, "mangle", ":PREROUTING ACCEPT", ":MESH_IN -", ":MESH_OUT -",
		"MESH_IN -m mark --mark 0x111/0xfff -j ACCEPT", "MESH_OUT -j MARK --set-xmark 0x111")}))
	if len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// TestHealthy: what programs usually make has no trouble in it.
func TestHealthy(t *testing.T) {
	found := Run([]*ruleset.Table{table(t, ruleset.NFT, "filter",
		":INPUT DROP", ":FORWARD DROP", ":OUTPUT ACCEPT", ":DOCKER-USER -", ":LOGDROP -",
		"INPUT -i lo -j ACCEPT", "INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", "INPUT -m conntrack --ctstate INVALID -j DROP",
		"INPUT -p tcp --dport 22 -j ACCEPT", "INPUT -p icmp -j ACCEPT", "INPUT -j LOGDROP",
		"FORWARD -j DOCKER-USER", "FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
		"DOCKER-USER -j RETURN",
		"LOGDROP -m limit --limit 3/min -j LOG", "LOGDROP -j DROP")})
	if len(found) > 0 {
		t.Errorf("%v: %v", ids(found), evidence(found[0]))
	}
}

// TestUsual: what is usual on healthy hosts is no more than information.
func TestUsual(t *testing.T) {
	for name, lines := range map[string][]string{
		"rules twice": {":INPUT DROP", "INPUT -s 10.0.0.0/8 -j ACCEPT", "INPUT -s 10.1.0.0/16 -j ACCEPT", "INPUT -s 10.0.0.0/8 -j ACCEPT"},
		"a net behind a chain that keeps all": {":INPUT ACCEPT", ":ZONES -", "INPUT -j ZONES", "INPUT -j LOG", "INPUT -j REJECT",
			"ZONES -p tcp -j ACCEPT", "ZONES -j DROP"},
		"chains that wait for a use": {":INPUT ACCEPT", ":logdrop -", "INPUT -i lo -j ACCEPT", "logdrop -j DROP"},
	} {
		for _, f := range Run([]*ruleset.Table{table(t, ruleset.NFT, "filter", lines...)}) {
			if f.Severity != doctor.Info {
				t.Errorf("%s: %s %s: %v", name, f.Severity, f.ID, evidence(f))
			}
		}
	}
}

// TestLostEntry: a program's own chain without the jump to it.
func TestLostEntry(t *testing.T) {
	found := Run([]*ruleset.Table{table(t, ruleset.NFT, "filter", ":INPUT ACCEPT", ":f2b-sshd -", ":f2b-empty -", ":other -",
		"INPUT -i lo -j ACCEPT", "f2b-sshd -s 192.0.2.1/32 -j REJECT", "other -j DROP")})
	if want := []string{"entry-chain-unreachable", "chain-unreachable"}; !slices.Equal(ids(found), want) {
		t.Fatalf("found %v, want %v", ids(found), want)
	}
	if !strings.Contains(found[0].Title, "chain f2b-sshd") || len(found[1].Evidence) != 1 {
		t.Errorf("%s, %v", found[0].Title, evidence(found[1]))
	}
}

// TestManyEmptyChains: what programs make for their users is told in few lines.
func TestManyEmptyChains(t *testing.T) {
	lines := []string{":INPUT ACCEPT"}
	for i := range 30 {
		lines = append(lines, fmt.Sprintf(":zone%d -", i), fmt.Sprintf("INPUT -p %d -j zone%d", i+1, i))
	}
	found := Run([]*ruleset.Table{table(t, ruleset.NFT, "filter", lines...), table(t, ruleset.NFT, "mangle", lines...)})
	if len(found) != 1 || len(found[0].Evidence) != 2 || !strings.HasPrefix(found[0].Title, "60 jumps") {
		t.Fatalf("%+v", found)
	}
	if want := "30 rules lead to zone0, zone1, zone2, zone3, zone4, zone5 and 24 more"; found[0].Evidence[0].Is != want {
		t.Errorf("%q, want %q", found[0].Evidence[0].Is, want)
	}
}

func TestLoops(t *testing.T) {
	for name, c := range map[string]struct {
		rules []string
		want  []string // the chains of the circle
	}{
		"none":          {[]string{"INPUT -j a", "INPUT -j b", "a -j b", "a -j c", "b -j c"}, nil},
		"two":           {[]string{"INPUT -j a", "a -p tcp -j c", "a -p udp -j b", "b -j a"}, []string{"a", "b"}},
		"itself":        {[]string{"INPUT -j a", "a -p udp -j a"}, []string{"a"}},
		"behind others": {[]string{"INPUT -j a", "a -j b", "b -j c", "c -g b"}, []string{"b", "c"}},
	} {
		found := loops(newHost([]*ruleset.Table{table(t, ruleset.NFT, "filter", append([]string{":INPUT ACCEPT", ":a -", ":b -", ":c -"}, c.rules...)...)}))
		var got []string
		for _, f := range found {
			for _, e := range f.Evidence {
				_, rest, _ := strings.Cut(e.What, "of chain ")
				got = append(got, strings.Fields(rest)[0])
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestUnreachedByMap: a map without elements may lead to a chain tomorrow.
func TestUnreachedByMap(t *testing.T) {
	rule := ruleset.Rule{Number: 1, Known: true, Effect: ruleset.Effect{Known: true, Verdict: ruleset.Continue},
		When: []ruleset.Condition{{Fields: []ruleset.Field{ruleset.IPDest}, Set: "no-endpoints", Chooses: true}}}
	reject := ruleset.Rule{Number: 1, Known: true, Effect: ruleset.Effect{Known: true, Verdict: ruleset.Reject}}
	table := &ruleset.Table{TableKey: ruleset.TableKey{Backend: ruleset.NFT, Family: ruleset.IP, Name: "t"}, Chains: []*ruleset.Chain{
		{Name: "in", Base: &ruleset.Base{Hook: ruleset.Input, Type: "filter"}, Policy: ruleset.Accept, Rules: []ruleset.Rule{rule}},
		{Name: "reject-chain", Rules: []ruleset.Rule{reject}},
	}}
	found := unreached(newHost([]*ruleset.Table{table}))
	if len(found) != 1 || found[0].Severity != doctor.Info || !strings.Contains(found[0].Title, "no-endpoints") {
		t.Errorf("%+v", found)
	}
}
