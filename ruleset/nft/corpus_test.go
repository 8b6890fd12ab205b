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

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/ruleset"
)

func glob(t *testing.T, patterns ...string) []string {
	t.Helper()
	dir := corpus.Path(t)
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

func TestCorpusAgreesWithJSON(t *testing.T) {
	files := 0
	pairs := map[string]string{}
	for _, path := range glob(t, "rulesets_real/*/*.nft-list") {
		pairs[path] = strings.TrimSuffix(path, "-list") + "-json"
	}
	for _, path := range glob(t, "k8s/*nftables.txt", "k8s/*nftables.txt.gz", "k8s/*as-nft.txt") {
		base, _, _ := strings.Cut(path, ".txt")
		pairs[path] = base + ".json.gz"
	}
	for path, jsonPath := range pairs {
		tables := modelled(t, path, string(contents(t, path)))
		if diff := cmp.Diff(fromJSON(t, contents(t, jsonPath)), factsOf(tables)); diff != "" {
			t.Errorf("%s differs (-json +parsed):\n%.1500s", path, diff)
		}
		files++
	}
	t.Logf("%d files", files)
}
