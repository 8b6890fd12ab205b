// Package corpus finds the recorded inputs that tests are held to: rulesets and logs
// of real hosts, which are no part of this module. Tests alone use it.
package corpus

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// T is what is needed of *testing.T and *testing.B.
type T interface {
	Helper()
	Fatal(...any)
	Errorf(string, ...any)
	Logf(string, ...any)
	Skipf(string, ...any)
}

// Path is where something of the corpus is, or the corpus itself. PKTRAIL_CORPUS
// names the folder, which else lies beside this module's. Where there is none the
// test is skipped, but fails with CI=true.
func Path(t T, elem ...string) string {
	t.Helper()
	dir := os.Getenv("PKTRAIL_CORPUS")
	if dir == "" {
		dir = filepath.Join(module(t), "..", "shared", "corpus")
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "INDEX.md"))
	}
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal("the corpus must be there in CI (PKTRAIL_CORPUS): ", err)
	case err != nil:
		t.Skipf("no corpus (PKTRAIL_CORPUS): %v", err)
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}

// module is the folder of this module, in which the tests of a package run.
func module(t T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			t.Fatal("no go.mod above ", dir)
		}
	}
}

// Whole reports whether every case is to be run, which PKTRAIL_WHOLE=1 asks for.
func Whole() bool { return os.Getenv("PKTRAIL_WHOLE") != "" }

// Some is n cases, always the same, or all of them where the whole corpus is run.
func Some[E any](all []E, n int) []E {
	if Whole() || len(all) <= n {
		return all
	}
	some := slices.Clone(all)
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	return some[:n]
}
