package render

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

type style uint8

const (
	plain style = iota
	dim
	bold
	red
	yellow
	green
)

// sgr is the parameter of the terminal's "select graphic rendition".
func (s style) sgr() string {
	switch s {
	case dim:
		return "2"
	case bold:
		return "1"
	case red:
		return "1;31"
	case yellow:
		return "33"
	case green:
		return "32"
	}
	return ""
}

// span is text of one style.
type span struct {
	text  string
	style style
}

type line []span

func (l line) width() int {
	n := 0
	for _, s := range l {
		n += columns(s.text)
	}
	return n
}

// cut shortens a line to so many columns, the last of them an ellipsis.
func (l line) cut(limit int, ellipsis string) line {
	if l.width() <= limit {
		return l
	}
	room := max(limit-columns(ellipsis), 0)
	var kept line
	for _, s := range l {
		head := prefix(s.text, room)
		kept = append(kept, span{head, s.style})
		room -= columns(head)
		if head != s.text {
			kept[len(kept)-1].text = strings.TrimRight(head, " ") + ellipsis
			break
		}
	}
	return kept
}

// prefix is the longest beginning of s that takes at most limit columns.
func prefix(s string, limit int) string {
	n := 0
	for i, r := range s {
		n += runeColumns(r)
		if n > limit {
			return s[:i]
		}
	}
	return s
}

func columns(s string) int {
	if ordinary(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// ordinary reports whether all of s is printable ASCII.
func ordinary(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// runeColumns is the columns of a terminal that a printable character takes.
func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// clean spells out what a terminal would obey instead of show: control
// characters, marks of writing direction, bytes that are no UTF-8. Comments in
// rules and names of chains are other people's words.
func clean(s string, ascii bool) string {
	if ordinary(s) {
		return s
	}
	shown := func(r rune) bool {
		return r != utf8.RuneError && unicode.IsPrint(r) && (!ascii || r < utf8.RuneSelf)
	}
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !shown(r) }) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if shown(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteToASCII(s[i : i+size])
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
