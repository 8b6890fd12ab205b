package envelope

import (
	"unicode/utf16"
	"unicode/utf8"
)

// JSON reads entries of the journal as `journalctl -o json` writes them. The
// zero value is ready; it is not for concurrent use. It is a scanner of its own
// because the standard library's allocates for every field of every entry, and
// an entry has thirty of which nine matter.
type JSON struct {
	b     []byte
	i     int
	plain []byte // values whose text is not in b as it stands
}

// Read fills e from one object, which may stand on several lines. Fields that
// are not text are taken as the journal means them: an array of numbers is
// bytes, of a field that occurs more than once the first value counts. The error
// is an *Error.
func (j *JSON) Read(object []byte, e *Entry) error {
	*e = Entry{}
	j.b, j.i, j.plain = object, 0, j.plain[:0]
	if err := j.object(e); err != nil {
		return err
	}
	j.space()
	if j.i < len(j.b) {
		return j.wrong("something stands behind the object")
	}
	return nil
}

func (j *JSON) wrong(reason string) error {
	if j.i >= len(j.b) {
		reason = "the object ends early"
	}
	return &Error{Offset: int64(j.i), Reason: reason}
}

func (j *JSON) space() {
	for j.i < len(j.b) && (j.b[j.i] == ' ' || j.b[j.i] == '\t' || j.b[j.i] == '\n' || j.b[j.i] == '\r') {
		j.i++
	}
}

// next leaves out blanks and c; false where something else stands there.
func (j *JSON) next(c byte) bool {
	j.space()
	if at(j.b, j.i) != c || j.i >= len(j.b) {
		return false
	}
	j.i++
	return true
}

func (j *JSON) object(e *Entry) error {
	if !j.next('{') {
		return j.wrong("no object begins here")
	}
	if j.next('}') {
		return nil
	}
	for {
		j.space()
		name, err := j.text()
		if err != nil {
			return err
		}
		if !j.next(':') {
			return j.wrong("no colon stands behind a field's name")
		}
		if err := j.field(name, e); err != nil {
			return err
		}
		if j.next('}') {
			return nil
		}
		if !j.next(',') {
			return j.wrong("no comma stands behind a field")
		}
	}
}

func (j *JSON) field(name []byte, e *Entry) error {
	if !wanted(name) {
		return j.skip()
	}
	value, err := j.value()
	if err == nil && value != nil {
		e.set(name, value)
	}
	return err
}

// value reads what a field is, as bytes; nil is null.
func (j *JSON) value() ([]byte, error) {
	j.space()
	switch c := at(j.b, j.i); {
	case c == '"':
		return j.text()
	case c == '[':
		return j.array()
	case digit(c):
		from := j.i
		err := j.skip()
		return j.b[from:j.i], err
	}
	return nil, j.skip()
}

// array reads an array of bytes, or the first of several values.
func (j *JSON) array() ([]byte, error) {
	from := j.i
	j.i++
	j.space()
	var first []byte
	var err error
	switch at(j.b, j.i) {
	case '"':
		first, err = j.text()
	case '[':
		first = j.bytes(j.i)
	default:
		first = j.bytes(from)
	}
	if err != nil {
		return nil, err
	}
	j.i = from
	return first, j.skip()
}

// bytes reads the array of numbers that begins at i; nil where it is none.
func (j *JSON) bytes(i int) []byte {
	begin := len(j.plain)
	for j.i = i + 1; ; {
		j.space()
		v, n := number(j.b, j.i)
		if n == 0 || v > 255 {
			break
		}
		j.plain = append(j.plain, byte(v))
		j.i += n
		if j.next(']') {
			return j.plain[begin:len(j.plain):len(j.plain)]
		}
		if !j.next(',') {
			break
		}
	}
	j.plain = j.plain[:begin]
	return nil
}

// text reads a string: where it has no escapes, as it stands.
func (j *JSON) text() ([]byte, error) {
	from, simple, err := j.quoted()
	if err != nil {
		return nil, err
	}
	raw := j.b[from : j.i-1 : j.i-1]
	if simple {
		return raw, nil
	}
	begin := len(j.plain)
	j.plain = appendUnescaped(j.plain, raw)
	return j.plain[begin:len(j.plain):len(j.plain)], nil
}

// quoted checks a string and leaves it out; simple: it has no escapes.
func (j *JSON) quoted() (from int, simple bool, err error) {
	if at(j.b, j.i) != '"' {
		return 0, false, j.wrong("no string begins here")
	}
	j.i++
	from, simple = j.i, true
	for j.i < len(j.b) {
		switch c := j.b[j.i]; {
		case c == '"':
			j.i++
			return from, simple, nil
		case c < ' ':
			return 0, false, j.wrong("a control character stands in a string")
		case c == '\\':
			simple = false
			n := escape(j.b[j.i:])
			if n == 0 {
				return 0, false, j.wrong("an escape is none of JSON's")
			}
			j.i += n
		default:
			j.i++
		}
	}
	return 0, false, j.wrong("")
}

// escape is the length of the escape at the beginning of b, 0 where it is none.
func escape(b []byte) int {
	switch at(b, 1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if unit(b) >= 0 {
			return 6
		}
	}
	return 0
}

// unit is the code unit of `\u12ab`, and -1 where it is none.
func unit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var v rune
	for _, c := range b[2:6] {
		h := hex(c)
		if h < 0 {
			return -1
		}
		v = v<<4 | rune(h)
	}
	return v
}

// appendUnescaped undoes the escapes of a string that quoted has checked.
func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		if b[i] != '\\' {
			dst = append(dst, b[i])
			i++
			continue
		}
		var n int
		dst, n = appendEscape(dst, b[i:])
		i += n
	}
	return dst
}

func appendEscape(dst, b []byte) ([]byte, int) {
	switch c := b[1]; c {
	case 'u':
		r := unit(b)
		if pair := utf16.DecodeRune(r, unit(b[6:])); utf16.IsSurrogate(r) && pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair), 12
		}
		return utf8.AppendRune(dst, r), 6 // half a pair becomes U+FFFD
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	default:
		return append(dst, c), 2
	}
}
