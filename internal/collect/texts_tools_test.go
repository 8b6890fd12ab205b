package collect

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// TestTextsAsTools: texts and what rules do are as told by what the tools print.
func TestTextsAsTools(t *testing.T) {
	ns := newNS(t)
	threeWorlds(t, ns)
	compareWithTools(t, ns, "three worlds")
	files, err := filepath.Glob(corpus.Path(t, "rulesets_real/*/*.nft-list"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no ruleset: %v", err)
	}
	for _, path := range corpus.Some(files, 12) {
		run(t, ns, "", "nft", "flush", "ruleset")
		if loadNFT(ns, path) {
			compareWithTools(t, ns, path)
		}
	}
}

func compareWithTools(t *testing.T, ns *netns.NS, what string) {
	t.Helper()
	for _, table := range texts(t, New(ns)).Tables {
		if table.NoText != "" {
			t.Errorf("%s: %+v: %s", what, table.TableKey, table.NoText)
		}
		if table.Family == ruleset.Bridge && table.Dialect == ruleset.Iptables {
			continue // of ebtables-nft, whose listing has a form of its own
		}
		want, reads := listedByTool(t, ns, table)
		if !reads {
			continue
		}
		if want == nil {
			t.Errorf("%s: no tool lists %+v", what, table.TableKey)
			continue
		}
		for _, ch := range table.Chains {
			if len(ch.Rules) == 0 && want.Chain(ch.Name) == nil {
				continue
			}
			ignored := cmpopts.IgnoreFields(ruleset.Rule{}, "Handle", "Counter", "When", "Known")
			if diff := cmp.Diff(want.Chain(ch.Name).Rules, ch.Rules, ignored, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(ruleset.Effect{}, "MarkMask", "Rewrites")); diff != "" {
				t.Errorf("%s: %+v chain %s: %s", what, table.TableKey, ch.Name, diff)
			}
		}
	}
}

// listedByTool is the table as read from what the tool of its dialect prints.
// It reports false for a table that iptables before 1.8.11 cannot read: since
// then MARK is nft's own statement.
func listedByTool(t *testing.T, ns *netns.NS, table *ruleset.Table) (listed *ruleset.Table, reads bool) {
	t.Helper()
	var tables []*ruleset.Table
	var err error
	if table.Dialect == ruleset.Iptables {
		tool := "iptables-" + string(table.Backend) + "-save"
		if table.Family == ruleset.IP6 {
			tool = "ip6" + strings.TrimPrefix(tool, "ip")
		}
		saved, complaint, failed := tryRun(ns, "", tool, "-t", table.Name)
		if strings.Contains(complaint, "meta sreg key not supported") {
			return nil, false
		}
		if failed != nil {
			t.Fatalf("%s: %v: %s", tool, failed, complaint)
		}
		tables, err = xt.ParseSave(strings.NewReader(saved), table.Family, table.Backend)
	} else {
		var n *nft.Native
		n, err = nft.ParseRuleset(strings.NewReader(run(t, ns, "", "nft", "-s", "-t", "-a", "list", "table", table.Family.String(), table.Name)), "nft")
		tables = []*ruleset.Table{n.Tables[0].Model(&nft.Style{Stateless: true, Handles: true}, false)}
	}
	if err != nil {
		t.Error(err)
	}
	return find(tables, table.Backend, table.Family, table.Name), true
}
