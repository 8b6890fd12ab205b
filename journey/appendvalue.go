package journey

import (
	"net/netip"
	"strconv"
	"unicode/utf8"
)

// key appends a member's name, and a comma unless it is the object's first.
func key(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

// next appends the comma before an array's i-th element.
func next(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

func text[S ~string](b []byte, name string, s S) []byte {
	return quote(key(b, name), string(s))
}

// known leaves out an empty text.
func known[S ~string](b []byte, name string, s S) []byte {
	if s == "" {
		return b
	}
	return text(b, name, s)
}

func texts(b []byte, name string, list []string) []byte {
	b = append(key(b, name), '[')
	for i, s := range list {
		b = quote(next(b, i), s)
	}
	return append(b, ']')
}

func knownTexts(b []byte, name string, list []string) []byte {
	if list == nil {
		return b
	}
	return texts(b, name, list)
}

type anyInt interface {
	~int | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func number[N anyInt](b []byte, n N) []byte {
	if n < 0 {
		return strconv.AppendInt(b, int64(n), 10)
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

func integer[N anyInt](b []byte, name string, n N) []byte {
	return number(key(b, name), n)
}

func knownInt[N anyInt](b []byte, name string, n *N) []byte {
	if n == nil {
		return b
	}
	return integer(b, name, *n)
}

func boolean(b []byte, name string, v bool) []byte {
	return strconv.AppendBool(key(b, name), v)
}

func address(b []byte, a netip.Addr) []byte {
	switch {
	case !a.IsValid():
		return append(b, '"', '"')
	case a.Zone() != "":
		return quote(b, a.String())
	}
	b = a.AppendTo(append(b, '"'))
	return append(b, '"')
}

func knownAddr(b []byte, name string, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return address(key(b, name), a)
}

func changedAddr(b []byte, name string, c *Change[netip.Addr]) []byte {
	if c == nil {
		return b
	}
	b = append(key(b, name), '{')
	b = address(key(b, "from"), c.From)
	b = address(key(b, "to"), c.To)
	return append(b, '}')
}

func changedPort(b []byte, name string, c *Change[uint16]) []byte {
	if c == nil {
		return b
	}
	b = append(key(b, name), '{')
	b = integer(b, "from", c.From)
	b = integer(b, "to", c.To)
	return append(b, '}')
}

func knownTime(b []byte, name string, t Time) []byte {
	if t.IsZero() {
		return b
	}
	return t.append(key(b, name))
}

// quote appends s as a JSON string with the escapes of encoding/json: short
// ones where JSON has them, U+2028 and U+2029 for readers that are JavaScript,
// and U+FFFD for what is not UTF-8.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain(c) {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = escape(append(b, s[start:i]...), c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(append(b, s[start:i]...), `\u202`...)
			b = append(b, hexDigits[r&0xf])
			start = i + size
		}
		i += size
	}
	return append(append(b, s[start:]...), '"')
}

// plain reports whether a byte stands for itself.
func plain(c byte) bool {
	return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\'
}

const hexDigits = "0123456789abcdef"

func escape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
