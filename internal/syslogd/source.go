package syslogd

import (
	"sort"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// source is a configuration as one text, and where each byte of it stands.
// Lines that end in a backslash are joined with the next.
type source struct {
	s     string
	pos   int
	lines []snapshot.ConfigLine
	ends  []int // offset behind each line
}

func newSource(lines []snapshot.ConfigLine) *source {
	var b strings.Builder
	t := &source{lines: lines}
	for i, goesOn := 0, false; i < len(lines); i++ {
		text := lines[i].Text
		if goesOn { // blanks at the beginning are not part of what goes on
			text = strings.TrimLeft(text, " \t")
		}
		text, goesOn = strings.CutSuffix(text, "\\")
		goesOn = goesOn && i+1 < len(lines) && lines[i+1].File == lines[i].File
		b.WriteString(text)
		if !goesOn {
			b.WriteByte('\n')
		}
		t.ends = append(t.ends, b.Len())
	}
	t.s = b.String()
	return t
}

// place is that of an offset, with the whole line as text.
func (t *source) place(offset int) Place {
	if i := sort.SearchInts(t.ends, offset+1); i < len(t.lines) {
		return placeOf(t.lines[i])
	}
	return Place{}
}

func (t *source) done() bool { return t.pos >= len(t.s) }

// rest is what is still to be read.
func (t *source) rest() string { return t.s[t.pos:] }

// blanks passes over blanks, line ends and comments.
func (t *source) blanks() {
	for !t.done() {
		switch rest := t.rest(); {
		case strings.ContainsRune(" \t\r\n", rune(rest[0])):
			t.pos++
		case rest[0] == '#':
			t.toLineEnd()
		case strings.HasPrefix(rest, "/*"):
			t.past("*/")
		default:
			return
		}
	}
}

// past goes behind the next occurrence of a text, or to the end.
func (t *source) past(text string) {
	i := strings.Index(t.rest(), text)
	if i < 0 {
		t.pos = len(t.s)
		return
	}
	t.pos += i + len(text)
}

// toLineEnd takes what is left of the line.
func (t *source) toLineEnd() string {
	from := t.pos
	t.past("\n")
	return strings.TrimSpace(t.s[from:t.pos])
}

// name takes letters, digits, dots, dashes and underscores.
func (t *source) name() string {
	rest := t.rest()
	n := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"))
	t.pos += n
	return rest[:n]
}

// enclosed takes what stands between a bracket, at which the source stands, and
// the one that closes it; quotes hide brackets.
func (t *source) enclosed(open, closing byte) string {
	from, depth := t.pos+1, 0
	var quote byte
	for ; !t.done(); t.pos++ {
		switch c := t.s[t.pos]; {
		case quote != 0:
			if c == '\\' {
				t.pos++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == open:
			depth++
		case c == closing:
			depth--
			if depth == 0 {
				t.pos++
				return t.s[from : t.pos-1]
			}
		}
	}
	t.pos = len(t.s) // the backslash may have been the last byte
	return t.s[min(from, len(t.s)):]
}

// until takes what stands before a word that is not inside quotes, and goes behind it.
func (t *source) until(word string) (string, bool) {
	from := t.pos
	var quote byte
	for ; !t.done(); t.pos++ {
		switch c := t.s[t.pos]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case t.standsAlone(word):
			text := t.s[from:t.pos]
			t.pos += len(word)
			return text, true
		}
	}
	return t.s[from:], false
}

// standsAlone reports whether the word stands here, blanks or brackets around it.
func (t *source) standsAlone(word string) bool {
	if !strings.HasPrefix(t.rest(), word) || t.pos == 0 {
		return false
	}
	after := t.pos + len(word)
	const around = " \t\n(){}\"'"
	return strings.IndexByte(around, t.s[t.pos-1]) >= 0 && (after == len(t.s) || strings.IndexByte(around, t.s[after]) >= 0)
}
