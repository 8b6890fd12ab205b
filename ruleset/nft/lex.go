package nft

import (
	"net/netip"
	"sort"
	"strconv"
	"strings"
)

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokenEnd     tokenKind = iota // of the text
	tokenLine                     // the end of a line
	tokenWord                     // begins with a letter
	tokenNumber                   // begins with a digit: 10, 0x1f, 1h30m, 8021q
	tokenAddress                  // of IPv4, IPv6 or Ethernet
	tokenText                     // in quotes, which are taken off
	tokenMark                     // anything else: punctuation and operators
	tokenHandle                   // # handle 4
)

// token is one word of a ruleset.
type token struct {
	kind  tokenKind
	text  string
	place place
	glued bool // nothing stands between it and the one before
}

func (t token) is(mark string) bool { return t.kind == tokenMark && t.text == mark }

func (t token) isWord(word string) bool { return t.kind == tokenWord && t.text == word }

// endsStatement: the end of a line, or what stands for it.
func (t token) endsStatement() bool {
	return t.kind == tokenLine || t.kind == tokenEnd || t.kind == tokenHandle || t.is(";") || t.is("}")
}

// raw is the token as it stood.
func (t token) raw() string {
	if t.kind == tokenText {
		return `"` + t.text + `"`
	}
	return t.text
}

// place is where a token stands: an offset into a text.
type place struct {
	from *source
	at   int
}

// source is a text that is read. Where it was made of another one, origins say
// of what of it, in order.
type source struct {
	name, text string
	origins    []origin
	original   string
}

// position counts lines and columns from 1.
func (p place) position() (line, column int) {
	if s := p.from; s.original != "" {
		n := sort.Search(len(s.origins), func(i int) bool { return s.origins[i].text > p.at })
		at := 0
		if n > 0 {
			at = s.origins[n-1].json
		}
		return place{&source{name: s.name, text: s.original}, at}.position()
	}
	before := p.from.text[:p.at]
	return 1 + strings.Count(before, "\n"), p.at - strings.LastIndexByte(before, '\n')
}

// cursor is a place in a text, and where the text ends. Inside the value of a
// variable, or an included file, up is where it goes on behind.
type cursor struct {
	place
	end   int
	up    *cursor
	depth int
	// variable: the text is the value of one, and not an included file.
	variable bool
}

// next reads the token at the cursor.
func (c *cursor) next() token {
	t := token{kind: tokenEnd}
	blank := c.skipBlanks()
	t.place, t.glued = c.place, !blank
	if c.at >= c.end {
		return t
	}
	rest := c.from.text[c.at:c.end]
	n := 1
	switch b := rest[0]; {
	case b == '\n':
		t.kind = tokenLine
	case b == '#':
		t.kind, t.text, n = comment(rest)
	case b == '"':
		t.kind, t.text, n = quoted(rest)
	default:
		t.kind, n = bare(rest)
	}
	if t.text == "" && t.kind != tokenText {
		t.text = rest[:n]
	}
	c.at += n
	return t
}

// skipBlanks also skips a line's end behind a backslash.
func (c *cursor) skipBlanks() (some bool) {
	s := c.from.text
	for c.at < c.end {
		switch {
		case s[c.at] == ' ' || s[c.at] == '\t' || s[c.at] == '\r':
			c.at++
		case s[c.at] == '\\' && strings.HasPrefix(s[c.at+1:c.end], "\n"):
			c.at += 2
		case s[c.at] == '\\' && strings.HasPrefix(s[c.at+1:c.end], "\r\n"):
			c.at += 3
		default:
			return some
		}
		some = true
	}
	return some
}

// comment goes to the end of the line; one kind of it says something.
func comment(s string) (kind tokenKind, text string, n int) {
	n = len(s)
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		n = i
	}
	if _, number, ok := cutHandle(" " + strings.TrimRight(s[:n], "\r")); ok {
		return tokenHandle, strconv.FormatUint(number, 10), n
	}
	if n < len(s) {
		n++
	}
	return tokenLine, s[:n], n
}

// quoted has no escapes. In listings a string may itself hold quotes, as the
// kernel does; those are told by what stands behind them.
func quoted(s string) (kind tokenKind, text string, n int) {
	line := s
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		line = s[:i]
	}
	end := strings.IndexByte(line[1:], '"')
	if end < 0 {
		return tokenMark, `"`, 1
	}
	return tokenText, line[1 : 1+end], end + 2
}

// bare is a token without quotes.
func bare(s string) (tokenKind, int) {
	if n := addressAt(s); n > 0 {
		return tokenAddress, n
	}
	switch b := s[0]; {
	case isLetter(b):
		return tokenWord, wordAt(s)
	case isDigit(b):
		n := 1
		for n < len(s) && (isDigit(s[n]) || isLetter(s[n])) {
			n++
		}
		return tokenNumber, n
	}
	for _, mark := range [...]string{"==", "!=", "<=", ">=", "<<", ">>"} {
		if strings.HasPrefix(s, mark) {
			return tokenMark, 2
		}
	}
	return tokenMark, 1
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_' }

// wordAt: words go on with digits, `-`, `_`, `.` and `/`, and may end in a star.
func wordAt(s string) int {
	n := 1
	for n < len(s) && (isLetter(s[n]) || isDigit(s[n]) || s[n] == '-' || s[n] == '.' || s[n] == '/') {
		n++
	}
	if strings.HasPrefix(s[n:], `\*`) {
		return n + 2
	}
	if strings.HasPrefix(s[n:], "*") {
		n++
	}
	return n
}

const maxAddress = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")

// addressAt is the length of the address that a text begins with, or 0.
func addressAt(s string) int {
	run, colons, dots := 0, 0, 0
	for run < len(s) && run < maxAddress && (isHex(s[run]) || s[run] == ':' || s[run] == '.') {
		switch s[run] {
		case ':':
			colons++
		case '.':
			dots++
		}
		run++
	}
	if colons < 2 && dots < 3 {
		return 0
	}
	for n := run; n > 1; n-- {
		if run := s[:n]; isLinkAddress(run) || isAddress(run) && !goesOn(s[n:]) {
			return n
		}
	}
	return 0
}

// goesOn: what follows belongs to the same word, so it was none.
func goesOn(s string) bool { return s != "" && (isLetter(s[0]) || isDigit(s[0])) }

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isLinkAddress: six bytes or more, one or two digits each.
func isLinkAddress(s string) bool {
	parts := 0
	for part := range strings.SplitSeq(s, ":") {
		if len(part) < 1 || len(part) > 2 || strings.Contains(part, ".") {
			return false
		}
		parts++
	}
	return parts == 6 || parts == 8 && len(s) == 8*3-1
}

func isHex(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }
