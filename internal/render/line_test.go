package render

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pktrail/pktrail/journey"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, utf8, ascii string }{
		{"tcp dport 80 drop", "tcp dport 80 drop", "tcp dport 80 drop"},
		{"to 测试", "to 测试", `to \u6d4b\u8bd5`},
		{"\x1b[2Jx\n", `\x1b[2Jx\n`, `\x1b[2Jx\n`},
		{"a\u202eb", `a\u202eb`, `a\u202eb`},
		{"a\xffb", `a\xffb`, `a\xffb`},
		{"\u009b31m", `\u009b31m`, `\u009b31m`},
	} {
		if got := clean(c.in, false); got != c.utf8 {
			t.Errorf("clean(%q) = %q, want %q", c.in, got, c.utf8)
		}
		if got := clean(c.in, true); got != c.ascii {
			t.Errorf("clean(%q) for ASCII = %q, want %q", c.in, got, c.ascii)
		}
	}
}

func TestColumns(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "→◀…": 3, "测试": 4, "ｆｕ": 4, "é": 1, "e\u0301": 1, "🙂": 2} {
		if got := columns(s); got != want {
			t.Errorf("columns(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text string
		room int
		want string
	}{
		{"tcp dport 80 drop", 17, "tcp dport 80 drop"},
		{"tcp dport 80 drop", 16, "tcp dport… drop"},
		{`-s 10.0.0.1 -m comment --comment "a \"b\" c" -j DROP`, 24, "-s 10.0.0.1 … -j DROP"},
		{`-m comment --comment word -j DROP`, 12, "… -j DROP"},
		{`tcp dport 80 counter packets 5 bytes 300 drop comment "x y"`, 44, "tcp dport 80 … drop …"},
		{`tcp dport 80 counter packets 5 bytes 300 drop comment "x y"`, 24, "tcp dport 80 … drop …"},
		{"-m set --match-set bad src -j LONG-CHAIN-NAME", 20, "-m set --match-set…"},
		{"ip saddr 10.0.0.0/8 tcp dport 80 jump services", 30, "ip saddr 10.0.0… jump services"},
		{`ip saddr 10.0.0.0/8 ip daddr 10.0.0.0/8 drop comment "x y"`, 30, "ip saddr 10.0.0.0/8 ip d… drop"},
		{"ip saddr 10.0.0.0/8 测试测试测试 drop", 30, "ip saddr 10.0.0.0/8 测试… drop"},
		{"", 8, ""},
		{`-m comment --comment "open`, 8, "…"},
	} {
		got := shorten(c.text, c.room, "…")
		if got != c.want || columns(got) > c.room {
			t.Errorf("shorten(%q, %d) = %q of %d columns, want %q", c.text, c.room, got, columns(got), c.want)
		}
	}
}

func FuzzShorten(f *testing.F) {
	f.Add(`-s 10.0.0.1 -m comment --comment "a \"b\" c" -j DROP`, 10)
	f.Add(`counter packets 5 bytes 300 drop comment "测试"`, 12)
	f.Fuzz(func(t *testing.T, text string, room int) {
		if room = room%200 + 1; room < leastCut {
			room = leastCut
		}
		got := shorten(clean(text, false), room, "…")
		if columns(got) > room || !utf8.ValidString(got) {
			t.Errorf("shorten(%q, %d) = %q of %d columns", text, room, got, columns(got))
		}
	})
}

// Only what must not be broken may be wider than the terminal: commands, and single words.
func TestNothingIsWiderThanAsked(t *testing.T) {
	for width := 30; width <= 220; width += 7 {
		got := string(text(t, Options{Width: width, Netns: true}, droppedWithMark(), deliveredByNAT(), rejected(), policyDrop(),
			unknown(), incompleteInferred(), untouched(), answered(), looped(), queued()))
		inTry := false
		for l := range strings.Lines(got) {
			l = strings.TrimSuffix(l, "\n")
			inTry = strings.HasPrefix(l, "  try:") || inTry && strings.HasPrefix(l, "       ")
			if columns(l) > width && !inTry && strings.Contains(strings.TrimSpace(l), " ") {
				t.Errorf("width %d: %d columns: %s", width, columns(l), l)
			}
		}
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteErrorsComeBack(t *testing.T) {
	for name, p := range map[string]Printer{"text": NewText(closedPipe{}, Options{}), "json": NewJSON(closedPipe{})} {
		for what, err := range map[string]error{
			"journey": p.Journey(untouched()), "lost": p.Lost(&journey.Lost{}), "note": p.Note("n"), "summary": p.Summary(&journey.Summary{}),
		} {
			if err == nil {
				t.Errorf("%s %s: no error", name, what)
			}
		}
	}
}

func TestEmptyJourney(t *testing.T) {
	bad := 9
	got := string(text(t, Options{Width: 80}, &journey.Journey{Outcome: journey.Outcome{Result: journey.Dropped, Step: &bad},
		Steps: []journey.Step{{Kind: journey.KindRule}, {Kind: journey.KindRule, Rule: &journey.Rule{}}, {Kind: journey.KindNAT, NAT: &journey.NAT{}}}}))
	for _, want := range []string{"dropped", "incomplete: steps may be missing", "hook not known"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}
