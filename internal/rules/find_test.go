package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// tables reads rules in the form of iptables-save, by the typed rules.
func tables(t testing.TB, backend ruleset.Backend, text string) []*ruleset.Table {
	t.Helper()
	var host rules.Host
	var open *xt.Table
	chains := map[string]*xt.Chain{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line == "COMMIT":
		case line[0] == '*':
			open = &xt.Table{Name: line[1:], Backend: backend, Family: ruleset.IP}
			host.Legacy = append(host.Legacy, open)
			clear(chains)
		case line[0] == ':':
			words := strings.Fields(line[1:])
			c := &xt.Chain{Name: words[0]}
			if words[1] != "-" {
				c.Policy = xt.Verdict(words[1])
			}
			open.Chains = append(open.Chains, c)
			chains[c.Name] = c
		default:
			chain, r, err := xt.ParseRule(line, xt.Env{Family: open.Family})
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			chains[chain].Rules = append(chains[chain].Rules, *r)
		}
	}
	return host.Tables(true)
}

func question(t testing.TB, words string) *rules.Question {
	t.Helper()
	m, rest, err := match.Parse(strings.Fields(words))
	if err != nil || len(rest) > 0 {
		t.Fatalf("%s: %v %q", words, err, rest)
	}
	all := rules.Questions(&m)
	return &all[0]
}

// TestFindMany: rules that are found come in their order, however many there are.
func TestFindMany(t *testing.T) {
	const many = 10_000
	chain := &ruleset.Chain{Name: "in", Base: &ruleset.Base{Hook: ruleset.Input, Type: "filter"}, Policy: ruleset.Accept}
	below := &ruleset.Chain{Name: "below", Rules: []ruleset.Rule{{Number: 1, Known: true, Effect: ruleset.Effect{Known: true, Verdict: ruleset.Continue}}}}
	for i := range many {
		chain.Rules = append(chain.Rules, ruleset.Rule{Number: i + 1, Known: true, Effect: ruleset.Effect{Known: true, Verdict: ruleset.Jump, Target: "below"}})
	}
	table := &ruleset.Table{TableKey: ruleset.TableKey{Family: ruleset.IP, Name: "t"}, Chains: []*ruleset.Chain{chain, below}}
	at := rules.Find([]*ruleset.Table{table}, question(t, "-4 -p tcp"), false).Stops[0]
	if at.Hits.Len() != many+1 {
		t.Fatalf("%d hits", at.Hits.Len())
	}
	next := 1
	for h := range at.Hits.All() {
		switch {
		case h.Chain == below:
			if via := h.Via(); len(via) != 1 || via[0].Rule.Number != 1 {
				t.Errorf("below: %+v", via)
			}
			continue
		case h.Rule.Number != next, next > 1 && (len(h.Told) != 1 || h.Told[0].Chain != "below"):
			t.Fatalf("rule %d, want %d; told %v", h.Rule.Number, next, h.Told)
		}
		next++
	}
}

// told is what was found, a line for each stop and rule.
func told(f *rules.Found) (lines []string) {
	for i := range f.Stops {
		at := &f.Stops[i]
		line := fmt.Sprintf("%s %s %s %s", at.Where(), at.Table.Name, at.Chain.Policy, word(at.Policy))
		if at.Behind != nil {
			line += " behind " + refWords(at.Behind)
		}
		lines = append(lines, line)
		for h := range at.Hits.All() {
			lines = append(lines, hitWords(h))
		}
	}
	for h := range f.Apart.All() {
		lines = append(lines, "apart "+hitWords(h))
	}
	return lines
}

func hitWords(h *rules.Hit) string {
	line := strings.Repeat("  ", h.Depth()+1) + refWords(&h.Ref) + " " + word(h.Truth)
	if needs := h.Needs(); len(needs) > 0 {
		line += " needs " + strings.Join(needs, ", ")
	}
	if h.Behind != nil {
		line += " behind " + refWords(h.Behind)
	}
	for _, t := range h.Told {
		line += " told " + t.Chain
		if t.At != nil {
			line += " at " + t.At.Where()
		}
	}
	if n := h.NAT(); n != nil {
		line += " " + string(n.Kind) + " " + n.To
	}
	return line
}

func refWords(r *rules.Ref) string {
	if r.Rule == nil {
		return r.Chain.Name + " policy"
	}
	return fmt.Sprintf("%s %d", r.Chain.Name, r.Rule.Number)
}

func word(t ruleset.Truth) string { return [...]string{"maybe", "no", "yes"}[t] }

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name, rules, ask string
		want             []string
	}{
		{"a jump, what it depends on, and what is behind", `
*filter
:INPUT DROP
:WEB -
-A INPUT -p tcp -m tcp --dport 80 -j WEB
-A INPUT -p tcp -m tcp --dport 81 -j ACCEPT
-A INPUT -d 10.0.0.1/32 -j ACCEPT
-A WEB -s 10.1.0.0/16 -j DROP
-A WEB -p tcp -j ACCEPT
-A WEB -j DROP`, "-d 10.0.0.1 -p tcp --dport 80", []string{
			"input filter drop no",
			"  INPUT 1 yes",
			"    WEB 1 maybe needs -s 10.1.0.0/16",
			"    WEB 2 yes",
			"    WEB 3 yes behind WEB 2",
			"  INPUT 3 yes behind WEB 2",
		}},
		{"a chain that is told below an earlier base chain", `
*nat
:PREROUTING ACCEPT
:OUTPUT ACCEPT
:SVC -
:SEP -
:DEV -
:NONE -
-A PREROUTING -j SVC
-A PREROUTING -j DEV
-A OUTPUT -j SVC
-A OUTPUT -j DEV
-A OUTPUT -j NONE
-A SVC -p udp -j NONE
-A SVC -p tcp -m tcp --dport 80 -j SEP
-A SEP -m conntrack --ctstate ESTABLISHED -j RETURN
-A SEP -p tcp -m tcp -j DNAT --to-destination 10.2.0.2:8080
-A DEV -i eth0 -j RETURN`, "-4 -p tcp", []string{
			"prerouting nat accept maybe",
			"  PREROUTING 1 yes",
			"    SVC 2 maybe needs -m tcp --dport 80",
			"      SEP 2 yes dnat 10.2.0.2:8080",
			"  PREROUTING 2 yes",
			"    DEV 1 maybe needs -i eth0",
			"output nat accept maybe",
			"  OUTPUT 1 yes told SVC at prerouting",
			"  OUTPUT 2 yes",
			"  OUTPUT 3 yes",
		}},
		{"a chain that is told below an earlier base chain, and asked for again", `
*filter
:INPUT DROP
:OUTPUT ACCEPT
:END -
-A INPUT -j END
-A OUTPUT -p udp -j END
-A OUTPUT -p tcp -j END
-A OUTPUT -j END
-A END -p tcp -j REJECT
-A END -j DROP`, "-4 -p tcp", []string{
			"input filter drop no",
			"  INPUT 1 yes",
			"    END 1 yes",
			"    END 2 yes behind END 1",
			"output filter accept no",
			"  OUTPUT 2 yes told END at input",
			"  OUTPUT 3 yes behind END 1 told END at input",
		}},
		{"a chain that may be left early", `
*filter
:INPUT ACCEPT
:A -
-A INPUT -j A
-A INPUT -j DROP
-A A -m mark --mark 0x1/0x1 -j RETURN
-A A -j ACCEPT`, "-p udp --dport 53", []string{
			"input filter accept no",
			"  INPUT 1 yes",
			"    A 1 maybe needs -m mark --mark 0x1/0x1",
			"    A 2 yes",
			"  INPUT 2 yes",
		}},
		{"goto does not come back", `
*filter
:INPUT ACCEPT
:A -
-A INPUT -p udp -g A
-A INPUT -j DROP
-A A -s 10.0.0.1/32 -j ACCEPT`, "-p udp", []string{
			"input filter accept maybe",
			"  INPUT 1 yes",
			"    A 1 maybe needs -s 10.0.0.1/32",
			"  INPUT 2 yes behind INPUT 1",
		}},
		{"a chain is told once", `
*filter
:INPUT ACCEPT
:M -
-A INPUT -p udp -j M
-A INPUT -s 10.0.0.1/32 -j M
-A M -j MARK --set-xmark 0x1/0x1`, "-p udp", []string{
			"input filter accept yes",
			"  INPUT 1 yes",
			"    M 1 yes",
			"  INPUT 2 maybe needs -s 10.0.0.1/32 told M",
		}},
		{"a loop of a file ends", `
*filter
:INPUT ACCEPT
:A -
:B -
-A INPUT -j A
-A A -j B
-A B -j A`, "-p udp", []string{
			"input filter accept maybe",
			"  INPUT 1 yes",
			"    A 1 yes",
			"      B 1 yes told A",
		}},
		{"dropped before, translated, and by no way", `
*raw
:PREROUTING ACCEPT
-A PREROUTING -i eth0 -d 10.0.0.1/32 -j DROP
*nat
:PREROUTING ACCEPT
:OUTPUT ACCEPT
:LOST -
-A PREROUTING -d 10.0.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.2.0.2:8080
-A OUTPUT -d 10.0.0.1/32 -j DNAT --to-destination 10.2.0.3
-A LOST -d 10.0.0.1/32 -j ACCEPT
-A LOST -d 10.0.0.2/32 -j ACCEPT
*filter
:FORWARD DROP`, "-i eth0 -d 10.0.0.1 -p tcp --dport 80", []string{
			"prerouting raw accept no",
			"  PREROUTING 1 yes",
			"prerouting nat accept no behind PREROUTING 1",
			"  PREROUTING 1 yes behind PREROUTING 1 dnat 10.2.0.2:8080",
			"forward filter drop yes",
			"apart   OUTPUT 1 yes dnat 10.2.0.3",
			"apart   LOST 1 yes",
		}},
		{"either port, and a mark under a mask", `
*filter
:OUTPUT ACCEPT
-A OUTPUT -p udp -m udp --dport 53 -m mark --mark 0x4000/0x4000 -j ACCEPT
-A OUTPUT -p udp -m multiport --ports 53 -j LOG
-A OUTPUT -m mark --mark 0x0/0x4000 -j DROP
-A OUTPUT -m mark --mark 0x1/0x1 -j DROP`, "-p udp --ports 53 --mark 0x4000/0x4000", []string{
			"output filter accept maybe",
			"  OUTPUT 1 maybe needs -m udp --dport 53",
			"  OUTPUT 2 yes",
			"  OUTPUT 4 maybe needs -m mark --mark 0x1/0x1",
		}},
		{"interfaces where there are none", `
*filter
:INPUT ACCEPT
:OUTPUT ACCEPT
-A INPUT -i eth+ -j ACCEPT
-A OUTPUT ! -i lo -j DROP
-A OUTPUT ! -o lo -j DROP`, "-p udp", []string{
			"input filter accept maybe",
			"  INPUT 1 maybe needs -i eth+",
			"output filter accept no",
			"  OUTPUT 1 yes",
			"  OUTPUT 2 maybe needs ! -o lo behind OUTPUT 1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := rules.Find(tables(t, ruleset.Legacy, c.rules), question(t, c.ask), strings.Contains(c.rules, "LOST"))
			if diff := cmp.Diff(c.want, told(f)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A file may nest jumps as deep as it likes.
func TestFindInDeepJumps(t *testing.T) {
	const chains = 5000
	var declared, jumps strings.Builder
	for i := range chains {
		fmt.Fprintf(&declared, ":c%d -\n", i)
		fmt.Fprintf(&jumps, "-A c%d -j c%d\n", i, (i+1)%chains)
	}
	text := "*filter\n:INPUT ACCEPT\n" + declared.String() + "-A INPUT -j c0\n" + jumps.String()
	f := rules.Find(tables(t, ruleset.Legacy, text), question(t, "-p udp"), false)
	var last *rules.Hit
	for last = range f.Stops[0].Hits.All() {
	}
	if last.Depth() != 256 || len(last.Needs()) != 1 || f.Stops[0].Policy != ruleset.Maybe {
		t.Errorf("depth %d, needs %q, policy %v", last.Depth(), last.Needs(), f.Stops[0].Policy)
	}
	if n := len(rules.Arrange(tables(t, ruleset.Legacy, text)).Places[0].Reached); n != chains {
		t.Errorf("%d chains are reached of %d", n, chains)
	}
}

// Below IP the interfaces are the ports of bridges, and packets that were routed
// come by as well.
func TestFindInFrames(t *testing.T) {
	iif := func(name string) []ruleset.Condition {
		return []ruleset.Condition{{Fields: []ruleset.Field{ruleset.InName}, Rows: []ruleset.Row{{Ranges: []ruleset.Range{ruleset.Names(name, false)}}}, Text: "iifname " + name}}
	}
	rule := ruleset.Rule{Number: 1, Known: true, When: iif("port0"), Effect: ruleset.Effect{Known: true, Verdict: ruleset.Drop}}
	chain := func(name string, hook ruleset.Hook) *ruleset.Chain {
		return &ruleset.Chain{Name: name, Base: base(hook, 0, "filter"), Policy: ruleset.Accept, Rules: []ruleset.Rule{rule}}
	}
	all := []*ruleset.Table{
		native(ruleset.Bridge, "br", chain("fwd", ruleset.Forward), chain("out", ruleset.Output)),
		native(ruleset.Netdev, "dev", chain("in", ruleset.Ingress)),
		native(ruleset.ARP, "arp", chain("in", ruleset.Input)),
		native(ruleset.Inet, "ip", chain("pre", ruleset.Prerouting), chain("out", ruleset.Output)),
	}
	want := []string{
		"ingress dev accept maybe", "  in 1 maybe needs iifname port0",
		"bridge forward br accept maybe", "  fwd 1 maybe needs iifname port0",
		"prerouting ip accept yes",
		"bridge output br accept yes",
	}
	if diff := cmp.Diff(want, told(rules.Find(all, question(t, "-4 -i br0"), false))); diff != "" {
		t.Error(diff)
	}
}

// TestFindAtDevices: at the chain of a device packets have its name; of another
// interface that is asked for it may be a port.
func TestFindAtDevices(t *testing.T) {
	named := func(n int, name string) ruleset.Rule {
		return ruleset.Rule{Number: n, Known: true, Effect: ruleset.Effect{Known: true, Verdict: ruleset.Drop},
			When: []ruleset.Condition{{Fields: []ruleset.Field{ruleset.InName}, Rows: []ruleset.Row{{Ranges: []ruleset.Range{ruleset.Names(name, false)}}}, Text: "iifname " + name}}}
	}
	at := base(ruleset.Ingress, 0, "filter")
	at.Device = []string{"port0"}
	tables := []*ruleset.Table{native(ruleset.Netdev, "dev", &ruleset.Chain{Name: "in", Base: at, Policy: ruleset.Accept,
		Rules: []ruleset.Rule{named(1, "port1"), named(2, "port0")}})}
	for words, want := range map[string][]string{
		"-4 -p udp":   {"ingress dev accept no", "  in 2 yes"},
		"-4 -i port0": {"ingress dev accept no", "  in 2 yes"},
		"-4 -i br0":   {"ingress dev accept maybe", "  in 2 maybe needs packets of -i that pass device port0"},
	} {
		if diff := cmp.Diff(want, told(rules.Find(tables, question(t, words), false))); diff != "" {
			t.Errorf("%s: %s", words, diff)
		}
	}
}
