package nft

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
)

// corpus returns the folder of recorded rulesets.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("PKTRAIL_CORPUS")
	if dir == "" {
		dir = "../../../shared/corpus"
	}
	if _, err := os.Stat(filepath.Join(dir, "INDEX.md")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the corpus is not at %s (PKTRAIL_CORPUS)", dir)
		}
		t.Skipf("no corpus at %s (PKTRAIL_CORPUS)", dir)
	}
	return dir
}

func glob(t *testing.T, patterns ...string) []string {
	t.Helper()
	dir := corpus(t)
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no file fits %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, ".gz") {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

type chainKey struct{ family, table, chain string }

type chainFacts struct {
	Rules    int
	Hook     string
	Priority int32
	Policy   string
}

// fromJSON reads nft's own JSON listing of the same ruleset.
func fromJSON(t *testing.T, b []byte) map[chainKey]chainFacts {
	t.Helper()
	var doc struct {
		Nftables []struct {
			Chain *struct {
				Family, Table, Name, Hook, Policy string
				Prio                              int32
			}
			Rule *struct{ Family, Table, Chain string }
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	facts := map[chainKey]chainFacts{}
	for _, o := range doc.Nftables {
		switch {
		case o.Chain != nil:
			facts[chainKey{o.Chain.Family, o.Chain.Table, o.Chain.Name}] = chainFacts{0, o.Chain.Hook, o.Chain.Prio, o.Chain.Policy}
		case o.Rule != nil:
			key := chainKey{o.Rule.Family, o.Rule.Table, o.Rule.Chain}
			f := facts[key]
			f.Rules++
			facts[key] = f
		}
	}
	return facts
}

func factsOf(tables []*ruleset.Table) map[chainKey]chainFacts {
	facts := map[chainKey]chainFacts{}
	for _, table := range tables {
		for _, ch := range table.Chains {
			f := chainFacts{Rules: len(ch.Rules)}
			if ch.Base != nil {
				f.Hook, f.Priority, f.Policy = string(ch.Base.Hook), ch.Base.Priority, string(ch.Policy)
			}
			facts[chainKey{table.Family.String(), table.Name, ch.Name}] = f
		}
	}
	return facts
}

// checkTexts: every rule's text is one whole line of the listing, but for what stands around it.
func checkTexts(t *testing.T, path string, listing []byte, tables []*ruleset.Table) (rules int) {
	t.Helper()
	lines := map[string]int{}
	for line := range strings.SplitSeq(string(listing), "\n") {
		line, _, _ = strings.Cut(line, " # handle ")
		lines[strings.TrimLeft(line, " \t")]++
	}
	for _, table := range tables {
		for _, ch := range table.Chains {
			for i, r := range ch.Rules {
				rules++
				if lines[r.Text]--; lines[r.Text] < 0 || r.Number != i+1 || !r.Effect.Known {
					t.Errorf("%s: %s: rule %d is no line of the listing, or listed too often: %+v", path, ch.Name, i+1, r)
				}
			}
		}
	}
	return rules
}

func TestCorpusAgreesWithJSON(t *testing.T) {
	files, rules := 0, 0
	pairs := map[string]string{}
	for _, path := range glob(t, "rulesets_real/*/*.nft-list") {
		pairs[path] = strings.TrimSuffix(path, "-list") + "-json"
	}
	for _, path := range glob(t, "k8s/*nftables.txt", "k8s/*nftables.txt.gz", "k8s/*as-nft.txt") {
		base, _, _ := strings.Cut(path, ".txt")
		pairs[path] = base + ".json.gz"
	}
	for path, jsonPath := range pairs {
		listing := contents(t, path)
		tables, err := ParseList(bytes.NewReader(listing))
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if diff := cmp.Diff(fromJSON(t, contents(t, jsonPath)), factsOf(tables)); diff != "" {
			t.Errorf("%s differs (-json +parsed):\n%.1500s", path, diff)
		}
		rules += checkTexts(t, path, listing, tables)
		files++
	}
	t.Logf("%d files, %d rules", files, rules)
}

// TestCorpusWithHandles reads listings of iptables-nft rules, which nft gives
// handles to but no usable JSON of: each handle belongs to a table, a chain or a rule.
func TestCorpusWithHandles(t *testing.T) {
	files, rules := 0, 0
	for _, path := range glob(t, "rulesets_real/*/*.xnft-list") {
		listing := contents(t, path)
		tables, err := ParseList(bytes.NewReader(listing))
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		n := checkTexts(t, path, listing, tables)
		handles := len(tables)
		for _, table := range tables {
			handles += len(table.Chains)
			for _, ch := range table.Chains {
				for _, r := range ch.Rules {
					if r.Handle == 0 {
						t.Errorf("%s: %s: a rule without its handle: %+v", path, ch.Name, r)
					}
				}
			}
		}
		if want := bytes.Count(listing, []byte(" # handle ")); handles+n != want && n > 0 {
			t.Errorf("%s: %d handles taken of %d", path, handles+n, want)
		}
		rules += n
		files++
	}
	t.Logf("%d files, %d rules", files, rules)
}
