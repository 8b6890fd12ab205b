package logline

import "strings"

// actionWord is a word that prefixes use for what happens to a packet, and its
// other forms.
type actionWord struct {
	action string
	forms  string // separated by blanks
}

func actionWords() [9]actionWord {
	return [...]actionWord{
		{"DROP", "DROP DROPPED DROPPING DRP"},
		{"REJECT", "REJECT REJECTED REJECTING REJ"},
		{"ACCEPT", "ACCEPT ACCEPTED ACCEPTING"},
		{"BLOCK", "BLOCK BLOCKED BLOCKING"},
		{"ALLOW", "ALLOW ALLOWED"},
		{"DENY", "DENY DENIED"},
		{"LIMIT", "LIMIT LIMITED RATELIMIT"},
		{"AUDIT", "AUDIT"},
		{"LOG", "LOG"},
	}
}

// isAction tells whether a word is one of the actions as tools write them.
func isAction(word string) bool {
	for _, w := range actionWords() {
		if w.action == word {
			return true
		}
	}
	return false
}

// actionIn looks through a prefix for what happens to the packet. Of several
// words the one counts that the table has first: `LIMIT BLOCK` blocks.
func actionIn(text string) string {
	words := strings.FieldsFunc(strings.ToUpper(text), func(c rune) bool { return c < 'A' || c > 'Z' })
	for _, w := range actionWords() {
		for form := range strings.FieldsSeq(w.forms) {
			for _, word := range words {
				if word == form {
					return w.action
				}
			}
		}
	}
	return ""
}

// chainIn looks through a prefix for a chain: the word before the action where
// there are only two, as Shorewall's newer `net-fw DROP `, or the name of a built-in chain.
func chainIn(text string) string {
	if first, second, two := strings.Cut(text, " "); two && isAction(second) && !isAction(first) && strings.Trim(first, "[]():") == first {
		return first
	}
	words := strings.FieldsFunc(text, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') })
	for _, word := range words {
		switch upper := strings.ToUpper(word); upper {
		case "INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING":
			return word
		}
	}
	if at := strings.Index(text, "DOCKER-"); at >= 0 {
		end := strings.IndexFunc(text[at:], func(c rune) bool { return c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') })
		if end < 0 {
			end = len(text) - at
		}
		return text[at : at+end]
	}
	return ""
}
