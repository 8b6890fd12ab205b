package xt

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/ruleset"
)

// typed reads the rules of a table that was read as text alone.
func typed(t *testing.T, table *ruleset.Table) *Table {
	t.Helper()
	typed := &Table{Name: table.Name, Backend: table.Backend, Family: table.Family}
	policies := map[ruleset.Verdict]Verdict{ruleset.Accept: "ACCEPT", ruleset.Drop: "DROP"}
	for _, c := range table.Chains {
		chain := &Chain{Name: c.Name, Policy: policies[c.Policy]}
		for _, r := range c.Rules {
			_, rule, _ := ParseRule(r.Text, Env{Family: table.Family})
			if rule == nil {
				t.Fatalf("%q is no rule", r.Text)
			}
			chain.Rules = append(chain.Rules, *rule)
		}
		typed.Chains = append(typed.Chains, chain)
	}
	return typed
}

// What a rule does is the same, told by its types or by its words.
func TestCorpusEffectsAreThoseOfTheText(t *testing.T) {
	seen := map[string]bool{}
	for i, path := range saves(t) {
		// Those of many services have the same few kinds of rules as those of few.
		if !corpus.Whole() && (i%4 != 0 || strings.Contains(path, "/svc1")) {
			continue
		}
		for _, s := range Sections(path, contents(t, path)) {
			tables, err := ParseSave(bytes.NewReader(s.Text), s.Family, ruleset.Legacy)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			for _, table := range tables {
				sameModel(t, path, table, seen)
			}
		}
	}
	t.Logf("%d different rules", len(seen))
}

func sameModel(t *testing.T, path string, table *ruleset.Table, seen map[string]bool) {
	t.Helper()
	for i, c := range typed(t, table).Model(true, nil).Chains {
		want := table.Chains[i]
		if !cmp.Equal(want.Base, c.Base) || want.Name != c.Name || want.Policy != c.Policy {
			t.Errorf("%s: chain %s is at %+v", path, want.Name, c.Base)
		}
		for n, r := range c.Rules {
			if seen[r.Text] {
				continue
			}
			seen[r.Text] = true
			for i := range r.When {
				wellFormed(t, r.Text, &r.When[i])
			}
			r.Effect.MarkMask = 0
			if diff := cmp.Diff(want.Rules[n].Effect, r.Effect); diff != "" {
				t.Errorf("%s: %s\n%s", path, want.Rules[n].Text, diff)
			}
		}
	}
}

func TestModel(t *testing.T) {
	_, mark, err := ParseRule("[3:180] -A OUTPUT -m mark ! --mark 0x1 -j MARK --set-xmark 0x10/0xf0", Env{Family: ruleset.IP6})
	if err != nil {
		t.Fatal(err)
	}
	mark.Handle = 7
	table := &Table{Name: "nat", Backend: ruleset.NFT, Family: ruleset.IP6, Chains: []*Chain{
		{Name: "INPUT", Policy: "DROP", Packets: 1, Bytes: 40},
		{Name: "OUTPUT", Policy: "ACCEPT", Rules: []Rule{{Target: Verdict("RETURN")}, *mark, {}}},
		{Name: "mine", Rules: []Rule{{In: Interface{Name: "eth+"}, Target: Jump{"OUT", true}}}},
	}}
	got := table.Model(false, nil)
	want := &ruleset.Table{
		TableKey: ruleset.TableKey{Backend: ruleset.NFT, Family: ruleset.IP6, Name: "nat"}, Dialect: ruleset.Iptables,
		Chains: []*ruleset.Chain{
			{
				Name: "INPUT", Policy: ruleset.Drop, PolicyCounter: &ruleset.Counter{Packets: 1, Bytes: 40},
				Base: &ruleset.Base{Hook: ruleset.Input, Priority: 100, Type: "nat"}, Rules: []ruleset.Rule{},
			},
			{
				Name: "OUTPUT", Policy: ruleset.Accept, PolicyCounter: &ruleset.Counter{},
				Base: &ruleset.Base{Hook: ruleset.Output, Priority: -100, Type: "nat"},
				Rules: []ruleset.Rule{
					{Number: 1, Text: "-A OUTPUT -j RETURN", Counter: &ruleset.Counter{}, Effect: ruleset.Effect{Known: true, Verdict: ruleset.Return, Target: "RETURN", Bare: true}},
					{
						Number: 2, Handle: 7, Text: "-A OUTPUT -m mark ! --mark 0x1 -j MARK --set-xmark 0x10/0xf0", Counter: &ruleset.Counter{Packets: 3, Bytes: 180},
						Effect: ruleset.Effect{Known: true, Verdict: ruleset.Continue, Target: "MARK", SetsMark: true, MarkMask: 0xf0, ReadsMark: true},
					},
					{Number: 3, Text: "-A OUTPUT", Counter: &ruleset.Counter{}, Effect: ruleset.Effect{Known: true, Verdict: ruleset.Continue}},
				},
			},
			{
				Name: "mine", Rules: []ruleset.Rule{
					{Number: 1, Text: "-A mine -i eth+ -g OUT", Counter: &ruleset.Counter{}, Effect: ruleset.Effect{Known: true, Verdict: ruleset.Goto, Target: "OUT"}},
				},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMarkMask(t *testing.T) {
	for options, want := range map[string]uint32{
		"MARK --set-xmark 0x3/0x0":                                   3,
		"MARK --set-xmark 0x0/0x0":                                   0,
		"CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff00":      0xffff,
		"CONNMARK --save-mark --nfmask 0xff --ctmask 0xff":           0,
		"TPROXY --on-port 1 --on-ip 127.0.0.1 --tproxy-mark 0x8/0x8": 8,
		"TPROXY --on-port 1 --on-ip 127.0.0.1 --tproxy-mark 0x0/0x0": 0,
	} {
		_, r, err := ParseRule("-A PREROUTING -j "+options, Env{Family: ruleset.IP})
		if err != nil {
			t.Fatal(err)
		}
		if e := r.Effect(ruleset.IP); e.MarkMask != want || e.SetsMark != (want != 0) {
			t.Errorf("%s: %+v", options, e)
		}
	}
}
