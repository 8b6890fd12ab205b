package collect

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset/nft"
)

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

// realListings are what nft lists on real hosts, and the corpus.
func realListings(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = corpus.Path(t)
	files, err := filepath.Glob(filepath.Join(dir, "rulesets_real/*/*.nft-list"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no listing: %v", err)
	}
	return dir, files
}

// TestCorpusNFTRulesets loads rulesets of real hosts with nft, and compares what
// is read natively with nft's own listing.
func TestCorpusNFTRulesets(t *testing.T) {
	dir, files := realListings(t)
	ns := newNS(t)
	style := nftStyle(t, ns)
	s := corpus.NewScore(t, "testdata/nft-rulesets.differ")
	unloaded := 0
	for _, path := range corpus.Some(files, 60) {
		id, _ := filepath.Rel(filepath.Join(dir, "rulesets_real"), strings.TrimSuffix(path, ".nft-list"))
		run(t, ns, "", "nft", "flush", "ruleset")
		if !loadNFT(ns, filepath.Join(dir, "rulesets", id)) && !loadNFT(ns, path) {
			unloaded++
			continue
		}
		got, want := nativeList(t, ns, style)
		s.Add(id, got == want, func() string { return corpus.FirstDifference(got, want) })
	}
	t.Logf("%d could not be loaded", unloaded)
	s.End(99)
}

func loadNFT(ns *netns.NS, path string) bool {
	_, _, err := tryRun(ns, "", "nft", "-f", path)
	return err == nil
}

// TestCorpusNFTDumps does the same for nftables' own listings.
func TestCorpusNFTDumps(t *testing.T) {
	dir := corpus.Path(t)
	files, err := filepath.Glob(filepath.Join(dir, "nftables/dumps/*/*.nft"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dump: %v", err)
	}
	ns := newNS(t)
	style := nftStyle(t, ns)
	s := corpus.NewScore(t, "testdata/nft-dumps.differ")
	for _, path := range corpus.Some(files, 60) {
		id, _ := filepath.Rel(filepath.Join(dir, "nftables/dumps"), path)
		run(t, ns, "", "nft", "flush", "ruleset")
		if !loadNFT(ns, path) {
			continue
		}
		got, want := nativeList(t, ns, style)
		s.Add(id, got == want, func() string { return corpus.FirstDifference(got, want) })
	}
	s.End(95)
}

// suite is one of nftables' own files of rules, for one of its tables.
type suite struct {
	id, setup, table, chain string
	lines                   []string
}

// commands make all of it.
func (s *suite) commands() []string {
	all := strings.Split(strings.TrimSpace(s.setup), "\n")
	for _, rule := range s.lines {
		all = append(all, "add rule "+s.table+" "+s.chain+" "+rule)
	}
	return all
}

// allSuites is every suite of nftables' own.
func allSuites(t *testing.T) (all []suite) {
	t.Helper()
	dir := corpus.Path(t)
	files, err := filepath.Glob(filepath.Join(dir, "nftables/py/*/*.t"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no suite: %v", err)
	}
	slices.Sort(files)
	for _, path := range files {
		all = append(all, readSuites(t, dir, path)...)
	}
	return all
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
	ns := newNS(t)
	style := nftStyle(t, ns)
	s := corpus.NewScore(t, "testdata/nft-rules.differ")
	for _, one := range corpus.Some(allSuites(t), 40) {
		run(t, ns, "", "nft", "flush", "ruleset")
		if !loadLines(ns, one.commands()) {
			t.Logf("%s: nothing of it can be loaded", one.id)
			continue
		}
		got, want := nativeList(t, ns, style)
		compareRules(s, one.id, got, want)
	}
	s.End(95)
}

func compareRules(s *corpus.Score, id, got, want string) {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		s.Add(id, false, func() string { return corpus.FirstDifference(got, want) })
		return
	}
	for i := range w {
		if strings.HasPrefix(w[i], "\t\t") {
			s.Add(id+" "+strconv.Itoa(i+1), g[i] == w[i], func() string { return fmt.Sprintf("\n\tgot  %s\n\twant %s", g[i], w[i]) })
		}
	}
}
