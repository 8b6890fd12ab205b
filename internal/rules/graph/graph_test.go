package graph

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pktrail/pktrail/ruleset"
)

var update = flag.Bool("update", false, "write the golden files anew")

func leads(text string, v ruleset.Verdict, to string) ruleset.Rule {
	return ruleset.Rule{Text: text, Known: true, Effect: ruleset.Effect{Known: true, Verdict: v, Target: to}}
}

func chain(name string, base *ruleset.Base, rules ...ruleset.Rule) *ruleset.Chain {
	c := &ruleset.Chain{Name: name, Base: base, Rules: rules}
	if base != nil {
		c.Policy = ruleset.Accept
	}
	for i := range c.Rules {
		c.Rules[i].Number = i + 1
	}
	return c
}

// services is a nat table as kube-proxy makes it, with so many services.
func services(many int) *ruleset.Table {
	key := ruleset.TableKey{Backend: ruleset.NFT, Family: ruleset.IP, Name: "nat"}
	all := chain("KUBE-SERVICES", nil)
	t := &ruleset.Table{TableKey: key, Dialect: ruleset.Iptables, Chains: []*ruleset.Chain{
		chain("PREROUTING", &ruleset.Base{Hook: ruleset.Prerouting, Priority: -100, Type: "nat"}, leads("a", ruleset.Jump, "KUBE-SERVICES")),
		chain("OUTPUT", &ruleset.Base{Hook: ruleset.Output, Priority: -100, Type: "nat"}, leads("b", ruleset.Jump, "KUBE-SERVICES")),
		all,
		chain("KUBE-MARK-MASQ", nil, leads("m", ruleset.Continue, "MARK")),
		chain("LEFT-OVER", nil, leads("c", ruleset.Goto, "KUBE-MARK-MASQ")),
	}}
	for i := range many {
		name := fmt.Sprintf("KUBE-SVC-%016X", 0xABCDEF0123456789+uint64(i))
		all.Rules = append(all.Rules, leads("s", ruleset.Jump, name))
		all.Rules[i].Number = i + 1
		t.Chains = append(t.Chains, chain(name, nil, leads("k", ruleset.Jump, "KUBE-MARK-MASQ")))
	}
	return t
}

func TestBuildFolds(t *testing.T) {
	g, err := Build([]*ruleset.Table{services(100)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]Node{}
	for _, n := range g.Nodes {
		names[n.Name] = n
	}
	if n := names["KUBE-SVC-*"]; n.Chains != 100 || n.Rules != 100 || n.Unreachable {
		t.Errorf("the services: %+v", n)
	}
	if n := names["LEFT-OVER"]; !n.Unreachable || !n.Unreferenced {
		t.Errorf("a chain that nothing leads to: %+v", n)
	}
	if len(g.Nodes) != 8 || len(g.Edges) != 7 {
		t.Errorf("%d nodes, %d edges", len(g.Nodes), len(g.Edges))
	}
	for _, e := range g.Edges {
		if g.Nodes[e.To].Name == "KUBE-SVC-*" && e.Rules != 100 {
			t.Errorf("rules that lead to the services: %d", e.Rules)
		}
	}
}

// TestBuildFoldsNames: kube-proxy's names in nftables, where a hash of eight
// letters need not have a digit.
func TestBuildFoldsNames(t *testing.T) {
	table := &ruleset.Table{TableKey: ruleset.TableKey{Backend: ruleset.NFT, Family: ruleset.IP, Name: "kube-proxy"}, Chains: []*ruleset.Chain{
		chain("service-ETGAHUIO-a/svc-00001/tcp/http", nil), chain("service-endpoints-check", nil),
	}}
	for i := range 9 {
		table.Chains = append(table.Chains, chain(fmt.Sprintf("service-2QRHZV4%c-a/svc-%05d/tcp/http", 'A'+i, i), nil))
	}
	g, err := Build([]*ruleset.Table{table}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) != 2 || g.Nodes[0].Name != "service-*" || g.Nodes[0].Chains != 10 {
		t.Errorf("%+v", g.Nodes)
	}
}

func TestBuildAroundOneChain(t *testing.T) {
	tables := []*ruleset.Table{services(3)}
	g, err := Build(tables, Options{Chain: "nat/KUBE-MARK-MASQ"})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) != 10 {
		t.Errorf("%d nodes lead to it, with hooks", len(g.Nodes))
	}
	g, err = Build(tables, Options{Chain: "OUTPUT", MaxChains: 3})
	if err != nil || g.Left != 3 || len(g.Nodes) != 4 {
		t.Errorf("bounded: %d left, %d nodes, %v", g.Left, len(g.Nodes), err)
	}
	var none *ErrNoChain
	if _, err := Build(tables, Options{Chain: "kube-ser"}); !errors.As(err, &none) || len(none.Alike) != 1 {
		t.Errorf("a chain that is not there: %v", err)
	}
}

// TestOddNames: what no XML may hold, and a terminal would obey, is spelled out.
func TestOddNames(t *testing.T) {
	table := &ruleset.Table{TableKey: ruleset.TableKey{Name: "t\x07", Family: ruleset.IP}, Chains: []*ruleset.Chain{
		chain("red\x1b[31m", nil), chain("no\xffutf8", nil), chain("a<b>&\"c\"\\", nil), chain("ümlaut", nil), chain("turned\u202e", nil),
	}}
	g, err := Build([]*ruleset.Table{table}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, picture := range map[string][]byte{"svg": g.AppendSVG(nil), "dot": g.AppendDOT(nil), "mermaid": g.AppendMermaid(nil)} {
		if bytes.ContainsAny(picture, "\x1b\a\u202e") || !utf8.Valid(picture) {
			t.Errorf("%s: %q", name, picture)
		}
		if !bytes.Contains(picture, []byte("ümlaut")) || !bytes.Contains(picture, []byte("x1b[31m")) {
			t.Errorf("%s does not name its chains: %s", name, picture)
		}
	}
	d := xml.NewDecoder(bytes.NewReader(g.AppendSVG(nil)))
	for err == nil {
		_, err = d.Token()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("no XML: %v", err)
	}
}

// TestLoop: the kernel refuses loops, files may hold them.
func TestLoop(t *testing.T) {
	table := &ruleset.Table{TableKey: ruleset.TableKey{Name: "t", Family: ruleset.IP}, Chains: []*ruleset.Chain{
		chain("a", nil, leads("1", ruleset.Jump, "b"), leads("2", ruleset.Jump, "a")),
		chain("b", nil, leads("1", ruleset.Jump, "a")),
	}}
	g, err := Build([]*ruleset.Table{table}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if svg := string(g.AppendSVG(nil)); strings.Count(svg, "<g ") != 2 || strings.Contains(svg, "NaN") {
		t.Error(svg)
	}
}

// TestOutputs holds the three languages to files; -update writes them.
func TestOutputs(t *testing.T) {
	table := services(12)
	odd := leads("o", ruleset.Jump, `odd"<name>`)
	odd.Number = 13
	table.Chains[2].Rules = append(table.Chains[2].Rules, odd)
	g, err := Build([]*ruleset.Table{table}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"services.dot": g.AppendDOT(nil), "services.mmd": g.AppendMermaid(nil), "services.svg": g.AppendSVG(nil)} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs; -update writes it again:\n%s", name, got)
		}
	}
}

// TestHooksOfLayers: a bridge's hook is another than IP's of the same name, and
// what hangs at one is drawn in the order in which the kernel asks.
func TestHooksOfLayers(t *testing.T) {
	table := func(fam ruleset.Family, chains ...*ruleset.Chain) *ruleset.Table {
		return &ruleset.Table{TableKey: ruleset.TableKey{Backend: ruleset.NFT, Family: fam, Name: "t"}, Dialect: ruleset.Nftables, Chains: chains}
	}
	g, err := Build([]*ruleset.Table{
		table(ruleset.IP, chain("filter", &ruleset.Base{Hook: ruleset.Prerouting, Priority: -50, Type: "filter"}),
			chain("nat", &ruleset.Base{Hook: ruleset.Prerouting, Priority: 5, Type: "nat"})),
		table(ruleset.Bridge, chain("frames", &ruleset.Base{Hook: ruleset.Prerouting, Type: "filter"})),
		table(ruleset.ARP, chain("arp", &ruleset.Base{Hook: ruleset.Input, Type: "filter"})),
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range g.Edges {
		got = append(got, g.Nodes[e.From].Name+": "+g.Nodes[e.To].Name)
	}
	want := "bridge prerouting: frames, arp input: arp, prerouting: nat, prerouting: filter"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
}
