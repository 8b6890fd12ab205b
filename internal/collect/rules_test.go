package collect

import (
	"context"
	"errors"
	"testing"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// TestRules reads all back ends at once, and leaves the namespace as it was.
func TestRules(t *testing.T) {
	ns := newNS(t)
	threeWorlds(t, ns)
	host, err := New(ns).Rules(context.Background())
	if err != nil || len(host.Doubts) != 0 || host.ReadAt.IsZero() || host.Name != ns.Name {
		t.Fatalf("%+v, %v", host, err)
	}
	if len(host.Legacy) != 1 || host.Legacy[0].Name != "mangle" || host.Legacy[0].Family != ruleset.IP {
		t.Errorf("legacy tables %+v", host.Legacy)
	}
	if len(host.NFT.Tables) != 3 || host.NFT.Generation == 0 {
		t.Errorf("%d tables of nf_tables at generation %d", len(host.NFT.Tables), host.NFT.Generation)
	}
	if listed := run(t, ns, "", "cat", "/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"); listed != "mangle\n" {
		t.Errorf("tables appeared by looking: %q", listed)
	}
}

// TestRulesOfNothing: a namespace without rules has no rules, and no doubts.
func TestRulesOfNothing(t *testing.T) {
	host, err := New(newNS(t)).Rules(context.Background())
	if err != nil || len(host.Legacy) != 0 || host.NFT == nil || len(host.NFT.Tables) != 0 || len(host.Doubts) != 0 {
		t.Errorf("%+v, %v", host, err)
	}
}

func TestRulesEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(newNS(t)).Rules(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestRulesNames: what was read prints as nft prints it, with the host's names.
func TestRulesNames(t *testing.T) {
	ns := newNS(t)
	run(t, ns, "table inet t {\n chain c {\n  iif lo rt classid cosmos accept\n  meta iifgroup default meta l4proto sctp drop\n }\n}\n", "nft", "-f", "-")
	host, err := New(ns).Rules(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(host.NFT.AppendList(nil, &nft.Style{Names: host.NFTNames})), run(t, ns, "", "nft", "list", "ruleset"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if name := host.NFTNames.Program(1); name != "unknown" {
		t.Errorf("port 1 is %q", name)
	}
	if path := host.NFTNames.Cgroup(1 << 60); path != "" {
		t.Errorf("a cgroup at %q", path)
	}
}
