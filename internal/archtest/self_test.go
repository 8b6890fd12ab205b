package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEachRuleCanFail breaks every rule once in a small made-up module.
func TestEachRuleCanFail(t *testing.T) {
	table := []place{
		{path: "noun", pure: true, why: "a value"},
		{path: "stage", ours: []string{"noun"}, beside: []string{"net"}, pure: true, why: "a function of values"},
		{path: "edge", ours: []string{"stage", "noun"}, beside: []string{xsys}, why: "the edge"},
		{path: "cmd/it", ours: []string{anything}, beside: []string{cobra}, why: "flags"},
	}
	rules := []ban{
		{path: "os/exec", only: []string{"edge"}, tests: true, why: "starts programs"},
		{path: "k8s.io/...", only: []string{"edge"}, why: "knows Kubernetes"},
		{path: "log/...", why: "nobody logs"},
	}
	sound := func() []pkg {
		return []pkg{
			{path: "noun", name: "noun", doc: "Package noun is a value.", imports: []string{"fmt"}},
			{path: "stage", name: "stage", doc: "Package stage does.", imports: []string{module + "/noun", "net"}},
			{path: "edge", name: "edge", doc: "Package edge asks.", imports: []string{module + "/stage", "os", "os/exec", xsys}},
			{path: "cmd/it", name: "main", doc: "Command it runs.", imports: []string{module + "/edge", cobra}},
		}
	}
	if wrong := check(sound(), table, rules); len(wrong) > 0 {
		t.Fatalf("a sound module: %q", wrong)
	}
	for name, c := range map[string]struct {
		spoil func([]pkg) []pkg
		want  string
	}{
		"a noun imports a stage":       {adds(0, module+"/stage"), "noun: imports " + module + "/stage: it may not (a value)"},
		"a stage imports the edge":     {adds(1, module+"/edge"), "stage: imports " + module + "/edge: it may not"},
		"a pure package asks the host": {adds(1, "os"), "stage: imports os: it is pure"},
		"another module":               {adds(2, "example.org/x"), "edge: imports example.org/x: no other module"},
		"a ban":                        {adds(3, "os/exec"), "cmd/it: imports os/exec: only [edge] may: starts programs"},
		"a ban with all below":         {adds(3, "k8s.io/client-go"), "cmd/it: imports k8s.io/client-go: only [edge] may"},
		"a ban for everybody":          {adds(2, "log/slog"), "edge: imports log/slog: only [] may: nobody logs"},
		"a ban for tests too":          {tests(3, "k8s.io/api"), "cmd/it: imports k8s.io/api"},
		"a test imports a command":     {tests(2, module+"/cmd/it"), "edge: its tests import " + module + "/cmd/it: nothing imports a command"},
		"a test with another module":   {tests(2, "example.org/assert"), "edge: its tests import example.org/assert"},
		"no doc":                       {shaped(0, func(p *pkg) { p.doc = "" }), `noun: no package doc that begins with "Package noun "`},
		"a doc of something else":      {shaped(3, func(p *pkg) { p.doc = "Package main runs." }), `cmd/it: no package doc that begins with "Command it "`},
		"a name beside the folder's":   {shaped(0, func(p *pkg) { p.name, p.doc = "name", "Package name is." }), "noun: the package is called name"},
		"a long file":                  {shaped(0, func(p *pkg) { p.lines = map[string]int{"a.go": longest + 1} }), "noun/a.go: 701 lines"},
		"a vague name": {func(ps []pkg) []pkg {
			return append(ps, pkg{path: "noun/util", name: "util", doc: "Package util has all."})
		}, `noun/util: "util" says nothing`},
		"a name of the standard library's": {func(ps []pkg) []pkg {
			return append(ps, pkg{path: "noun/errors", name: "errors", doc: "Package errors has some."})
		}, `noun/errors: "errors" shadows the standard library's`},
		"no line in the table": {func(ps []pkg) []pkg {
			return append(ps, pkg{path: "new", name: "new", doc: "Package new is new."})
		}, "new: has no line in the table of places"},
		"a line without a package": {func(ps []pkg) []pkg { return ps[1:] }, "noun: is in the table of places, and is no package"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := check(c.spoil(sound()), table, rules)
			if len(wrong) == 0 || !strings.Contains(strings.Join(wrong, "\n"), c.want) {
				t.Errorf("got %q, want %q among it", wrong, c.want)
			}
		})
	}
	table[0].why = ""
	if wrong := check(sound(), table, rules); len(wrong) != 1 || !strings.Contains(wrong[0], "says no reason") {
		t.Errorf("a line without a reason: %q", wrong)
	}
}

// TestTestsMay is what tests may and packages may not.
func TestTestsMay(t *testing.T) {
	table := []place{{path: "noun", pure: true, why: "a value"}}
	rules := []ban{{path: "os/exec", tests: true, why: "starts programs"}}
	p := []pkg{{path: "noun", name: "noun", doc: "Package noun is.", tests: []string{"os", "os/exec", cmp, module + "/edge"}}}
	if wrong := check(p, table, rules); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
}

// TestReadTree reads a tree with a package, its tests, a folder without a
// package, testdata and another module.
func TestReadTree(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"noun/noun.go":          "// Package noun is.\npackage noun\n\nimport \"fmt\"\n",
		"noun/noun_test.go":     "package noun_test\n\nimport (\n\t\"fmt\"\n\t\"testing\"\n)\n",
		"noun/testdata/bad.go":  "no Go at all",
		"empty/text.md":         "",
		"tools/go.mod":          "module other\n",
		"tools/x/x.go":          "package x\n",
		".hidden/hidden.go":     "package hidden\n",
		"cmd/it/main.go":        "// Command it runs.\npackage main\n",
		"cmd/it/script_test.go": "package main\n\nimport \"os\"\n",
	} {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pkgs, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) != 2 || pkgs[0].path != "cmd/it" || pkgs[1].path != "noun" {
		t.Fatalf("packages: %+v", pkgs)
	}
	p := pkgs[1]
	if p.doc != "Package noun is.\n" || strings.Join(p.imports, " ") != "fmt" || strings.Join(p.tests, " ") != "testing" || p.lines["noun.go"] != 4 {
		t.Errorf("package noun: %+v", p)
	}
}

func adds(i int, im string) func([]pkg) []pkg {
	return shaped(i, func(p *pkg) { p.imports = append(p.imports, im) })
}

func tests(i int, im string) func([]pkg) []pkg {
	return shaped(i, func(p *pkg) { p.tests = append(p.tests, im) })
}

func shaped(i int, f func(*pkg)) func([]pkg) []pkg {
	return func(ps []pkg) []pkg { f(&ps[i]); return ps }
}
