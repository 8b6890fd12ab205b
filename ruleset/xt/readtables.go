package xt

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// ParseTables reads what iptables-save, ip6tables-save, arptables-save and
// ebtables-save print, with or without counters, and files for their restore, into
// typed tables. The family is told as [Sections] says; the back end is nf_tables
// where the first comment says so, else legacy. See [ParseTablesOf] where both are
// known.
//
// The error joins a *ruleset.LineError for each of the first hundred places that
// are not understood; the tables hold everything else. A match or target whose
// options cannot be read is kept as [Verbatim]; a line that is no rule is not.
func ParseTables(r io.Reader, file string) ([]*Table, error) {
	text, err := readText(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return ParseSections(Sections(file, text), file)
}

// ParseSections is [ParseTables] for the listings of one file.
func ParseSections(sections []Section, file string) ([]*Table, error) {
	var tables []*Table
	var errs []error
	for _, s := range sections {
		p := &tableReader{file: file, line: s.Line - 1, env: Env{Family: s.Family}, backend: backendOf(s.Text), tables: tables}
		p.read(string(s.Text))
		tables, errs = p.tables, append(errs, p.errs...)
	}
	return tables, errors.Join(errs[:min(len(errs), maxLineErrors)]...)
}

// ParseTablesOf is [ParseTables] for one listing of a family and a back end that
// are known. Names may say what the text's numbers and names mean.
func ParseTablesOf(r io.Reader, file string, backend ruleset.Backend, e Env) ([]*Table, error) {
	text, err := readText(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	p := &tableReader{file: file, env: e, backend: backend}
	p.read(string(text))
	return p.tables, errors.Join(p.errs...)
}

// maxText is more than the largest rulesets that are known have, tenfold.
const maxText = 1 << 30

var errTooLong = errors.New("the text is longer than 1 GiB")

func readText(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err == nil && len(b) > maxText {
		err = errTooLong
	}
	return b, err
}

// backendOf: iptables-nft-save names nf_tables behind its version.
func backendOf(text []byte) ruleset.Backend {
	for line := range strings.Lines(string(text[:min(len(text), 4<<10)])) {
		if generated([]byte(line)) != 0 && strings.Contains(line, "(nf_tables)") {
			return ruleset.NFT
		}
	}
	return ruleset.Legacy
}

// tableReader reads one listing line by line.
type tableReader struct {
	file    string
	line    int
	env     Env
	backend ruleset.Backend
	tables  []*Table
	table   *Table // open, nil between COMMIT and the next table
	chains  map[string]*Chain
	begun   int // the line at which the table begins
	errs    []error
}

func (p *tableReader) bad(column int, text, why, hint string) {
	if len(p.errs) < maxLineErrors {
		p.errs = append(p.errs, &ruleset.LineError{File: p.file, Line: p.line, Column: column, Text: text, Why: why, Hint: hint})
	}
}

func (p *tableReader) read(text string) {
	for line := range strings.Lines(text) {
		p.line++
		p.take(strings.TrimRight(line, "\r\n"))
	}
	if p.table != nil && p.commits() {
		p.bad(1, "", "the listing ends inside table "+p.table.Name, "COMMIT was expected")
	}
}

// commits: tables of iptables end with COMMIT, those of ebtables and arptables with
// the next one.
func (p *tableReader) commits() bool { return !ofLink(p.env.Family) }

// declaration is how a user's chain is declared.
func (p *tableReader) declaration(name string) string {
	switch p.env.Family {
	case bridge:
		return ":" + name + " ACCEPT"
	case arp:
		return ":" + name + " -"
	}
	return ":" + name + " - [0:0]"
}

func (p *tableReader) take(line string) {
	trimmed := strings.TrimSpace(line)
	column := 1 + strings.Index(line, trimmed)
	switch {
	case trimmed == "":
	case trimmed[0] == '#':
		p.comment(trimmed)
	case trimmed[0] == '*':
		p.open(strings.TrimSpace(trimmed[1:]))
	case p.table == nil:
		p.bad(column, line, "outside any table", `a table begins with "*filter" and ends with "COMMIT"`)
	case trimmed == "COMMIT":
		p.table = nil
	case trimmed[0] == ':':
		p.declare(column, line, trimmed[1:])
	default:
		p.rule(line, trimmed)
	}
}

func (p *tableReader) comment(line string) {
	rest, ok := strings.CutPrefix(line, "# Table `")
	name, tail, found := strings.Cut(rest, "'")
	if ok && found && strings.Contains(tail, "is incompatible") {
		p.bad(1, line, "the rules of table "+name+" are not here: "+errIncompatible, "nft list ruleset shows them")
	}
}

// open begins a table; a second listing of it replaces the first, as restoring
// it would.
func (p *tableReader) open(name string) {
	if p.table != nil && p.commits() {
		p.bad(1, "*"+name, "table "+p.table.Name+" was not committed", "COMMIT was expected before")
	}
	p.table = &Table{Name: name, Backend: p.backend, Family: p.env.Family}
	p.chains, p.begun = map[string]*Chain{}, p.line
	i := slices.IndexFunc(p.tables, func(t *Table) bool {
		return t.Name == name && t.Family == p.env.Family && t.Backend == p.backend
	})
	if i >= 0 {
		p.tables[i] = p.table
		return
	}
	p.tables = append(p.tables, p.table)
}

// declare reads `NAME POLICY [packets:bytes]`; ebtables and arptables say no counters.
func (p *tableReader) declare(column int, line, rest string) {
	words, ok := split(rest)
	if !ok || len(words) < 2 {
		p.bad(column, line, "no chain and policy", "as in :INPUT ACCEPT"+p.noCounters())
		return
	}
	ch := p.chain(words[0].text)
	if policy := words[1].text; policy != "-" {
		ch.Policy = Verdict(policy)
		if !slices.Contains(p.policies(), ch.Policy) {
			p.bad(column+1+words[1].at, line, "a policy that is not known", "ACCEPT or DROP, or - for a user's chain")
		}
	}
	if ch.Uncounted = len(words) < 3; ch.Uncounted {
		return
	}
	var counted bool
	ch.Packets, ch.Bytes, counted = countsOf(words[2].text)
	if !counted {
		p.bad(column+1+words[2].at, line, "counters that cannot be read", `they look like "[packets:bytes]"`)
	}
}

func (p *tableReader) noCounters() string {
	if p.commits() {
		return " [0:0]"
	}
	return ""
}

// policies are those that a chain may have. User's chains of ebtables have one, too.
func (p *tableReader) policies() []Verdict {
	switch p.env.Family {
	case bridge:
		return []Verdict{"ACCEPT", "DROP", "RETURN"}
	case arp:
		return []Verdict{"ACCEPT", "DROP"}
	}
	return []Verdict{"ACCEPT", "DROP", "QUEUE"}
}

// countsOf reads `[packets:bytes]`.
func countsOf(s string) (packets, bytes uint64, ok bool) {
	s, open := strings.CutPrefix(s, "[")
	s, closed := strings.CutSuffix(s, "]")
	a, b, both := strings.Cut(s, ":")
	packets, err1 := strconv.ParseUint(a, 10, 64)
	bytes, err2 := strconv.ParseUint(b, 10, 64)
	return packets, bytes, open && closed && both && err1 == nil && err2 == nil
}

// chain finds a chain of the table, or adds it.
func (p *tableReader) chain(name string) *Chain {
	ch := p.chains[name]
	if ch == nil {
		ch = &Chain{Name: name}
		p.chains[name] = ch
		p.table.Chains = append(p.table.Chains, ch)
	}
	return ch
}

func (p *tableReader) rule(line, trimmed string) {
	one := newRuleParser(p.env, p.backend)
	name, r, err := one.parse(trimmed)
	if err != nil {
		for _, e := range lineErrors(err, p.file, p.line, line) {
			if len(p.errs) < maxLineErrors {
				p.errs = append(p.errs, e)
			}
		}
	}
	if r == nil {
		return
	}
	if p.chains[name] == nil {
		p.bad(1, line, "a rule of a chain that the table did not declare", "as in "+p.declaration(name))
	}
	r.Uncounted = !one.counted
	ch := p.chain(name)
	ch.Rules = append(ch.Rules, *r)
}
