package nft

import (
	"strconv"
	"strings"
)

// balance counts braces outside of quotes and comments, over several lines.
type balance struct {
	depth    int
	inQuotes bool
}

func (b *balance) add(line string) {
	for i := range len(line) {
		switch c := line[i]; {
		case c == '"':
			b.inQuotes = !b.inQuotes
		case b.inQuotes:
		case c == '#':
			return
		case c == '{':
			b.depth++
		case c == '}':
			b.depth--
		}
	}
}

func (b *balance) even() bool { return b.depth <= 0 && !b.inQuotes }

// cutHandle takes ` # handle N` off the end.
func cutHandle(s string) (text string, handle uint64, ok bool) {
	const mark = " # handle "
	i := strings.LastIndex(s, mark)
	if i < 0 {
		return s, 0, false
	}
	handle, err := strconv.ParseUint(s[i+len(mark):], 10, 64)
	if err != nil {
		return s, 0, false
	}
	return s[:i], handle, true
}

// header returns the words before the brace that ends a line, if one does.
func header(line string) (words []string, opens bool) {
	for _, w := range split(line) {
		switch {
		case w.is("{"):
			return words, true
		case w.is("#"):
			return words, false
		}
		words = append(words, w.text)
	}
	return words, false
}

// word is one word of a statement.
type word struct {
	text   string
	quoted bool
	depth  int // how many braces are open around it
}

func (w word) is(text string) bool { return !w.quoted && w.text == text }

// split cuts a statement into words: blanks separate, double quotes hold
// together and have no escapes, braces stand alone.
func split(s string) []word {
	var words []word
	depth := 0
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
		case '{':
			words = append(words, word{text: "{", depth: depth})
			depth++
			i++
		case '}':
			depth--
			words = append(words, word{text: "}", depth: depth})
			i++
		case '"':
			end := strings.IndexByte(s[i+1:], '"')
			if end < 0 {
				end = len(s) - i - 1
			}
			words = append(words, word{text: s[i+1 : i+1+end], quoted: true, depth: depth})
			i = min(i+end+2, len(s))
		default:
			end := strings.IndexAny(s[i:], " \t\n\r{}\"")
			if end < 0 {
				end = len(s) - i
			}
			words = append(words, word{text: s[i : i+end], depth: depth})
			i += end
		}
	}
	return words
}
