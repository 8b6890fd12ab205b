package archtest

import (
	"fmt"
	"go/build"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is the path of this module.
const module = "github.com/pktrail/pktrail"

// pkg is one package as its files tell.
type pkg struct {
	path    string // below the module
	name    string
	doc     string
	imports []string
	tests   []string // imports of its test files that the package itself does not have
	lines   map[string]int
}

// longest is how many lines a file may have.
const longest = 700

// check tells everything that is wrong with the packages.
func check(pkgs []pkg, places []place, bans []ban) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, p := range pkgs {
		for _, w := range slices.Concat(shape(p), banned(p, bans)) {
			complain("%s", w)
		}
		i := slices.IndexFunc(places, func(l place) bool { return l.path == p.path })
		if i < 0 {
			complain("%s: has no line in the table of places: add one that says what it may import, and why", p.path)
			continue
		}
		for _, w := range imports(p, places[i]) {
			complain("%s", w)
		}
	}
	for _, l := range places {
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return p.path == l.path }) {
			complain("%s: is in the table of places, and is no package", l.path)
		}
		if l.why == "" {
			complain("%s: the table of places says no reason", l.path)
		}
	}
	return wrong
}

// imports holds a package to its place.
func imports(p pkg, l place) []string {
	var wrong []string
	for _, im := range p.imports {
		if why := refused(im, l); why != "" {
			wrong = append(wrong, fmt.Sprintf("%s: imports %s: %s (%s)", p.path, im, why, l.why))
		}
	}
	for _, im := range p.tests {
		if own, ok := strings.CutPrefix(im, module+"/"); ok {
			if strings.HasPrefix(own, "cmd/") {
				wrong = append(wrong, fmt.Sprintf("%s: its tests import %s: nothing imports a command", p.path, im))
			}
		} else if !standard(im) && !slices.Contains(testsAlso, im) && !slices.Contains(l.beside, im) {
			wrong = append(wrong, fmt.Sprintf("%s: its tests import %s: tests have the standard library, go-cmp and testscript", p.path, im))
		}
	}
	return wrong
}

// refused says why a place may not import a package; "" is that it may.
func refused(im string, l place) string {
	if own, ok := strings.CutPrefix(im, module+"/"); ok {
		if !slices.Contains(l.ours, own) && !slices.Contains(l.ours, anything) {
			return "it may not"
		}
		return ""
	}
	if slices.Contains(l.beside, im) {
		return ""
	}
	if !standard(im) {
		return "no other module but those in the table"
	}
	if l.pure && slices.Contains(impure, im) {
		return "it is pure"
	}
	return ""
}

// banned holds a package to the bans.
func banned(p pkg, bans []ban) []string {
	var wrong []string
	for _, b := range bans {
		if slices.Contains(b.only, p.path) {
			continue
		}
		asked := p.imports
		if !b.tests {
			asked = slices.Concat(p.imports, p.tests)
		}
		for _, im := range asked {
			if covers(b.path, im) {
				wrong = append(wrong, fmt.Sprintf("%s: imports %s: only %v may: %s", p.path, im, b.only, b.why))
			}
		}
	}
	return wrong
}

func covers(pattern, im string) bool {
	below, all := strings.CutSuffix(pattern, "/...")
	return im == below || all && strings.HasPrefix(im, below+"/")
}

// shape holds a package to its name, its doc and the length of its files.
func shape(p pkg) []string {
	var wrong []string
	command := p.name == "main"
	folder := path.Base(p.path)
	begin := "Package " + p.name + " "
	if command {
		begin = "Command " + folder + " "
	}
	if !strings.HasPrefix(p.doc, begin) {
		wrong = append(wrong, fmt.Sprintf("%s: no package doc that begins with %q", p.path, begin))
	}
	if !command && p.name != folder {
		wrong = append(wrong, fmt.Sprintf("%s: the package is called %s: a folder's name is its package's name", p.path, p.name))
	}
	for _, word := range strings.Split(p.path, "/") {
		if slices.Contains(vague, word) && !command {
			wrong = append(wrong, fmt.Sprintf("%s: %q says nothing of what it holds", p.path, word))
		}
	}
	if _, err := os.Stat(filepath.Join(build.Default.GOROOT, "src", folder)); err == nil {
		wrong = append(wrong, fmt.Sprintf("%s: %q shadows the standard library's", p.path, folder))
	}
	for name, n := range p.lines {
		if n > longest {
			wrong = append(wrong, fmt.Sprintf("%s/%s: %d lines, at most %d: it holds more than one thing", p.path, name, n, longest))
		}
	}
	return wrong
}

// standard reports whether the import is of the standard library: its first
// element has no dot.
func standard(im string) bool {
	first, _, _ := strings.Cut(im, "/")
	return !strings.Contains(first, ".")
}
