package envelope

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Entries reads the entries of a journal one after the other, in the form of
// FormJournalJSON or FormJournalExport. What it keeps of an entry is bounded:
// longer ones are left out with an *Error.
type Entries struct {
	in     *bufio.Reader
	form   Form
	offset int64 // of what is read next
	begin  int64 // of the entry

	json JSON
	buf  []byte
}

// largestEntry is what is kept of an entry, in bytes; the kernel's messages have
// less than a thousandth of it.
const largestEntry = 4 << 20

// NewEntries reads from r; form is one of the two.
func NewEntries(r io.Reader, form Form) *Entries {
	return &Entries{in: bufio.NewReaderSize(r, 64<<10), form: form}
}

// Offset is where the entry that Next read begins, in bytes from the beginning.
func (s *Entries) Offset() int64 { return s.begin }

// Next fills e with the next entry; what it points to holds until the next call.
// At the end it returns io.EOF. After an *Error the entry is left out, and Next
// may be called again; every other error is the reader's.
func (s *Entries) Next(e *Entry) error {
	s.buf = s.buf[:0]
	if s.form == FormJournalExport {
		return s.export(e)
	}
	return s.object(e)
}

// line reads up to a newline and appends it to what is kept, as long as that is
// not too much; over: it was.
func (s *Entries) line() (line []byte, over bool, err error) {
	from := len(s.buf)
	for {
		part, err := s.in.ReadSlice('\n')
		s.offset += int64(len(part))
		if over = over || len(s.buf)+len(part) > largestEntry; !over {
			s.buf = append(s.buf, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) && (over || len(s.buf) > from) {
				err = nil
			}
			return s.buf[from:], over, err
		}
	}
}

// object reads lines until an object is complete.
func (s *Entries) object(e *Entry) error {
	var b braces
	s.begin = s.offset
	for {
		line, over, err := s.line()
		if err != nil && (!errors.Is(err, io.EOF) || b.depth == 0) {
			return err
		}
		if over {
			s.endObject(&b)
			return &Error{Offset: s.begin, Reason: tooLarge}
		}
		if b.depth == 0 {
			lead := len(line) - len(afterSeparators(line))
			if lead == len(line) {
				s.begin = s.offset
				s.buf = s.buf[:0]
				continue
			}
			s.begin += int64(lead)
			s.buf = append(s.buf[:0], line[lead:]...)
			line = s.buf
		}
		if b.read(line); b.depth > 0 && err == nil && !s.another() {
			continue
		}
		return s.parsed(e)
	}
}

const tooLarge = "the entry is larger than 4 MiB"

// another tells whether the next line begins an object: entries have none in
// them, so the one before was cut.
func (s *Entries) another() bool {
	head, err := s.in.Peek(1)
	return err == nil && (head[0] == '{' || head[0] == 0x1e)
}

// parsed reads the object that is kept.
func (s *Entries) parsed(e *Entry) error {
	err := s.json.Read(bytes.TrimRight(s.buf, " \t\r\n\x1e"), e)
	var wrong *Error
	if errors.As(err, &wrong) {
		wrong.Offset += s.begin
	}
	return err
}

// endObject leaves out the lines of an object that is too large, up to one that
// could be another's beginning: where its braces close is not known any more.
func (s *Entries) endObject(b *braces) {
	for b.depth > 0 && !s.another() {
		s.buf = s.buf[:0]
		if _, _, err := s.line(); err != nil {
			return
		}
	}
}

// braces counts how deep in objects and arrays a text is.
type braces struct {
	depth int
}

// read goes on with a line. Strings do not go beyond their line.
func (b *braces) read(line []byte) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '{', '[':
			b.depth++
		case '}', ']':
			b.depth--
		case '"':
			i = stringEnd(line, i+1)
		}
	}
}

// stringEnd is where the quote stands that ends the string, or the line.
func stringEnd(line []byte, i int) int {
	for i < len(line) && line[i] != '"' {
		if line[i] == '\\' {
			i++
		}
		i++
	}
	return i
}

// export reads the fields of an entry up to an empty line (systemd's
// docs/JOURNAL_EXPORT_FORMATS.md).
func (s *Entries) export(e *Entry) error {
	*e = Entry{}
	s.begin = s.offset
	for empty := true; ; {
		from := len(s.buf)
		where := s.offset
		line, over, err := s.line()
		switch {
		case errors.Is(err, io.EOF) && !empty:
			return nil
		case err != nil:
			return err
		case over:
			return s.endEntry(where, tooLarge)
		}
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) == 0 {
			if !empty {
				return nil
			}
			s.begin = s.offset
			continue
		}
		empty = false
		if err := s.exported(line, from, where, e); err != nil {
			return err
		}
	}
}

// exported reads a field whose first line is kept from from on.
func (s *Entries) exported(line []byte, from int, where int64, e *Entry) error {
	name, value, found := bytes.Cut(line, []byte("="))
	if !fieldName(name) {
		return s.endEntry(where, "no name of a field begins here")
	}
	if !found {
		size, err := s.size(where)
		if err != nil {
			return err
		}
		if value, err = s.binary(size, wanted(name)); err != nil {
			return err
		}
	}
	if !wanted(name) {
		s.buf = s.buf[:from]
		return nil
	}
	e.set(name, value[:len(value):len(value)])
	return nil
}

// largestField is the largest field that the journal takes (systemd's
// journal-importer.h: DATA_SIZE_MAX).
const largestField = 768 << 20

// size reads the length of a binary field, 64 bits little endian.
func (s *Entries) size(where int64) (int64, error) {
	var raw [8]byte
	n, err := io.ReadFull(s.in, raw[:])
	s.offset += int64(n)
	if err != nil {
		return 0, cutShort(err, where)
	}
	var v uint64
	for i, c := range raw {
		v |= uint64(c) << (8 * i)
	}
	if v > largestField {
		return 0, s.endEntry(where, fmt.Sprintf("a field says to be %d bytes long", v))
	}
	return int64(v), nil
}

// binary reads the value of a binary field and the newline behind it.
func (s *Entries) binary(size int64, keep bool) ([]byte, error) {
	where, from := s.offset, len(s.buf)
	if keep && int64(from)+size > largestEntry {
		return nil, s.leaveOut(size, where)
	}
	if err := s.bytes(size, keep); err != nil {
		return nil, cutShort(err, where)
	}
	c, err := s.in.ReadByte()
	if err != nil {
		return nil, cutShort(err, where)
	}
	s.offset++
	if c != '\n' {
		return nil, s.endEntry(s.offset-1, "no newline stands behind a field")
	}
	return s.buf[from:], nil
}

// bytes reads so many, and appends them to what is kept where they are wanted.
func (s *Entries) bytes(size int64, keep bool) error {
	if !keep {
		return s.discard(size)
	}
	from := len(s.buf)
	s.buf = slices.Grow(s.buf, int(size))[:from+int(size)]
	n, err := io.ReadFull(s.in, s.buf[from:])
	s.offset += int64(n)
	return err
}

func (s *Entries) discard(size int64) error {
	n, err := io.CopyN(io.Discard, s.in, size)
	s.offset += n
	return err
}

func (s *Entries) leaveOut(size, where int64) error {
	if err := s.discard(size + 1); err != nil {
		return cutShort(err, where)
	}
	return s.endEntry(where, tooLarge)
}

// cutShort tells an end in the middle of a field from an error of the reader.
func cutShort(err error, where int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Offset: where, Reason: "the entry ends early"}
	}
	return err
}

// endEntry leaves out the rest of an entry, up to an empty line.
func (s *Entries) endEntry(where int64, reason string) error {
	for {
		s.buf = s.buf[:0]
		line, _, err := s.line()
		if err != nil || len(line) == 1 {
			return &Error{Offset: where, Reason: reason}
		}
	}
}
