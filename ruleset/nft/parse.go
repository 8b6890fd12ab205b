package nft

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// ParseRuleset reads rules in nft's words (nft(8)): what `nft list ruleset`
// prints, with or without -a, -s and -t, and what people write for `nft -f`, with
// variables and commands. The rules are held as nft would hand them to the
// kernel, and are printed as it would list them. File names the text in errors.
//
// The error joins a *ruleset.LineError for each of the first hundred places that
// are not understood. A statement that is not understood is kept with the rest
// of its rule, in the words that it was written in; nothing else of a table gets
// lost. An include is an error: see [ParseIncluding].
func ParseRuleset(r io.Reader, file string) (*Native, error) {
	return ParseIncluding(r, file, nil)
}

// Included is a file that another one includes.
type Included struct{ Name, Text string }

// Include finds the files that `include "…"` names, which may be a pattern that
// fits several or none.
type Include func(pattern string) ([]Included, error)

// ParseIncluding is [ParseRuleset] for files that include others.
func ParseIncluding(r io.Reader, file string, include Include) (*Native, error) {
	text, err := readText(r)
	if err != nil {
		return &Native{}, fmt.Errorf("read %s: %w", file, err)
	}
	p := newTextReader(text, file)
	p.include = include
	p.commands()
	p.changes()
	return p.native, errors.Join(p.errs...)
}

// maxText bounds what is read: more than the largest rulesets that are known, tenfold.
const maxText = 1 << 30

const maxLineErrors = 100

var errTooLong = errors.New("the text is longer than 1 GiB")

func readText(r io.Reader) (string, error) {
	b := &strings.Builder{}
	n, err := io.Copy(b, io.LimitReader(r, maxText+1))
	if err == nil && n > maxText {
		err = errTooLong
	}
	return b.String(), err
}

// textReader reads a ruleset word by word.
type textReader struct {
	native *Native
	table  *Table // at hand

	tok   token // at hand
	after cursor
	prior int // where the token before ended

	vars      map[string]cursor
	expanded  int                // tokens that came out of variables
	mayExpand int                // how many may
	nested    int                // expressions that are open
	bad       *ruleset.LineError // at badPlace, until it is taken
	badPlace  place
	errs      []error
	sum       *lowerer // of the rule at hand, as far as it was read
	ended     bool     // inside braces
	changed   []setName
	include   Include
}

func newTextReader(text, file string) *textReader {
	p := &textReader{native: &Native{byKey: map[tableKey]*Table{}}, vars: map[string]cursor{}}
	p.mayExpand = maxExpanded + 8*len(text)
	p.after = cursor{place: place{from: &source{name: file, text: text}}, end: len(text)}
	p.advance()
	return p
}

const (
	maxVariableDepth = 32
	maxExpanded      = 1 << 18 // and eight times the text, which may use long lists more than once
	maxNested        = 128
)

// advance goes to the next token; a variable is read as its value.
func (p *textReader) advance() {
	if p.bad != nil {
		return
	}
	for {
		p.prior = p.after.at
		p.tok = p.after.next()
		switch {
		case p.tok.kind == tokenEnd && p.after.up != nil:
			p.after = *p.after.up
		case p.tok.is("$"):
			if !p.enter() {
				return
			}
		default:
			if p.after.up != nil && p.after.variable {
				p.expanded++
			}
			return
		}
	}
}

// enter goes on with the value of the variable that is named next.
func (p *textReader) enter() bool {
	dollar := p.tok
	name := p.after.next()
	value, ok := p.vars[name.text]
	switch {
	case !ok:
		p.tok = dollar
		p.failAt(name, "a variable that is not defined", "define it before, as in define "+name.text+" = …")
		return false
	case p.after.depth >= maxVariableDepth || p.expanded > p.mayExpand:
		p.failAt(name, "variables that hold too much", "write the values out")
		return false
	}
	up := p.after
	value.up, value.depth, value.variable = &up, up.depth+1, true
	p.after = value
	return true
}

// mark is where the reader is, to come back to.
type mark struct {
	tok   token
	after cursor
	prior int
}

func (p *textReader) mark() mark { return mark{p.tok, p.after, p.prior} }

func (p *textReader) back(m mark) { p.tok, p.after, p.prior = m.tok, m.after, m.prior }

// fail notes what is wrong with the token at hand. What reads on finds the end
// of the text, until the error is taken.
func (p *textReader) fail(why, hint string) { p.failAt(p.tok, why, hint) }

func (p *textReader) failAt(t token, why, hint string) {
	if p.bad != nil {
		return
	}
	p.badPlace = t.place
	p.bad = &ruleset.LineError{File: t.place.from.name, Text: t.text, Why: why, Hint: hint}
	if t.kind == tokenLine {
		p.bad.Text = "the end of the line"
	}
	p.tok.kind, p.tok.text = tokenEnd, ""
}

// taken is whether something was wrong, which is noted with the errors.
func (p *textReader) taken() bool {
	if p.bad == nil {
		return false
	}
	if len(p.errs) < maxLineErrors {
		p.bad.Line, p.bad.Column = p.badPlace.position()
		p.errs = append(p.errs, p.bad)
	}
	p.bad = nil
	return true
}

// recover goes back and skips a statement that is not understood, to the end of
// its line or the brace that closes what it is in. It gives the words on one line.
func (p *textReader) recover(m mark) string {
	p.taken()
	p.back(m)
	var words strings.Builder
	for depth := 0; p.tok.kind != tokenEnd && (depth > 0 || !p.tok.endsStatement()); p.skipToken() {
		switch {
		case p.tok.is("{"):
			depth++
		case p.tok.is("}"):
			depth--
		case p.tok.kind == tokenLine || p.tok.kind == tokenHandle:
			continue
		}
		if words.Len() > 0 && !p.tok.glued {
			words.WriteByte(' ')
		}
		words.WriteString(p.tok.raw())
	}
	return words.String()
}

// skipToken does not look into variables.
func (p *textReader) skipToken() {
	p.prior = p.after.at
	p.tok = p.after.next()
	for p.tok.kind == tokenEnd && p.after.up != nil {
		p.after = *p.after.up
		p.tok = p.after.next()
	}
}

// textSince is the text from a place to the end of the token before, on one line.
func (p *textReader) textSince(from place) string {
	to := p.prior
	if p.tok.place.from != from.from || to < from.at {
		to = from.at
	}
	return strings.Join(strings.Fields(from.from.text[from.at:to]), " ")
}

// accept goes on behind a mark.
func (p *textReader) accept(s string) bool {
	if !p.tok.is(s) {
		return false
	}
	p.advance()
	return true
}

// word goes on behind one of some words, and tells which.
func (p *textReader) word(words ...string) string {
	if p.tok.kind != tokenWord || !slices.Contains(words, p.tok.text) {
		return ""
	}
	w := p.tok.text
	p.advance()
	return w
}

func (p *textReader) expect(s string) {
	if !p.accept(s) {
		p.fail("something else was expected", strconv.Quote(s)+" was expected")
	}
}

func (p *textReader) expectWord(words ...string) string {
	w := p.word(words...)
	if w == "" {
		p.fail("a word was expected", p.expected(p.tok.text, words))
	}
	return w
}

// expected is a hint: the word that is likely meant, or all that there are. None
// is looked for that nobody will see.
func (p *textReader) expected(got string, words []string) string {
	if len(p.errs) >= maxLineErrors {
		return ""
	}
	if near := nearest(got, words); near != "" {
		return "did you mean " + near + "?"
	}
	if len(words) > 12 {
		words = append(slices.Clone(words[:12]), "…")
	}
	return "expected: " + strings.Join(words, ", ")
}

// name reads the name of a table, a chain, a set or such.
func (p *textReader) name() string {
	switch p.tok.kind {
	case tokenWord:
		return p.gluedText()
	case tokenText:
		if s := p.tok.text; s != "" && isLetter(s[0]) && wordAt(s) == len(s) {
			p.advance()
			return s
		}
	}
	p.fail("a name was expected", "names begin with a letter")
	return ""
}

// gluedText reads a word, and what stands close behind it.
func (p *textReader) gluedText() string {
	text, kind := p.tok.text, p.tok.kind
	p.advance()
	for kind != tokenText && p.tok.glued && (p.tok.kind == tokenWord || p.tok.kind == tokenNumber || p.tok.is("-") || p.tok.is("+") || p.tok.is(".")) {
		text += p.tok.text
		p.advance()
	}
	return text
}

// text reads a string in quotes, or a word.
func (p *textReader) text() string {
	if p.tok.kind != tokenText && p.tok.kind != tokenWord {
		p.fail("a string was expected", `strings stand in quotes: "…"`)
		return ""
	}
	s := p.tok.text
	p.advance()
	return s
}

// number reads a whole number that is at most max.
func (p *textReader) number(max uint64) uint64 {
	n, err := parseNumber(p.tok)
	if err != nil || n > max {
		p.fail("a number was expected", "at most "+strconv.FormatUint(max, 10))
		return 0
	}
	p.advance()
	return n
}

var errNoNumber = errors.New("no number")

func parseNumber(t token) (uint64, error) {
	if t.kind != tokenNumber {
		return 0, errNoNumber
	}
	if hex, ok := strings.CutPrefix(t.text, "0x"); ok {
		return strconv.ParseUint(hex, 16, 64)
	}
	return strconv.ParseUint(t.text, 10, 64)
}

// lines skips ends of lines and what else stands between statements.
func (p *textReader) lines() {
	for p.tok.kind == tokenLine || p.tok.kind == tokenHandle || p.tok.is(";") {
		p.advance()
	}
}

// newlines skips ends of lines inside braces.
func (p *textReader) newlines() {
	for p.tok.kind == tokenLine || p.tok.kind == tokenHandle {
		p.advance()
	}
}

// handle reads `# handle 4`, if it is there.
func (p *textReader) handle() (n uint64) {
	if p.tok.kind != tokenHandle {
		return 0
	}
	n, _ = strconv.ParseUint(p.tok.text, 10, 64)
	p.advance()
	return n
}

// block reads what stands in braces, entry by entry. An entry that is not
// understood is skipped. A handle behind the first brace is of what it opens.
func (p *textReader) block(handle *uint64, entry func()) {
	p.expect("{")
	if p.tok.kind == tokenHandle {
		*handle = p.handle()
	}
	for p.lines(); p.bad == nil && !p.tok.is("}"); p.lines() {
		if p.unclosed() {
			return
		}
		m := p.mark()
		entry()
		if p.bad == nil && !p.tok.endsStatement() {
			p.fail("this is not understood here", "the end of the line or ; was expected")
		}
		if p.bad != nil {
			p.recover(m)
		}
		if p.unclosed() {
			return
		}
	}
	p.accept("}")
}

// unclosed: the text ends inside braces, which is said once.
func (p *textReader) unclosed() bool {
	if p.tok.kind != tokenEnd {
		return false
	}
	if !p.ended {
		p.ended = true
		p.fail("a brace is not closed", "} was expected")
	}
	p.taken()
	return true
}
