package nft

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

// modelled reads a listing and models its tables.
func modelled(t *testing.T, file, text string) (tables []*ruleset.Table) {
	t.Helper()
	n, err := ParseRuleset(strings.NewReader(text), file)
	if err != nil {
		t.Error(err)
	}
	for _, table := range n.Tables {
		tables = append(tables, table.Model(&Style{Handles: true}, false))
	}
	return tables
}

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
		ip saddr { 10.1.0.0/16, 10.3.0.0/16,
			   10.5.0.0/16 } accept # handle 11
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

// TestModelOfListing: places and texts of a listing's rules.
func TestModelOfListing(t *testing.T) {
	tables := modelled(t, "listing", listing)
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
		{3, 11, "ip saddr { 10.1.0.0/16, 10.3.0.0/16, 10.5.0.0/16 } accept"},
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
