package render

import (
	"bytes"
	"strings"
)

// word is what is never broken, with the spaces that stand before it.
type word struct {
	gap   int
	text  string
	style style
	fresh bool // first of its span: its style may differ from that of the word before
}

// flow writes parts two spaces apart and wraps between words at the width;
// further lines begin with so many spaces. A word that is too long stays whole.
func (t *Text) flow(indent int, parts ...line) {
	if t.opt.Width == 0 && !t.opt.Color {
		t.unbroken(parts)
		return
	}
	at := 0
	var run span // words of one style on one line
	for _, w := range t.words(parts) {
		n := columns(w.text)
		wraps := t.opt.Width > 0 && at > indent && at+w.gap+n > t.opt.Width
		if wraps || w.fresh {
			t.paint(run.text, run.style)
			run = span{"", w.style}
		}
		if wraps {
			t.buf = append(t.buf, '\n')
			at, w.gap = 0, indent
		}
		spaces := strings.Repeat(" ", w.gap)
		if run.text == "" {
			t.buf = append(t.buf, spaces...)
		} else {
			run.text += spaces
		}
		run.text += w.text
		at += w.gap + n
	}
	t.paint(run.text, run.style)
	t.buf = append(t.buf, '\n')
}

// unbroken is flow where nothing wraps and nothing has a colour.
func (t *Text) unbroken(parts []line) {
	for i, part := range parts {
		if i > 0 {
			t.buf = append(t.buf, gap...)
		}
		for _, s := range part {
			t.buf = append(t.buf, t.clean(s.text)...)
		}
	}
	t.buf = append(bytes.TrimRight(t.buf, " "), '\n')
}

func (t *Text) words(parts []line) []word {
	var words []word
	gap := 0
	for i, part := range parts {
		if i > 0 {
			gap += 2
		}
		for _, s := range part {
			fresh := true
			for k, text := range strings.Split(t.clean(s.text), " ") {
				if k > 0 {
					gap++
				}
				if text != "" {
					words = append(words, word{gap, text, s.style, fresh})
					gap, fresh = 0, false
				}
			}
		}
	}
	return words
}
