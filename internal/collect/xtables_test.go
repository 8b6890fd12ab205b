package collect

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// corpusFile is a file of the recorded corpus.
func corpusFile(t testing.TB, elem ...string) string {
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
	return filepath.Join(append([]string{dir}, elem...)...)
}

// sample picks cases by a fixed seed, or all of them where PKTRAIL_WHOLE is set.
func sample[T any](all []T, n int) []T {
	if os.Getenv("PKTRAIL_WHOLE") != "" || len(all) <= n {
		return all
	}
	all = slices.Clone(all)
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

// differing reads a list of cases that print otherwise than the reference: an
// id and a reason, with a tab between them.
func differing(t *testing.T, path string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if id, why, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			known[id] = why
		}
	}
	return known
}

func legacyTool(fam ruleset.Family, what string) string {
	if fam == ruleset.IP6 {
		return "ip6tables-legacy-" + what
	}
	return "iptables-legacy-" + what
}

// restore loads a listing and reports what the tool complained of.
func restore(ns *netns.NS, fam ruleset.Family, listing string) error {
	return ns.Do(func() error {
		cmd := exec.Command(legacyTool(fam, "restore"))
		cmd.Stdin = strings.NewReader(listing)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// native is what we read and print of the legacy tables.
func native(t testing.TB, ns *netns.NS, fam ruleset.Family, counters bool) string {
	t.Helper()
	tables, err := New(ns, Options{}).XTables(fam)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, table := range tables {
		text = table.AppendSave(text, counters)
	}
	return string(text)
}

// withoutComments takes the lines away that name tool and time.
func withoutComments(listing string) string {
	var kept strings.Builder
	for line := range strings.Lines(listing) {
		if !strings.HasPrefix(line, "#") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestXTables(t *testing.T) {
	ns := newNS(t)
	if tables, err := New(ns, Options{}).XTables(ruleset.IP); err != nil || len(tables) != 0 {
		t.Fatalf("%d tables in an empty namespace, %v", len(tables), err)
	}
	if names, err := os.ReadFile("/proc/self/net/ip_tables_names"); err == nil && len(names) > 0 {
		t.Logf("this namespace has %q", names)
	}
	listing := "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:b - [0:0]\n:a - [0:0]\n" +
		"-A INPUT -s 10.0.0.0/8 ! -i eth+ -p tcp -m tcp --dport 1:9 -m comment --comment \"it's\" -j a\n" +
		"[3:180] -A INPUT -f -g b\n-A a -p 250 -j REJECT --reject-with tcp-reset\n-A a\n-A b -j RETURN\nCOMMIT\n"
	listing = strings.Replace(listing, "--reject-with tcp-reset", "--reject-with icmp-admin-prohibited", 1)
	if err := restore(ns, ruleset.IP, listing); err != nil {
		t.Fatal(err)
	}
	for _, counters := range []bool{false, true} {
		args := []string{"iptables-legacy-save"}
		if counters {
			args = append(args, "-c")
		}
		want := withoutComments(run(t, ns, "", args...))
		if diff := cmp.Diff(want, native(t, ns, ruleset.IP, counters)); diff != "" {
			t.Errorf("counters %v: (-iptables +ours)\n%s", counters, diff)
		}
	}
}

func TestXTablesOfRealRulesets(t *testing.T) {
	files, err := filepath.Glob(corpusFile(t, "rulesets_real", "*", "*.legacy-save"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rulesets: %v", err)
	}
	known := differing(t, "testdata/xtables_rulesets.tsv")
	same, loaded := 0, 0
	for _, file := range sample(files, 30) {
		id := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := string(b)
		fam, ns := familyOfListing(want), newNS(t)
		makeSets(t, ns, want)
		if err := restore(ns, fam, want); err != nil {
			t.Logf("%s does not load: %.300s", id, err)
			_ = ns.Close()
			continue
		}
		loaded++
		got := native(t, ns, fam, false)
		live := withoutComments(run(t, ns, "", legacyTool(fam, "save")))
		switch {
		case got == live && slices.Equal(byTable(got), byTable(want)):
			same++
		case known[id] == "":
			t.Errorf("%s: (-file +ours)\n%.3000s", id, cmp.Diff(byTable(want), byTable(got)))
		}
		_ = ns.Close()
	}
	t.Logf("%d of %d rulesets are printed as they were", same, loaded)
	if same*100 < loaded*99 {
		t.Errorf("%d of %d are less than 99 %%", same, loaded)
	}
}

// byTable cuts a listing into its tables, whose order is that of loading.
func byTable(listing string) []string {
	tables := strings.SplitAfter(listing, "COMMIT\n")
	slices.Sort(tables)
	return tables
}

// familyOfListing tells by the addresses and words of the rules, as corpus
// files have no comment.
func familyOfListing(listing string) ruleset.Family {
	for line := range strings.Lines(listing) {
		words := strings.Fields(line)
		for i, w := range words {
			if strings.HasPrefix(w, "icmp6-") || w == "ipv6-icmp" || w == "icmp6" ||
				(i > 0 && (words[i-1] == "-s" || words[i-1] == "-d") && strings.Contains(w, ":")) {
				return ruleset.IP6
			}
		}
	}
	return ruleset.IP
}

func makeSets(t *testing.T, ns *netns.NS, listing string) {
	t.Helper()
	made := map[string]bool{}
	for line := range strings.Lines(listing) {
		words := strings.Fields(line)
		for i, w := range words {
			if w == "--match-set" && !made[words[i+1]] {
				made[words[i+1]] = true
				run(t, ns, "", "ipset", "create", words[i+1], "hash:net")
			}
		}
	}
}

// ruleCase is a row of the corpus of single rules.
type ruleCase struct{ id, family, table, chain, rule, save string }

func ruleCases(t testing.TB) (cases []ruleCase) {
	f, err := os.Open(corpusFile(t, "iptables", "cases.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for in := bufio.NewScanner(f); in.Scan(); {
		c := strings.Split(in.Text(), "\t")
		if len(c) == 12 && c[9] == "OK" && (c[1] == "ip" || c[1] == "ip6") {
			cases = append(cases, ruleCase{c[0], c[1], c[2], c[3], c[4], c[11]})
		}
	}
	return cases
}

func TestXTablesOfSingleRules(t *testing.T) {
	known := differing(t, "testdata/xtables_rules.tsv")
	ns := newNS(t)
	same, loaded := 0, 0
	for _, c := range sample(ruleCases(t), 250) {
		fam := ruleset.IP
		if c.family == "ip6" {
			fam = ruleset.IP6
		}
		listing := fmt.Sprintf("*%s\n-A %s %s\nCOMMIT\n", c.table, c.chain, c.rule)
		if err := restore(ns, fam, listing); err != nil {
			t.Logf("%s does not load: %.200s", c.id, err)
			continue
		}
		loaded++
		var got string
		for line := range strings.Lines(native(t, ns, fam, false)) {
			if strings.HasPrefix(line, "-A ") {
				got += strings.TrimSuffix(line, "\n")
			}
		}
		switch {
		case got == c.save:
			same++
		case known[c.id] == "":
			t.Errorf("%s\n  want %s\n  got  %s", c.id, c.save, got)
		}
		if err := restore(ns, fam, "*"+c.table+"\nCOMMIT\n"); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d rules are printed as iptables does", same, loaded)
	if same*100 < loaded*98 {
		t.Errorf("%d of %d are less than 98 %%", same, loaded)
	}
}
