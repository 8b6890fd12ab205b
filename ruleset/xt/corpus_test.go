package xt

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/ruleset"
)

func saves(t *testing.T) []string {
	t.Helper()
	dir := corpus.Path(t)
	var files []string
	for _, pattern := range []string{
		"rulesets_real/*/*.legacy-save", "rulesets_real/*/*.nft-save", "k8s/*save.txt", "k8s/*save.txt.gz",
	} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no file fits %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

func contents(t *testing.T, path string) []byte {
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

// byChain sorts the lines of a listing under table and chain without the parser.
func byChain(listing string) map[string][]string {
	rules := map[string][]string{}
	table := ""
	for line := range strings.SplitSeq(listing, "\n") {
		if strings.HasPrefix(line, "*") {
			table = line[1:]
		}
		if strings.HasPrefix(line, "[") {
			_, line, _ = strings.Cut(line, "] ")
		}
		if strings.HasPrefix(line, "-A ") {
			key := table + " " + strings.Fields(line)[1]
			rules[key] = append(rules[key], line)
		}
	}
	return rules
}

// familyOf guesses a listing's family by the addresses in it, as only effects need it.
func familyOf(path string) ruleset.Family {
	if strings.Contains(filepath.Base(path), "ip6") {
		return ruleset.IP6
	}
	return ruleset.IP
}

func TestCorpusEveryRuleIsThereByteForByte(t *testing.T) {
	files, rules, unknown := 0, 0, map[string]int{}
	for _, path := range saves(t) {
		listing := contents(t, path)
		tables, err := ParseSave(bytes.NewReader(listing), familyOf(path), ruleset.Legacy)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		got := map[string][]string{}
		for _, table := range tables {
			for _, ch := range table.Chains {
				for i, r := range ch.Rules {
					if r.Number != i+1 || !r.Effect.Known {
						t.Errorf("%s: %s %s: rule %d is %+v", path, table.Name, ch.Name, i+1, r)
					}
					if r.Effect.Verdict == ruleset.Unknown {
						unknown[r.Effect.Target]++
					}
					key := table.Name + " " + ch.Name
					got[key] = append(got[key], r.Text)
					rules++
				}
			}
		}
		if want := byChain(string(listing)); !maps.EqualFunc(want, got, slices.Equal) {
			t.Errorf("%s: rules differ (-file +parsed):\n%.2000s", path, cmp.Diff(want, got))
		}
		files++
	}
	t.Logf("%d files, %d rules, targets with an unknown verdict: %v", files, rules, unknown)
}
