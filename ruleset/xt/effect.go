package xt

import (
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// EffectOf tells what a rule in iptables' words does. isChain says which names
// are user chains of its table, since only that tells a jump from a target;
// without it (nil) a target that is no word of iptables' own counts as a chain.
func EffectOf(text string, fam ruleset.Family, isChain func(string) bool) ruleset.Effect {
	words, ok := split(text)
	if !ok {
		return ruleset.Effect{}
	}
	r := &rule{fam: fam, words: words, matchless: true}
	r.read()
	r.e.Known = true
	r.judgeTarget(isChain)
	for _, m := range r.matches {
		r.judgeMatch(m)
	}
	return r.e
}

// rule is a rule's words, sorted into its matches and its target.
type rule struct {
	fam       ruleset.Family
	words     []word
	matchless bool
	matches   []extension
	target    extension
	goesTo    bool // -g instead of -j
	e         ruleset.Effect
}

// extension is a match or a target with the options behind it.
type extension struct {
	name    string
	options []word
}

// value returns the word after the first option of one of these names.
func (x extension) value(names ...string) string {
	for i, w := range x.options {
		if !w.quoted && slices.Contains(names, w.text) && i+1 < len(x.options) {
			return x.options[i+1].text
		}
	}
	return ""
}

// values returns the words after every option of that name.
func (x extension) values(name string) (found []string) {
	for i, w := range x.options {
		if !w.quoted && w.text == name && i+1 < len(x.options) {
			found = append(found, x.options[i+1].text)
		}
	}
	return found
}

func (x extension) has(names ...string) bool {
	return slices.ContainsFunc(x.options, func(w word) bool { return !w.quoted && slices.Contains(names, w.text) })
}

// read sorts the words. An option belongs to the match or target before it,
// unless it is one of the few that the rule itself has.
func (r *rule) read() {
	var current *extension
	for i := 0; i < len(r.words); i++ {
		w := r.words[i]
		next := ""
		if i+1 < len(r.words) {
			next = r.words[i+1].text
		}
		switch {
		case w.quoted:
			current = appendOption(current, w)
		case w.text == "-A" || w.text == "--append":
			i++
		case w.text == "-c" || w.text == "--set-counters":
			i += 2
		case w.text == "-m" || w.text == "--match":
			r.matches = append(r.matches, extension{name: next})
			current = &r.matches[len(r.matches)-1]
			r.matchless = false
			i++
		case w.text == "-j" || w.text == "--jump" || w.text == "-g" || w.text == "--goto":
			r.target = extension{name: next}
			r.goesTo = w.text == "-g" || w.text == "--goto"
			current = &r.target
			i++
		case isOwnOption(w.text):
			if !matchesAll(w.text, next) {
				r.matchless = false
			}
			i++
		case w.text == "-f" || w.text == "--fragment":
			r.matchless = false
		case takesText(w.text):
			current = appendOption(current, w)
			if i+1 < len(r.words) {
				i++
				current = appendOption(current, r.words[i])
			}
		default:
			current = appendOption(current, w)
		}
	}
}

// takesText: options whose value may look like an option itself.
func takesText(s string) bool {
	switch s {
	case "--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string", "--hex-string", "--name":
		return true
	}
	return false
}

func appendOption(x *extension, w word) *extension {
	if x != nil {
		x.options = append(x.options, w)
	}
	return x
}

// isOwnOption: the matches that need no -m, each with one value.
func isOwnOption(s string) bool {
	switch s {
	case "-p", "--protocol", "--proto", "-s", "--source", "--src", "-d", "--destination", "--dst",
		"-i", "--in-interface", "-o", "--out-interface":
		return true
	}
	return false
}

// matchesAll: a value that the kernel stores as no condition at all.
func matchesAll(option, value string) bool {
	switch option {
	case "-p", "--protocol", "--proto":
		return value == "all" || value == "0"
	case "-s", "--source", "--src", "-d", "--destination", "--dst":
		return strings.HasSuffix(value, "/0")
	}
	return false
}

// judgeMatch fills in what one match looks at or writes.
func (r *rule) judgeMatch(m extension) {
	e := &r.e
	switch m.name {
	case "mark":
		e.ReadsMark = true
	case "conntrack", "state", "connmark", "connbytes", "connlimit", "connlabel", "helper", "cluster":
		e.ReadsCT = true
	case "socket":
		e.SetsMark = e.SetsMark || m.has("--restore-skmark")
	case "set":
		e.ReadsSets = append(e.ReadsSets, m.values("--match-set")...)
		e.ReadsSets = append(e.ReadsSets, m.values("--set")...)
	case "recent":
		r.judgeRecent(m)
	}
}

func (r *rule) judgeRecent(m extension) {
	name := m.value("--name")
	if name == "" {
		name = "DEFAULT"
	}
	if m.has("--set", "--update", "--remove") {
		r.e.WritesSets = append(r.e.WritesSets, name)
	}
	if m.has("--rcheck", "--update", "--remove") {
		r.e.ReadsSets = append(r.e.ReadsSets, name)
	}
}
