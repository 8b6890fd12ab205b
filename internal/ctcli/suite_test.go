package ctcli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/netns"
)

// suiteCases is how many cases the suite of conntrack's own has.
const suiteCases = 188

// suiteCase is commands of which each is told what the one before it printed.
type suiteCase struct {
	name   string
	script string // of the shell
	ok     bool   // exit status 0 is wanted
}

// suite reads a file of cases: `ARGS ; OK` or `BAD` ends a case, `ARGS ; |script`
// hands the output on through sed, and `TEXT ;` is a line for the next command to read.
func suite(t testing.TB, path string) (cases []suiteCase) {
	t.Helper()
	var script strings.Builder
	var input []string
	for i, line := range readLines(t, path) {
		if line == "" || line[0] == '#' || line[0] == ' ' {
			continue
		}
		args, rest, found := strings.Cut(line, ";")
		if !found {
			t.Fatalf("%s:%d: no ; in %q", path, i+1, line)
		}
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			input = append(input, args)
			continue
		}
		if len(input) > 0 {
			script.WriteString("echo \"" + strings.Join(input, "\n") + "\" | ")
			input = nil
		}
		script.WriteString("conntrack " + args)
		if rest[0] == '|' {
			script.WriteString(" | ")
			if sed := strings.TrimSpace(rest[1:]); sed != "" {
				script.WriteString("sed \"" + sed + "\" | ")
			}
			continue
		}
		cases = append(cases, suiteCase{name: filepath.Base(path) + ": " + line, script: script.String(), ok: rest[0] == 'O'})
		script.Reset()
	}
	return cases
}

// TestSuite runs conntrack's own suite with both, each in its namespace: what the
// case wants, and the same status, output and messages.
func TestSuite(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(corpus.Path(t), "conntrack-testsuite", "[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	w := newTwin(t)
	real, ours := calledConntrack(t, w.tool), calledConntrack(t, "/proc/self/exe")
	count := 0
	for _, path := range paths {
		for _, c := range suite(t, path) {
			count++
			want := normal(shell(t, w.real, real, c.script))
			got := normal(shell(t, w.ours, ours, c.script))
			if d := cmp.Diff(want, got); d != "" || (got.Status == 0) != c.ok {
				t.Errorf("%s: %s\nstatus %d\n%s", c.name, c.script, got.Status, d)
			}
		}
	}
	if count != suiteCases {
		t.Errorf("%d cases in the suite, want %d", count, suiteCases)
	}
}

// calledConntrack is a folder in which the program has that name.
func calledConntrack(t testing.TB, program string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(program)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "conntrack")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shell runs a script that finds conntrack in dir.
func shell(t testing.TB, ns *netns.NS, dir, script string) result {
	t.Helper()
	return run(t, ns, "/bin/sh", "", "-c", "PATH="+dir+":$PATH; "+script)
}
