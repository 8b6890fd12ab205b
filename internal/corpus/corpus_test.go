package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// judged is a test that only notes what becomes of it.
type judged struct{ said []string }

func (j *judged) Helper() {}
func (j *judged) Fatal(args ...any) {
	j.said = append(j.said, "fatal: "+fmt.Sprint(args...))
}
func (j *judged) Errorf(format string, args ...any) {
	j.said = append(j.said, "error: "+fmt.Sprintf(format, args...))
}
func (j *judged) Logf(format string, args ...any) {
	j.said = append(j.said, "log: "+fmt.Sprintf(format, args...))
}
func (j *judged) Skipf(format string, args ...any) {
	j.said = append(j.said, "skip: "+fmt.Sprintf(format, args...))
}

func TestPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PKTRAIL_CORPUS", dir)
	for ci, want := range map[string]string{"": "skip: ", "true": "fatal: "} {
		t.Setenv("CI", ci)
		var j judged
		Path(&j)
		if len(j.said) != 1 || !strings.HasPrefix(j.said[0], want) {
			t.Errorf("CI=%s: %q", ci, j.said)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "INDEX.md"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var j judged
	if got := Path(&j, "logs", "a"); got != filepath.Join(dir, "logs", "a") || len(j.said) > 0 {
		t.Errorf("%s, %q", got, j.said)
	}
	if _, err := os.Stat(filepath.Join(module(t), "internal", "corpus", "corpus_test.go")); err != nil {
		t.Error(err)
	}
}

func TestSome(t *testing.T) {
	t.Setenv("PKTRAIL_WHOLE", "")
	all := []int{1, 2, 3, 4, 5, 6, 7, 8}
	some := Some(all, 3)
	if len(some) != 3 || !slices.Equal(some, Some(all, 3)) || !slices.IsSorted(all) || len(Some(all, 9)) != 8 {
		t.Errorf("%v of %v", some, all)
	}
	t.Setenv("PKTRAIL_WHOLE", "1")
	if !slices.Equal(Some(all, 3), all) {
		t.Error("the whole is not all")
	}
}

func TestScore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "known")
	if err := os.WriteFile(file, []byte("# name\treason\nb\tolder\nc\tnewer\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var j judged
	s := NewScore(&j, file)
	difference := func() string { return FirstDifference("1\n2\n", "1\n3\n") }
	for name, same := range map[string]bool{"a": true, "b": true, "c": false, "d": false} {
		s.Add(name, same, difference)
	}
	slices.Sort(j.said)
	t.Setenv("PKTRAIL_WHOLE", "")
	s.End(51)
	t.Setenv("PKTRAIL_WHOLE", "1")
	s.End(51)
	want := []string{
		"error: d differs: line 2\n\tgot  2\n\twant 3", "log: b is listed as differing (older) and does not",
		"log: 2 of 4 are the same (50.00 %)", "log: 2 of 4 are the same (50.00 %)", "error: 50.00 % are the same, want 51",
	}
	if !slices.Equal(j.said, want) {
		t.Errorf("%q", j.said)
	}
}
