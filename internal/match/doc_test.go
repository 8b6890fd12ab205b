package match

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/match.md")

const page = "../../docs/match.md"

// TestPage holds the table of docs/match.md to the options and places of the code.
func TestPage(t *testing.T) {
	const begin, end = "<!-- table: go test ./internal/match -run TestPage -update -->\n", "<!-- end of table -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s: the marks of the table are missing", page)
	}
	want := table(t)
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != want {
		t.Errorf("%s is stale; write it again with -update. It should hold:\n%s", page, want)
	}
}

// TestPageExamples parses every line of MATCH that the page shows.
func TestPageExamples(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		words, ok := strings.CutPrefix(line, "pktrail trace ")
		if !ok {
			continue
		}
		shown++
		if _, _, err := Parse(strings.Fields(words)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if shown == 0 {
		t.Error("no example found")
	}
}

func table(t *testing.T) string {
	t.Helper()
	var w strings.Builder
	w.WriteString("| option | means | `!` | list | range |")
	for _, p := range Places() {
		fmt.Fprintf(&w, " %s |", p)
	}
	w.WriteString("\n|---|---|---|---|---|" + strings.Repeat("---|", len(Places())) + "\n")
	for _, o := range options() {
		m, _, err := Parse(strings.Fields(o.example))
		if err != nil {
			t.Fatalf("%s: %v", o.example, err)
		}
		fmt.Fprintf(&w, "| `%s` | %s | %s | %s | %s |", strings.Join(o.names, "` `"), o.what, mark(!o.fixed), mark(o.lists), dash(o.ranges))
		for _, p := range Places() {
			fmt.Fprintf(&w, " %s |", judged(&m, p))
		}
		w.WriteString("\n")
	}
	return w.String()
}

func judged(m *Match, p Place) string {
	if len(m.CannotJudge(p)) > 0 {
		return "no"
	}
	return "yes"
}

func mark(b bool) string {
	if b {
		return "yes"
	}
	return "–"
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
