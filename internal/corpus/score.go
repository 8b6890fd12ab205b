package corpus

import (
	"fmt"
	"os"
	"strings"
)

// Score counts cases that come out as the reference has them, and knows those that
// do not, with the reason.
type Score struct {
	t            T
	known        map[string]string
	passed, seen int
}

// NewScore begins a score, of cases among which are those of a file that Known reads.
func NewScore(t T, file string) *Score {
	t.Helper()
	return &Score{t: t, known: Known(t, file)}
}

// Known reads the cases that are known to differ, and why: a name and a reason in
// each line, with a tab between them.
func Known(t T, file string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if name, reason, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(name, "#") {
			known[name] = reason
		}
	}
	return known
}

// Add counts a case; one that differs, and is not known to, fails the test.
func (s *Score) Add(name string, same bool, difference func() string) {
	s.t.Helper()
	s.seen++
	switch reason := s.known[name]; {
	case same:
		s.passed++
		if reason != "" {
			s.t.Logf("%s is listed as differing (%s) and does not", name, reason)
		}
	case reason == "":
		s.t.Errorf("%s differs: %s", name, difference())
	}
}

// End wants at least a percentage of the whole corpus to be the same; some cases
// may be those that are known to differ.
func (s *Score) End(percent float64) {
	s.t.Helper()
	got := 100 * float64(s.passed) / float64(max(s.seen, 1))
	s.t.Logf("%d of %d are the same (%.2f %%)", s.passed, s.seen, got)
	if Whole() && got < percent {
		s.t.Errorf("%.2f %% are the same, want %v", got, percent)
	}
}

// FirstDifference is the first line that is not the same in both.
func FirstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n\tgot  %.300s\n\twant %.300s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}
