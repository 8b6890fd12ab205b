package nft

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
)

// hostStyle has the names that the hosts of the corpus had.
func hostStyle() *Style {
	return &Style{Names: Names{Groups: map[uint64]string{0: "default"}, Realms: map[uint64]string{0: "cosmos"}}}
}

// TestCorpusTextOfRulesets reads listings of real hosts as text, and prints them.
func TestCorpusTextOfRulesets(t *testing.T) {
	dir := corpus.Path(t)
	s := corpus.NewScore(t, "testdata/text-rulesets.differ")
	for _, path := range corpus.Some(glob(t, "rulesets_real/*/*.nft-list"), 80) {
		id, _ := filepath.Rel(filepath.Join(dir, "rulesets_real"), path)
		listsAs(s, id, contents(t, path))
	}
	s.End(99)
}

// TestCorpusTextOfDumps does the same for nftables' own listings.
func TestCorpusTextOfDumps(t *testing.T) {
	dir := corpus.Path(t)
	s := corpus.NewScore(t, "testdata/text-dumps.differ")
	for _, path := range corpus.Some(glob(t, "nftables/dumps/*/*.nft"), 80) {
		id, _ := filepath.Rel(filepath.Join(dir, "nftables/dumps"), path)
		listsAs(s, id, contents(t, path))
	}
	s.End(95)
}

func listsAs(s *corpus.Score, id string, listing []byte) {
	n, err := ParseRuleset(bytes.NewReader(listing), id)
	got := string(n.AppendList(nil, hostStyle()))
	s.Add(id, err == nil && got == string(listing), func() string { return fmt.Sprint(err, corpus.FirstDifference(got, string(listing))) })
}

// suite is one of nftables' own files of rules, for one of its tables.
type suite struct {
	id, setup, family string
	rules             [][2]string // as it was written, and as it is listed
}

// readSuites reads the format of nftables' tests/py: chains, tables, sets,
// objects, and rules with what they list as.
func readSuites(t *testing.T, dir, path string) (all []suite) {
	t.Helper()
	id, _ := filepath.Rel(filepath.Join(dir, "nftables/py"), path)
	var rules [][2]string
	var objects []string
	for line := range strings.Lines(string(contents(t, path))) {
		line = strings.TrimSpace(line)
		if line == "" || strings.ContainsRune("#-:", rune(line[0])) {
			continue
		}
		parts := strings.Split(line[1:], ";")
		switch line[0] {
		case '*':
			all = append(all, suite{id: id + " " + parts[0], family: parts[0]})
		case '!', '%', '?':
			objects = append(objects, line)
		default:
			rule := strings.Split(line, ";")
			switch {
			case len(rule) == 2 && rule[1] == "ok":
				rules = append(rules, [2]string{rule[0], rule[0]})
			case len(rule) > 2 && rule[1] == "ok":
				rules = append(rules, [2]string{rule[0], rule[2]})
			}
		}
	}
	for i := range all {
		all[i].rules = rules
		all[i].setup = setsOf(objects)
	}
	return all
}

// setsOf is the sets and objects of a suite, in a table.
func setsOf(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		parts := strings.Split(line[1:], ";")
		name, body, _ := strings.Cut(parts[0], " ")
		switch line[0] {
		case '!':
			if !strings.HasPrefix(body, "type") {
				continue
			}
			kind := "set"
			if strings.Contains(body, " : ") {
				kind = "map"
			}
			rest := strings.Join(parts[1:len(parts)-1], ";")
			body = strings.ReplaceAll(body, " flags ", "; flags ")
			fmt.Fprintf(&b, "%s %s { %s; %s; }\n", kind, name, body, rest)
		case '%':
			f := strings.Fields(strings.TrimPrefix(body, "type "))
			kind, rest := f[0], f[1:]
			if kind == "ct" {
				kind, rest = "ct "+f[1], f[2:]
			}
			fmt.Fprintf(&b, "%s %s { %s }\n", kind, name, strings.Join(rest, " "))
		}
	}
	return b.String()
}

var braces = regexp.MustCompile(`\{[^{}]*\}`)

// unordered is a rule with the elements of its sets sorted: nftables' own tests
// take them in any order, with blanks or without.
func unordered(rule string) string {
	rule = strings.ReplaceAll(rule, " burst 5 packets", "") // nft 1.0.6 leaves it out
	return braces.ReplaceAllStringFunc(strings.Join(strings.Fields(rule), " "), func(set string) string {
		all := strings.Split(strings.Trim(set, "{}"), ",")
		for i := range all {
			all[i] = strings.TrimSpace(all[i])
		}
		slices.Sort(all)
		return "{ " + strings.Join(all, ", ") + " }"
	})
}

// TestCorpusTextOfRules reads what nftables' own tests list, rule by rule, and
// what they write.
func TestCorpusTextOfRules(t *testing.T) {
	dir := corpus.Path(t)
	listed, written := corpus.NewScore(t, "testdata/text-rules.differ"), corpus.NewScore(t, "testdata/text-rules.differ")
	for _, path := range corpus.Some(glob(t, "nftables/py/*/*.t"), 30) {
		for _, one := range readSuites(t, dir, path) {
			for i, rule := range one.rules {
				if i > 0 && rule == one.rules[i-1] {
					continue
				}
				id := fmt.Sprintf("%s %d", one.id, i+1)
				got, err := listedRule(one, rule[1])
				listed.Add(id, err == nil && unordered(got) == unordered(rule[1]), func() string { return fmt.Sprintf("%s %v\n\tgot  %s\n\twant %s", rule[0], err, got, rule[1]) })
				got, err = listedRule(one, rule[0])
				written.Add(id, err == nil && unordered(got) == unordered(rule[1]), func() string { return fmt.Sprintf("%s %v\n\tgot  %s\n\twant %s", rule[0], err, got, rule[1]) })
			}
		}
	}
	listed.End(95)
	written.End(90)
}

func listedRule(s suite, rule string) (string, error) {
	text := "table " + s.family + " t {\n" + s.setup + "chain c {\n" + rule + "\n}\n}\n"
	n, err := ParseRuleset(strings.NewReader(text), s.id)
	if len(n.Tables) == 0 || len(n.Tables[0].Chains) == 0 || len(n.Tables[0].Chains[0].Rules) == 0 {
		return "", err
	}
	// They list without counters and with numbers of protocols, as nft -s -p does.
	style := &Style{Stateless: true, Names: Names{Protocols: map[uint64]string{}, Groups: map[uint64]string{0: "default"}}}
	return n.Tables[0].Text(n.Tables[0].Chains[0].Rules[0], style), err
}

var expires = regexp.MustCompile(` expires \w+`)

// withoutTimes: a listing says how long elements still have.
func withoutTimes(s string) string { return expires.ReplaceAllString(s, "") }

// TestCorpusTextOfSources reads what people wrote, and compares with what nft
// listed once it was loaded.
func TestCorpusTextOfSources(t *testing.T) {
	dir := corpus.Path(t)
	s := corpus.NewScore(t, "testdata/text-sources.differ")
	unread := 0
	for _, path := range corpus.Some(glob(t, "rulesets_real/*/*.nft-list"), 60) {
		id, _ := filepath.Rel(filepath.Join(dir, "rulesets_real"), strings.TrimSuffix(path, ".nft-list"))
		source, err := os.ReadFile(filepath.Join(dir, "rulesets", id))
		if err != nil {
			unread++
			continue
		}
		nothing := func(string) ([]Included, error) { return nil, nil } // as on the host that listed them
		n, err := ParseIncluding(bytes.NewReader(source), id, nothing)
		want := withoutTimes(string(contents(t, path)))
		got := withoutTimes(string(n.AppendList(nil, hostStyle())))
		s.Add(id, err == nil && got == want, func() string { return fmt.Sprint(err, corpus.FirstDifference(got, want)) })
	}
	t.Logf("%d were not found", unread)
	s.End(95)
}

// TestCorpusJSON reads nft's JSON of what a listing shows in words.
func TestCorpusJSON(t *testing.T) {
	dir := corpus.Path(t)
	s := corpus.NewScore(t, "testdata/json.differ")
	pairs := map[string]string{}
	for _, path := range glob(t, "rulesets_real/*/*.nft-list") {
		pairs[path] = strings.TrimSuffix(path, "-list") + "-json"
	}
	for _, path := range glob(t, "nftables/dumps/*/*.nft") {
		pairs[path] = strings.TrimSuffix(path, ".nft") + ".json-nft"
	}
	for _, path := range corpus.Some(slices.Sorted(maps.Keys(pairs)), 80) {
		id, _ := filepath.Rel(dir, path)
		text, err := os.ReadFile(pairs[path])
		if err != nil {
			continue
		}
		n, err := ParseJSON(bytes.NewReader(text), id)
		got, want := string(n.AppendList(nil, hostStyle())), string(contents(t, path))
		s.Add(id, err == nil && got == want, func() string { return fmt.Sprint(err, corpus.FirstDifference(got, want)) })
	}
	s.End(95)
}

// TestCorpusJSONOfRules: nftables' own tests have the JSON of each of their rules,
// which reads as the same as the rule.
func TestCorpusJSONOfRules(t *testing.T) {
	dir := corpus.Path(t)
	s := corpus.NewScore(t, "testdata/json-rules.differ")
	for _, path := range corpus.Some(glob(t, "nftables/py/*/*.t"), 30) {
		suites := readSuites(t, dir, path)
		blocks, err := os.ReadFile(path + ".json")
		if err != nil || len(suites) == 0 {
			continue
		}
		one := suites[len(suites)-1]
		for i, block := range strings.Split(string(blocks), "\n\n") {
			title, body, ok := strings.Cut(strings.TrimSpace(block), "\n")
			rule, titled := strings.CutPrefix(title, "# ")
			if !ok || !titled {
				continue
			}
			want, err := listedRule(one, rule)
			if err != nil {
				continue
			}
			got, err := jsonRule(one.family, body)
			s.Add(fmt.Sprintf("%s %d", one.id, i+1), err == nil && unordered(got) == unordered(want),
				func() string { return fmt.Sprintf("%s %v\n\tgot  %s\n\twant %s", rule, err, got, want) })
		}
	}
	s.End(95)
}

func jsonRule(family, exprs string) (string, error) {
	text := fmt.Sprintf(`{"nftables": [{"table": {"family": "%[1]s", "name": "t"}}, {"chain": {"family": "%[1]s", "table": "t", "name": "c"}},
		{"rule": {"family": "%[1]s", "table": "t", "chain": "c", "expr": %[2]s}}]}`, family, exprs)
	n, err := ParseJSON(strings.NewReader(text), "rule")
	if len(n.Tables) == 0 || len(n.Tables[0].Chains) == 0 || len(n.Tables[0].Chains[0].Rules) == 0 {
		return "", err
	}
	style := &Style{Stateless: true, Names: Names{Protocols: map[uint64]string{}, Groups: map[uint64]string{0: "default"}}}
	return n.Tables[0].Text(n.Tables[0].Chains[0].Rules[0], style), err
}
