package nft

import (
	"strconv"
	"strings"
)

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

// word is one word of a statement.
type word struct {
	text   string
	quoted bool
	depth  int // how many braces are open around it
}

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
