package collect

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// corpus returns the folder of recorded rulesets.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("PKTRAIL_CORPUS")
	if dir == "" {
		dir = "../../../shared/corpus"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "INDEX.md")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the corpus is not at %s (PKTRAIL_CORPUS)", dir)
		}
		t.Skipf("no corpus at %s (PKTRAIL_CORPUS)", dir)
	}
	return dir
}

// wholeCorpus: PKTRAIL_WHOLE=1 runs every case, else a sample by a fixed seed.
func wholeCorpus() bool { return os.Getenv("PKTRAIL_WHOLE") != "" }

func someOf[T any](all []T, n int) []T {
	if wholeCorpus() || len(all) <= n {
		return all
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

// tryRun runs a program in the namespace.
func tryRun(ns *netns.NS, stdin string, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	err = ns.Do(func() error {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
		return cmd.Run()
	})
	return out.String(), errs.String(), err
}

// nftStyle names interfaces as the namespace does.
func nftStyle(t testing.TB, ns *netns.NS) *nft.Style {
	t.Helper()
	links := map[uint32]string{}
	if err := ns.Do(func() error {
		all, err := net.Interfaces()
		for _, l := range all {
			links[uint32(l.Index)] = l.Name
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return &nft.Style{Names: nft.Names{
		Link:   func(i uint32) string { return links[i] },
		Groups: map[uint64]string{0: "default"}, Realms: map[uint64]string{0: "cosmos"},
	}}
}

// nativeList reads and prints, and what nft prints.
func nativeList(t testing.TB, ns *netns.NS, style *nft.Style) (got, want string) {
	t.Helper()
	args := []string{"nft"}
	if style.Handles {
		args = append(args, "-a")
	}
	if style.Stateless {
		args = append(args, "-s")
	}
	want, stderr, err := tryRun(ns, "", append(args, "list", "ruleset")...)
	if err != nil {
		t.Logf("nft list ruleset: %v: %s", err, stderr)
		return "", ""
	}
	native, err := New(ns).NFTables()
	if err != nil {
		t.Fatal(err)
	}
	return withoutTimes(string(native.AppendList(nil, style))), withoutTimes(want)
}

var expires = regexp.MustCompile(` expires \w+`)

// withoutTimes: between two listings time goes on.
func withoutTimes(s string) string { return expires.ReplaceAllString(s, " expires T") }

// firstDifference is the first line that is not the same in both.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n\tgot  %.300s\n\twant %.300s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// score compares results with the list of those that are known to differ.
type score struct {
	t            *testing.T
	known        map[string]string
	passed, seen int
}

func newScore(t *testing.T, file string) *score {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &score{t: t, known: map[string]string{}}
	for line := range strings.Lines(string(b)) {
		if id, reason, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(id, "#") {
			s.known[id] = reason
		}
	}
	return s
}

func (s *score) add(id string, same bool, difference func() string) {
	s.seen++
	switch reason := s.known[id]; {
	case same:
		s.passed++
		if reason != "" {
			s.t.Logf("%s is listed as differing (%s) and does not", id, reason)
		}
	case reason == "":
		s.t.Errorf("%s differs: %s", id, difference())
	}
}

// end wants at least the percentage to be equal.
func (s *score) end(percent float64) {
	s.t.Helper()
	got := 100 * float64(s.passed) / float64(max(s.seen, 1))
	s.t.Logf("%d of %d listings are equal (%.2f %%)", s.passed, s.seen, got)
	if wholeCorpus() && got < percent {
		s.t.Errorf("%.2f %% are equal, want %v", got, percent)
	}
}

// TestCorpusNFTRulesets loads rulesets of real hosts with nft, and compares what
// is read natively with nft's own listing.
func TestCorpusNFTRulesets(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "rulesets_real/*/*.nft-list"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no listing: %v", err)
	}
	ns := newNS(t)
	style := nftStyle(t, ns)
	s := newScore(t, "testdata/nft-rulesets.differ")
	unloaded := 0
	for _, path := range someOf(files, 60) {
		id, _ := filepath.Rel(filepath.Join(dir, "rulesets_real"), strings.TrimSuffix(path, ".nft-list"))
		run(t, ns, "", "nft", "flush", "ruleset")
		if !loadNFT(ns, filepath.Join(dir, "rulesets", id)) && !loadNFT(ns, path) {
			unloaded++
			continue
		}
		got, want := nativeList(t, ns, style)
		s.add(id, got == want, func() string { return firstDifference(got, want) })
	}
	t.Logf("%d could not be loaded", unloaded)
	s.end(99)
}

func loadNFT(ns *netns.NS, path string) bool {
	_, _, err := tryRun(ns, "", "nft", "-f", path)
	return err == nil
}

// TestCorpusNFTDumps does the same for nftables' own listings.
func TestCorpusNFTDumps(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "nftables/dumps/*/*.nft"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dump: %v", err)
	}
	ns := newNS(t)
	style := nftStyle(t, ns)
	s := newScore(t, "testdata/nft-dumps.differ")
	for _, path := range someOf(files, 60) {
		id, _ := filepath.Rel(filepath.Join(dir, "nftables/dumps"), path)
		run(t, ns, "", "nft", "flush", "ruleset")
		if !loadNFT(ns, path) {
			continue
		}
		got, want := nativeList(t, ns, style)
		s.add(id, got == want, func() string { return firstDifference(got, want) })
	}
	s.end(95)
}

// suite is one of nftables' own files of rules, for one of its tables.
type suite struct {
	id, setup, table, chain string
	lines                   []string
}

// readSuites reads the format of nftables' tests/py: chains, tables, sets,
// objects, and rules with what they list as.
func readSuites(t *testing.T, dir, path string) (all []suite) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	chains := map[string]string{}
	var tables [][]string
	var lines, objects []string
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.ContainsRune("#-", rune(line[0])) {
			continue
		}
		parts := strings.Split(line[1:], ";")
		switch line[0] {
		case ':':
			chains[parts[0]] = strings.Join(parts[1:], ";")
		case '*':
			tables = append(tables, parts)
		case '!', '?', '%':
			objects = append(objects, line)
		default:
			if rule := strings.Split(line, ";"); len(rule) > 1 && rule[1] == "ok" {
				lines = append(lines, rule[0])
			}
		}
	}
	id, _ := filepath.Rel(filepath.Join(dir, "nftables/py"), path)
	for _, table := range tables {
		if len(table) < 3 {
			continue
		}
		name := table[0] + " " + table[1]
		chain := strings.Split(table[2], ",")[0]
		setup := "add table " + name + "\n" + fmt.Sprintf("add chain %s %s { %s ; }\n", name, chain, chains[chain])
		all = append(all, suite{id + " " + table[0], setup + setsOf(name, objects), name, chain, lines})
	}
	return all
}

// setsOf is the commands that make a suite's sets, elements and objects.
func setsOf(table string, lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		parts := strings.Split(line[1:], ";")
		switch line[0] {
		case '!':
			if len(parts) < 2 {
				continue
			}
			kind, name, body := "set", parts[0], strings.Join(parts[:len(parts)-1], ";")
			if i := strings.IndexByte(body, ' '); i > 0 {
				name, body = body[:i], body[i+1:]
			}
			if strings.HasPrefix(body, "typeof ") || strings.HasPrefix(body, "type ") {
				if strings.Contains(body, " : ") {
					kind = "map"
				}
				fmt.Fprintf(&b, "add %s %s %s { %s; }\n", kind, table, name, body)
			}
		case '?':
			if i := strings.IndexByte(parts[0], ' '); i > 0 {
				fmt.Fprintf(&b, "add element %s %s { %s }\n", table, parts[0][:i], parts[0][i+1:])
			}
		case '%':
			name, body, _ := strings.Cut(parts[0], " ")
			fields := strings.Fields(strings.TrimPrefix(body, "type "))
			if len(fields) == 0 {
				continue
			}
			kind := fields[0]
			rest := strings.Join(fields[1:], " ")
			if kind == "ct" && len(fields) > 1 {
				kind, rest = "ct "+fields[1], strings.Join(fields[2:], " ")
			}
			fmt.Fprintf(&b, "add %s %s %s %s\n", kind, table, name, rest)
		}
	}
	return b.String()
}

var errorLine = regexp.MustCompile(`(?m)^/dev/stdin:(\d+):`)

// loadLines loads what of the commands nft takes.
func loadLines(ns *netns.NS, script []string) (loaded bool) {
	for range 40 {
		_, stderr, err := tryRun(ns, strings.Join(script, "\n")+"\n", "nft", "-f", "/dev/stdin")
		if err == nil {
			return true
		}
		bad := errorLine.FindAllStringSubmatch(stderr, -1)
		if bad == nil {
			return false
		}
		for _, m := range bad {
			if n, _ := strconv.Atoi(m[1]); n >= 1 && n <= len(script) {
				script[n-1] = ""
			}
		}
	}
	return false
}

// TestCorpusNFTRules loads the rules of nftables' own tests, and compares rule by rule.
func TestCorpusNFTRules(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "nftables/py/*/*.t"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no suite: %v", err)
	}
	slices.Sort(files)
	ns := newNS(t)
	style := nftStyle(t, ns)
	var suites []suite
	for _, path := range files {
		suites = append(suites, readSuites(t, dir, path)...)
	}
	s := newScore(t, "testdata/nft-rules.differ")
	for _, one := range someOf(suites, 40) {
		run(t, ns, "", "nft", "flush", "ruleset")
		script := strings.Split(strings.TrimSpace(one.setup), "\n")
		for _, rule := range one.lines {
			script = append(script, "add rule "+one.table+" "+one.chain+" "+rule)
		}
		if !loadLines(ns, script) {
			t.Logf("%s: nothing of it can be loaded", one.id)
			continue
		}
		got, want := nativeList(t, ns, style)
		compareRules(s, one.id, got, want)
	}
	s.end(95)
}

func compareRules(s *score, id, got, want string) {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		s.add(id, false, func() string { return firstDifference(got, want) })
		return
	}
	for i := range w {
		if strings.HasPrefix(w[i], "\t\t") {
			s.add(id+" "+strconv.Itoa(i+1), g[i] == w[i], func() string { return fmt.Sprintf("\n\tgot  %s\n\twant %s", g[i], w[i]) })
		}
	}
}
