package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// called is a host of which the kernel told what it calls at the hook forward.
func called(t *testing.T, calls ...rules.Call) *rules.Host {
	h := files(t, "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A FORWARD -s 10.0.0.1 -j DROP\nCOMMIT\n",
		"table ip one {\n\tchain a {\n\t\ttype filter hook forward priority filter; policy accept;\n\t}\n\tchain b {\n\t\ttype filter hook forward priority filter; policy accept;\n\t}\n}\n"+
			"table inet two {\n\tchain c {\n\t\ttype filter hook forward priority filter; policy accept;\n\t}\n}\n")
	for i := range calls {
		calls[i].Family, calls[i].Hook, calls[i].Place = ruleset.IP, ruleset.Forward, i+1
	}
	h.Calls = calls
	return h
}

func chainCall(fam ruleset.Family, table, chain string) rules.Call {
	return rules.Call{Function: "nft_do_chain_ipv4", Table: ruleset.TableKey{Backend: ruleset.NFT, Family: fam, Name: table}, Chain: chain}
}

// order is the forward hook, a word for each chain and in brackets for each other call.
func order(h *rules.Host) string {
	l := rules.Arrange(h.Tables(false))
	l.Between(h.Calls)
	var words []string
	add := func(calls []rules.Call) {
		for _, c := range calls {
			words = append(words, "("+c.Function+")")
		}
	}
	for _, p := range l.Places {
		if p.Chain.Base.Hook != ruleset.Forward {
			continue
		}
		add(p.Before)
		word := p.Chain.Name
		if p.Tied {
			word += "?"
		}
		words = append(words, word)
		add(p.Behind)
	}
	return strings.Join(words, " ")
}

func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name  string
		calls []rules.Call
		want  string
	}{
		{"not known", nil, "FORWARD? b? a? c?"},
		{"told", []rules.Call{
			{Priority: -225, Function: "selinux_ip_forward"}, chainCall(ruleset.Inet, "two", "c"), {Function: "ipt_do_table", Module: "ip_tables"},
			{Function: "between"}, chainCall(ruleset.IP, "one", "b"), chainCall(ruleset.IP, "one", "a"), {Priority: 300, Function: "helper"},
		}, "(selinux_ip_forward) c FORWARD (between) b a (helper)"},
		{"before Linux 5.16", []rules.Call{
			chainCall(ruleset.IP, "one", "a"), {Function: "iptable_filter_hook"}, chainCall(ruleset.Inet, "two", "c"), chainCall(ruleset.IP, "one", "b"),
		}, "a FORWARD c b"},
		{"of another priority", []rules.Call{{Priority: 5, Function: "ipt_do_table"}}, "FORWARD? b? a? c?"},
	} {
		if diff := cmp.Diff(c.want, order(called(t, c.calls...))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestCallsContradict: whatever is told, no chain is lost.
func TestCallsContradict(t *testing.T) {
	h := called(t, chainCall(ruleset.IP, "one", "a"), chainCall(ruleset.IP, "one", "b"), chainCall(ruleset.Inet, "two", "c"))
	tables := h.Tables(false)
	for n, t := range tables {
		for i, ch := range t.Chains {
			if ch.Base != nil {
				ch.Base.Called = map[ruleset.Family]int{ruleset.Family(2 + n): i + 1, ruleset.Family(3 + n%2): 3 - i}
			}
		}
	}
	if got := fmt.Sprint(len(rules.Stops(tables))); got != "6" {
		t.Errorf("%s stops of 6", got)
	}
}
