// Package archtest holds the packages of this module to the architecture: who
// may import whom, each with its reason, and that every package is named, said
// in a sentence and small. The table is table_test.go; docs/ARCHITECTURE.md
// tells the same as a story.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestArchitecture(t *testing.T) {
	pkgs, err := readTree("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range check(pkgs, places, bans) {
		t.Error(wrong)
	}
}

// readTree reads every package of the module below root. Folders with a go.mod
// of their own are other modules.
func readTree(root string) ([]pkg, error) {
	var pkgs []pkg
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		_, modErr := os.Stat(filepath.Join(name, "go.mod"))
		if base := d.Name(); name != root && (strings.HasPrefix(base, ".") || base == "testdata" || modErr == nil) {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		p, err := readPackage(name, filepath.ToSlash(rel))
		if err == nil && p.name != "" {
			pkgs = append(pkgs, p)
		}
		return err
	})
	return pkgs, err
}

func readPackage(dir, rel string) (pkg, error) {
	p := pkg{path: rel, lines: map[string]int{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return p, err
	}
	fset := token.NewFileSet()
	var fromTests []string
	for _, name := range files {
		f, err := parser.ParseFile(fset, name, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return p, err
		}
		p.name = strings.TrimSuffix(f.Name.Name, "_test")
		if text := f.Doc.Text(); text != "" && !strings.HasSuffix(f.Name.Name, "_test") {
			p.doc = text
		}
		if p.lines[filepath.Base(name)], err = countLines(name); err != nil {
			return p, err
		}
		if strings.HasSuffix(name, "_test.go") {
			fromTests = append(fromTests, importsOf(f)...)
		} else {
			p.imports = append(p.imports, importsOf(f)...)
		}
	}
	for _, im := range fromTests {
		if !slices.Contains(p.imports, im) {
			p.tests = append(p.tests, im)
		}
	}
	slices.Sort(p.imports)
	slices.Sort(p.tests)
	p.imports, p.tests = slices.Compact(p.imports), slices.Compact(p.tests)
	return p, nil
}

func importsOf(f *ast.File) []string {
	var all []string
	for _, spec := range f.Imports {
		if im, err := strconv.Unquote(spec.Path.Value); err == nil {
			all = append(all, im)
		}
	}
	return all
}

func countLines(name string) (int, error) {
	b, err := os.ReadFile(name)
	return strings.Count(string(b), "\n"), err
}
