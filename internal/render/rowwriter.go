package render

import (
	"strconv"
	"unicode/utf8"
)

// rowWriter writes one line of cells that stand in columns, and wraps between cells
// where the width ends. It writes straight to the printer's buffer, since a log
// has many lines.
type rowWriter struct {
	t      *Text
	at     int    // columns written
	blank  int    // columns to leave before the next cell
	indent int    // of further lines
	cell   []byte // the one that is being made
	odd    bool   // it has what clean would spell out, or letters of another width
	beyond int    // its bytes beyond its columns, where it is not odd
}

func (r *rowWriter) begin(t *Text) {
	r.t, r.at, r.blank, r.indent = t, 0, 0, 0
	r.clear()
}

// end writes the last cell's line end.
func (r *rowWriter) end() { r.t.buf = append(r.t.buf, '\n') }

func (r *rowWriter) clear() { r.cell, r.odd, r.beyond = r.cell[:0], false, 0 }

// text adds other people's words.
func (r *rowWriter) text(s string) *rowWriter {
	r.odd = r.odd || !plainText(s)
	r.cell = append(r.cell, s...)
	return r
}

// sign adds one of our marks.
func (r *rowWriter) sign(s string) *rowWriter {
	r.beyond += len(s) - utf8.RuneCountInString(s)
	r.cell = append(r.cell, s...)
	return r
}

func (r *rowWriter) number(n int64) *rowWriter {
	r.cell = strconv.AppendInt(r.cell, n, 10)
	return r
}

func (r *rowWriter) hex(n uint64) *rowWriter {
	r.cell = strconv.AppendUint(append(r.cell, '0', 'x'), n, 16)
	return r
}

// shorten cuts the cell that is being made to so many columns.
func (r *rowWriter) shorten(most int) {
	if !r.odd && len(r.cell)-r.beyond <= most {
		return
	}
	cut := line{{r.t.clean(string(r.cell)), plain}}.cut(most, r.t.marks.ellipsis)
	r.cell, r.odd = append(r.cell[:0], cut[0].text...), true
}

// put writes the cell that was made, in a column of so many columns at least,
// and returns how many it took.
func (r *rowWriter) put(st style, width int) int {
	n := len(r.cell) - r.beyond
	if r.odd {
		text := r.t.clean(string(r.cell))
		r.cell, n = append(r.cell[:0], text...), columns(text)
	}
	if n == 0 {
		if width > 0 {
			r.blank += width + len(gap)
		}
		return 0
	}
	r.room(n)
	r.paint(r.cell, st)
	r.clear()
	r.at += n
	r.blank = len(gap) + max(width-n, 0)
	return n
}

// room leaves the blanks before a cell, or begins a new line.
func (r *rowWriter) room(n int) {
	b := r.t.buf
	if w := r.t.opt.Width; w > 0 && r.at > r.indent && r.at+r.blank+n > w {
		b = append(b, '\n')
		r.at, r.blank = 0, r.indent
	}
	for range r.blank {
		b = append(b, ' ')
	}
	r.at += r.blank
	r.t.buf = b
}

func (r *rowWriter) paint(cell []byte, st style) {
	code := st.sgr()
	if !r.t.opt.Color || code == "" {
		r.t.buf = append(r.t.buf, cell...)
		return
	}
	b := append(append(append(r.t.buf, "\x1b["...), code...), 'm')
	b = append(b, cell...)
	r.t.buf = append(b, "\x1b[0m"...)
}

// plainText reports whether clean would change nothing, and each byte takes a column.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
