package snapshot

// word is one word of a rule's text.
type word struct {
	text   string
	quoted bool
	depth  int // braces open around it
}

// is reports a word of nft's language itself: not quoted, not in a set.
func (w word) is(text string) bool { return !w.quoted && w.depth == 0 && w.text == text }

// split cuts a rule into words: blanks separate, double quotes hold together. In
// iptables' texts a backslash inside quotes takes the next byte as it is; nft has
// no escapes. A quote that does not end holds the rest.
func split(s string, escapes bool) []word {
	var words []word
	var w word
	var text []byte
	var started, inQuotes bool
	depth := 0
	end := func() {
		if !started {
			return
		}
		w.text, w.depth = string(text), depth
		if !w.quoted && w.text == "{" {
			depth++
		}
		if !w.quoted && w.text == "}" {
			depth = max(depth-1, 0)
		}
		words = append(words, w)
		w, text, started = word{}, text[:0], false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inQuotes && escapes && c == '\\' && i+1 < len(s):
			i++
			text = append(text, s[i])
		case c == '"':
			inQuotes = !inQuotes
			w.quoted, started = true, true
		case !inQuotes && (c == ' ' || c == '\t' || c == '\n'):
			end()
		default:
			text = append(text, c)
			started = true
		}
	}
	end()
	return words
}
