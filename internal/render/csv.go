package render

import (
	"io"
	"net/netip"
	"slices"
	"strconv"

	"github.com/pktrail/pktrail/journey"
)

// CSV prints lines of the kernel's log as comma-separated values (RFC 4180, with
// a line feed at the end of lines), the names of the columns first. What a line
// does not tell is empty. The names are those of pktrail/logline/v1, joined with
// a dot.
type CSV struct {
	w      io.Writer
	aside  LogPrinter
	buf    []byte
	values []byte // of one cell
	headed bool
}

// NewCSV makes a printer of comma-separated values. What is no line of the log,
// and has no place among values, goes to aside.
func NewCSV(w io.Writer, aside LogPrinter) *CSV { return &CSV{w: w, aside: aside} }

// LogLine prints a line of the log as one record.
func (p *CSV) LogLine(l *journey.LogLine) error {
	p.buf = p.buf[:0]
	if !p.headed {
		p.head()
	}
	for i := range csvColumns {
		if i > 0 {
			p.buf = append(p.buf, ',')
		}
		p.values = csvColumns[i].value(p.values[:0], l)
		p.buf = appendCSV(p.buf, p.values)
	}
	p.buf = append(p.buf, '\n')
	_, err := p.w.Write(p.buf)
	return err
}

// LogSummary hands the summary aside. A log without lines still gets its head.
func (p *CSV) LogSummary(s *journey.LogSummary) error {
	if !p.headed {
		p.buf = p.buf[:0]
		p.head()
		if _, err := p.w.Write(p.buf); err != nil {
			return err
		}
	}
	return p.aside.LogSummary(s)
}

// Lost hands a loss aside.
func (p *CSV) Lost(l *journey.Lost) error { return p.aside.Lost(l) }

// Note hands a sentence aside.
func (p *CSV) Note(note string) error { return p.aside.Note(note) }

func (p *CSV) head() {
	p.headed = true
	for i, c := range csvColumns {
		if i > 0 {
			p.buf = append(p.buf, ',')
		}
		p.buf = append(p.buf, c.name...)
	}
	p.buf = append(p.buf, '\n')
}

// appendCSV appends a value, in quotes where it has what separates values.
func appendCSV(b, value []byte) []byte {
	separates := func(c byte) bool { return c == ',' || c == '"' || c == '\r' || c == '\n' }
	if !slices.ContainsFunc(value, separates) {
		return append(b, value...)
	}
	b = append(b, '"')
	for _, c := range value {
		if c == '"' {
			b = append(b, '"')
		}
		b = append(b, c)
	}
	return append(b, '"')
}

type anyInt interface {
	~int | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32
}

func csvInt[N anyInt](b []byte, n *N) []byte {
	if n == nil {
		return b
	}
	return strconv.AppendInt(b, int64(*n), 10)
}

func csvText(b []byte, s *string) []byte {
	if s == nil {
		return b
	}
	return append(b, *s...)
}

func csvTrue(b []byte, v bool) []byte {
	if !v {
		return b
	}
	return append(b, "true"...)
}

func csvAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return a.AppendTo(b)
}

func csvEther(b []byte, e *journey.Ether) []byte {
	if e == nil {
		return b
	}
	return append(b, e.String()...)
}

func csvTime(b []byte, at journey.Time) []byte {
	if at.IsZero() {
		return b
	}
	return at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000000Z")
}
