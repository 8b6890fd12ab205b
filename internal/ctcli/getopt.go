package ctcli

import (
	"slices"
	"strings"
)

// argument says whether an option takes one.
type argument uint8

const (
	noArgument argument = iota
	needsArgument
	mayHaveArgument // only within the same word
)

// longOption is an option of two dashes. Its value is that of a short option, or
// one that belongs to a protocol.
type longOption struct {
	name string
	arg  argument
	val  int
}

// optionGroup is options whose values count from a base.
type optionGroup struct {
	base    int
	options []longOption
}

// Values of getopt.next beside those of options.
const (
	endOfOptions    = -1
	missingArgument = ':'
	unknownOption   = '?'
)

// getopt goes through arguments as getopt_long(3) of the GNU C library does:
// words that are no options are moved behind those that are, and a long name may
// be cut short where it stays unique.
type getopt struct {
	argv    []string
	index   int // of the next word
	cluster string
	short   map[byte]argument
	long    []optionGroup
	arg     string
	hasArg  bool

	// Words that are no options lie in argv[first:last], to be moved.
	first, last int
}

func newGetopt(argv []string, short map[byte]argument, long []longOption) *getopt {
	return &getopt{argv: slices.Clone(argv), index: 1, first: 1, last: 1, short: short, long: []optionGroup{{options: long}}}
}

// next is the next option's value. Its argument is in arg.
func (g *getopt) next() int {
	g.arg, g.hasArg = "", false
	if g.cluster == "" {
		if !g.word() {
			return endOfOptions
		}
		if name, ok := strings.CutPrefix(g.argv[g.index], "--"); ok {
			g.index++
			return g.longOption(name)
		}
		g.cluster = g.argv[g.index][1:]
	}
	return g.shortOption()
}

// word finds the next word that is an option; index is then its.
func (g *getopt) word() bool {
	if g.first != g.last && g.last != g.index {
		g.exchange()
	} else if g.last != g.index {
		g.first = g.index
	}
	for g.index < len(g.argv) && !isOption(g.argv[g.index]) {
		g.index++
	}
	g.last = g.index
	if g.index < len(g.argv) && g.argv[g.index] == "--" {
		g.index++
		if g.first != g.last && g.last != g.index {
			g.exchange()
		} else if g.first == g.last {
			g.first = g.index
		}
		g.last, g.index = len(g.argv), len(g.argv)
	}
	if g.index == len(g.argv) {
		if g.first != g.last {
			g.index = g.first
		}
		return false
	}
	return true
}

func isOption(word string) bool { return len(word) > 1 && word[0] == '-' }

// exchange moves the words of argv[first:last] behind those up to index.
func (g *getopt) exchange() {
	moved := slices.Clone(g.argv[g.first:g.last])
	options := g.index - g.last
	copy(g.argv[g.first:], g.argv[g.last:g.index])
	copy(g.argv[g.first+options:], moved)
	g.first += options
	g.last = g.index
}

func (g *getopt) shortOption() int {
	c := g.cluster[0]
	g.cluster = g.cluster[1:]
	if g.cluster == "" {
		g.index++
	}
	arg, ok := g.short[c]
	switch {
	case !ok:
		return unknownOption
	case arg == noArgument:
		return int(c)
	case g.cluster != "":
		g.arg, g.hasArg, g.cluster = g.cluster, true, ""
		g.index++
	case arg == needsArgument:
		if !g.take() {
			return missingArgument
		}
	}
	return int(c)
}

// take makes the next word the option's argument.
func (g *getopt) take() bool {
	if g.index == len(g.argv) {
		return false
	}
	g.arg, g.hasArg = g.argv[g.index], true
	g.index++
	return true
}

func (g *getopt) longOption(word string) int {
	name, value, assigned := strings.Cut(word, "=")
	o, ok := g.find(name)
	switch {
	case !ok || assigned && o.arg == noArgument:
		return unknownOption
	case assigned:
		g.arg, g.hasArg = value, true
	case o.arg == needsArgument && !g.take():
		return missingArgument
	}
	return o.val
}

// find looks for an option by its name, or by the beginning of it where all that
// begin so are the same option.
func (g *getopt) find(name string) (found longOption, ok bool) {
	for _, group := range g.long {
		for _, o := range group.options {
			if o.name == name {
				return longOption{o.name, o.arg, o.val + group.base}, true
			}
		}
	}
	for _, group := range g.long {
		for _, o := range group.options {
			o.val += group.base
			switch {
			case !strings.HasPrefix(o.name, name):
			case !ok:
				found, ok = o, true
			case o.arg != found.arg || o.val != found.val:
				return longOption{}, false
			}
		}
	}
	return found, ok
}

// optional is conntrack's own way to optional arguments: the next word, unless
// it looks like an option or a negation.
func (g *getopt) optional() (word string, ok bool) {
	if g.hasArg || g.index >= len(g.argv) {
		return "", false
	}
	word = g.argv[g.index]
	if strings.HasPrefix(word, "-") || strings.HasPrefix(word, "!") {
		return "", false
	}
	g.index++
	return word, true
}
