package render

import (
	"bytes"
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
}

func (r *rowWriter) begin(t *Text) {
	r.t, r.at, r.blank, r.indent, r.cell = t, 0, 0, 0, r.cell[:0]
}

// end writes the last cell's line end.
func (r *rowWriter) end() { r.t.buf = append(r.t.buf, '\n') }

func (r *rowWriter) text(s string) *rowWriter {
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
	if len(r.cell) <= most && plainText(r.cell) {
		return
	}
	cut := line{{r.t.clean(string(r.cell)), plain}}.cut(most, r.t.marks.ellipsis)
	r.cell = append(r.cell[:0], cut[0].text...)
}

// put writes the cell that was made, in a column of so many columns at least,
// and returns how many it took.
func (r *rowWriter) put(st style, width int) int {
	cell := r.cell
	if !plainText(cell) {
		cell = []byte(r.t.clean(string(cell)))
	}
	n := cellColumns(cell)
	r.cell = r.cell[:0]
	if n == 0 {
		if width > 0 {
			r.blank += width + len(gap)
		}
		return 0
	}
	r.room(n)
	r.paint(cell, st)
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
func plainText(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func cellColumns(b []byte) int {
	if bytes.IndexFunc(b, func(c rune) bool { return c >= utf8.RuneSelf }) < 0 {
		return len(b)
	}
	return columns(string(b))
}
