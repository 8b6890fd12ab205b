package match

import (
	"slices"
	"strings"
)

// scanner walks an argument list and fills a Match.
type scanner struct {
	args    []string
	options map[string]*option
	refused map[string]*Error
	seen    map[string]string // canonical name to how it was typed

	m       Match
	rest    []string
	ports   []argument // resolved when the protocol is known
	modules []argument
	family  argument // -4 or -6
	proto   argument
}

// Parse takes the options of MATCH out of an argument list, wherever they
// stand, and returns the other arguments untouched and in order. What follows
// `--` is never looked at. An error is an *Error.
func Parse(args []string) (Match, []string, error) {
	s := &scanner{args: args, options: byName(), refused: refused(), seen: map[string]string{}}
	for len(s.args) > 0 {
		if s.args[0] == "--" {
			s.rest = append(s.rest, s.args...)
			break
		}
		if err := s.next(); err != nil {
			return Match{}, nil, err
		}
	}
	if err := s.finish(); err != nil {
		return Match{}, nil, err
	}
	return s.m, s.rest, nil
}

// next takes one option, with its negation and values, or passes one argument on.
func (s *scanner) next() error {
	not := s.args[0] == "!"
	words := s.args
	if not {
		words = words[1:]
	}
	if len(words) == 0 {
		return &Error{"!", "nothing follows", "write the option after it: ! -s 10.0.0.1"}
	}
	name, attached, isAttached := s.split(words[0])
	if why := s.refused[name]; why != nil {
		return &Error{words[0], why.Problem, why.Hint}
	}
	o := s.options[name]
	switch {
	case o == nil && not:
		return &Error{"! " + words[0], "only an option of MATCH can be negated", "write ! before the option: ! -s 10.0.0.1"}
	case o == nil && strings.HasPrefix(words[0], "!"):
		return &Error{words[0], "no blank after !", "write ! " + strings.TrimLeft(words[0], "!")}
	case o == nil:
		s.rest = append(s.rest, words[0])
		s.args = words[1:]
		return nil
	}
	given := argument{option: o, not: not}
	words = words[1:]
	if isAttached {
		words = append([]string{attached}, words...)
	}
	if o.values == 0 && isAttached {
		return &Error{s.args[0], "takes no value", "write " + name}
	}
	if o.values > 0 && len(words) > 0 && words[0] == "!" { // the old form: -s ! 10.0.0.1
		if not {
			return &Error{"! " + name + " !", "negated twice", "leave one ! away"}
		}
		given.not, words = true, words[1:]
	}
	if len(words) < o.values {
		return &Error{name, "a value is missing", "for example: " + o.example}
	}
	given.values = words[:o.values]
	s.args = words[o.values:]
	given.typed = typed(given, name)
	return s.apply(name, given)
}

func typed(given argument, name string) string {
	words := append([]string{name}, given.values...)
	if given.not {
		words = append([]string{"!"}, words...)
	}
	return strings.Join(words, " ")
}

// apply checks what holds for every option and sets the part of the Match.
func (s *scanner) apply(name string, given argument) error {
	o := given.option
	for _, v := range given.values {
		if v == "" || strings.HasPrefix(v, "-") && s.known(v) {
			return &Error{name, "a value is missing", "for example: " + o.example}
		}
	}
	if given.not && o.fixed {
		return &Error{given.typed, "cannot be negated", "leave the ! away"}
	}
	if name == "-o" {
		passed, err := s.output(given)
		if passed || err != nil {
			return err
		}
	}
	canonical := o.names[0]
	if before, twice := s.seen[canonical]; twice && !o.fixed {
		return &Error{given.typed, "given twice, before as " + before, twiceHint(o)}
	}
	s.seen[canonical] = given.typed
	if err := o.set(s, given); err != nil {
		return s.located(err, given)
	}
	return nil
}

func twiceHint(o *option) string {
	if o.lists {
		return "write the values as one list: " + o.names[0] + " A,B"
	}
	return "give it once"
}

func (s *scanner) located(err *Error, given argument) error {
	if err.Arg == "" {
		err.Arg = given.typed
	}
	return err
}

// output decides what -o means: `-o text`, `-o json` and `-o csv` are output
// formats, of which each verb knows its own, and are passed on; any other value is
// an interface.
func (s *scanner) output(given argument) (passed bool, err error) {
	value := given.values[0]
	formats := []string{"text", "json", "csv"}
	hint := "the output format is -o text or -o json, for lines -o csv too; an interface of that name is --out-interface " + value
	switch {
	case slices.Contains(formats, value) && !given.not:
		s.rest = append(s.rest, "-o", value)
		return true, nil
	case slices.Contains([]string{"text", "json", "jsonl", "ndjson", "yaml", "yml", "xml", "table", "wide", "plain", "html"}, strings.ToLower(value)):
		return false, &Error{given.typed, "an output format or an interface? this cannot be told", hint}
	}
	return false, nil
}

func (s *scanner) known(word string) bool {
	name, _, _ := s.split(word)
	return s.options[name] != nil || s.refused[name] != nil
}

// split parts an argument into the option's name and the value that is
// attached to it: --dport=80, -ptcp, -p=tcp.
func (s *scanner) split(word string) (name, value string, attached bool) {
	switch {
	case strings.HasPrefix(word, "--"):
		name, value, attached = strings.Cut(word, "=")
		return name, value, attached
	case len(word) > 2 && word[0] == '-' && s.options["-"+word] == nil:
		if o := s.options[word[:2]]; o != nil && o.values == 1 {
			return word[:2], strings.TrimPrefix(word[2:], "="), true
		}
	case len(word) > 2 && word[0] == '-': // -sport
		return "-" + word, "", false
	}
	return word, "", false
}
