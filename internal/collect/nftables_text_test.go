package collect

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// textList reads a text as rules, without a kernel, and prints them.
func textList(text, name string, style *nft.Style) (string, error) {
	none := func(string) ([]nft.Included, error) { return nil, nil }
	n, err := nft.ParseIncluding(strings.NewReader(text), name, none)
	return unexpiring(string(n.AppendList(nil, style))), err
}

// unexpiring leaves out how long elements still have, which a text does not say.
func unexpiring(s string) string { return strings.ReplaceAll(withoutTimes(s), " expires T", "") }

// listed is what nft prints of what is loaded.
func listed(t *testing.T, ns *netns.NS) string {
	t.Helper()
	text, stderr, err := tryRun(ns, "", "nft", "list", "ruleset")
	if err != nil {
		t.Logf("nft list ruleset: %v: %s", err, stderr)
		return ""
	}
	return unexpiring(text)
}

// TestTextOfRulesets: what people wrote, read as text, is what nft lists once it
// has loaded it; and so is that listing.
func TestTextOfRulesets(t *testing.T) {
	dir, files := realListings(t)
	ns := newNS(t)
	style := nftStyle(t, ns)
	s := corpus.NewScore(t, "testdata/nft-text.differ")
	for _, path := range corpus.Some(files, 30) {
		id, _ := filepath.Rel(filepath.Join(dir, "rulesets_real"), strings.TrimSuffix(path, ".nft-list"))
		source := filepath.Join(dir, "rulesets", id)
		text, err := os.ReadFile(source)
		run(t, ns, "", "nft", "flush", "ruleset")
		if err != nil || !loadNFT(ns, source) {
			continue
		}
		want := listed(t, ns)
		got, err := textList(string(text), id, style)
		s.Add(id, err == nil && got == want, func() string { return fmt.Sprint(err, corpus.FirstDifference(got, want)) })
		again, err := textList(want, id, style)
		s.Add(id+" listed", err == nil && again == want, func() string { return fmt.Sprint(err, corpus.FirstDifference(again, want)) })
	}
	s.End(99)
}

// TestTextOfRules does the same for the rules of nftables' own tests.
func TestTextOfRules(t *testing.T) {
	ns := newNS(t)
	style := nftStyle(t, ns)
	s := corpus.NewScore(t, "testdata/nft-text.differ")
	for _, one := range corpus.Some(allSuites(t), 20) {
		run(t, ns, "", "nft", "flush", "ruleset")
		script := one.commands()
		if !loadLines(ns, script) {
			continue
		}
		want := listed(t, ns)
		got, err := textList(strings.Join(script, "\n"), one.id, style)
		if err != nil {
			t.Logf("%s: %v", one.id, err)
		}
		compareRules(s, one.id, got, want)
	}
	s.End(95)
}
