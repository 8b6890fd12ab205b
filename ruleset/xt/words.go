package xt

import "strings"

// word is one word of a rule, and whether any of it stood in quotes.
type word struct {
	text   string
	quoted bool
	at     int // where in the line it begins
}

// split cuts a rule into words as iptables-restore does (iptables/xshared.c:
// add_param_to_argv): double quotes hold blanks together, and only inside them
// a backslash takes the next character as it is. It reports false for a quote
// that does not end, with the words so far.
func split(line string) (words []word, ok bool) { return splitAt(line, "") }

// splitAt is split where a word also ends with its quotes when that stands behind them.
func splitAt(line, behind string) (words []word, ok bool) {
	var text []byte
	var inQuotes, quoted, started bool
	at := 0
	end := func() {
		if started {
			words = append(words, word{string(text), quoted, at})
		}
		text, quoted, started = text[:0], false, false
	}
	for i := 0; i < len(line); i++ {
		if !started {
			at = i
		}
		switch c := line[i]; {
		case inQuotes && c == '\\' && i+1 < len(line):
			i++
			text = append(text, line[i])
		case c == '"':
			inQuotes = !inQuotes
			quoted, started = true, true
			if !inQuotes && behind != "" && strings.HasPrefix(line[i+1:], behind) {
				end()
			}
		case !inQuotes && (c == ' ' || c == '\t' || c == '\r'):
			end()
		default:
			text = append(text, c)
			started = true
		}
	}
	end()
	return words, !inQuotes
}
