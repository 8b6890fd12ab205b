package xt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// errIncompatible marks a table of nf_tables that iptables-nft-save named but
// could not show in its own words.
const errIncompatible = "it holds rules that iptables cannot show"

// ParseSave reads the output of iptables-save or ip6tables-save. A rule's text
// is its line without the counters before it, byte for byte. Lines that cannot
// be understood are named in the error, which joins a *ruleset.LineError for each of
// the first hundred; the tables hold everything else. A table that
// iptables-nft-save calls incompatible comes without chains, and NoText says why.
func ParseSave(r io.Reader, fam ruleset.Family, backend ruleset.Backend) ([]*ruleset.Table, error) {
	p := &parser{fam: fam, backend: backend}
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			p.line++
			p.take(strings.TrimSuffix(line, "\n"))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p.tables, fmt.Errorf("read the listing at line %d: %w", p.line+1, err)
		}
	}
	if p.table != nil {
		p.bad("", "the listing ends inside table "+p.table.Name, "COMMIT was expected")
	}
	for _, t := range p.tables {
		setEffects(t)
	}
	return p.tables, errors.Join(p.errs...)
}

type parser struct {
	fam     ruleset.Family
	backend ruleset.Backend
	line    int
	tables  []*ruleset.Table
	table   *ruleset.Table            // open, nil between COMMIT and the next table
	chains  map[string]*ruleset.Chain // of the open table
	errs    []error
}

// maxLineErrors keeps the report of a file that is no listing at all short.
const maxLineErrors = 100

func (p *parser) bad(line, why, hint string) {
	if len(p.errs) < maxLineErrors {
		column := 1 + len(line) - len(strings.TrimLeft(line, " \t"))
		p.errs = append(p.errs, &ruleset.LineError{Line: p.line, Column: column, Text: line, Why: why, Hint: hint})
	}
}

func (p *parser) take(line string) {
	trimmed := strings.TrimSpace(line)
	switch {
	case trimmed == "":
	case trimmed[0] == '#':
		p.takeComment(trimmed)
	case trimmed[0] == '*':
		p.open(strings.TrimSpace(trimmed[1:]))
	case p.table == nil:
		p.bad(line, "outside any table", `a table begins with "*filter" and ends with "COMMIT"`)
	case trimmed == "COMMIT":
		p.table = nil
	case trimmed[0] == ':':
		p.declare(line, trimmed[1:])
	default:
		p.rule(line)
	}
}

// takeComment keeps the one comment that says something about a table.
func (p *parser) takeComment(line string) {
	rest, ok := strings.CutPrefix(line, "# Table `")
	name, tail, found := strings.Cut(rest, "'")
	if ok && found && strings.Contains(tail, "is incompatible") {
		p.open(name)
		p.table.NoText = errIncompatible
		p.table = nil
	}
}

// open begins a table; a second listing of a table replaces the first, as
// restoring it would.
func (p *parser) open(name string) {
	if p.table != nil {
		p.bad("*"+name, "table "+p.table.Name+" was not committed", "COMMIT was expected before")
	}
	t := &ruleset.Table{Dialect: ruleset.Iptables}
	t.TableKey = ruleset.TableKey{Backend: p.backend, Family: p.fam, Name: name}
	p.table, p.chains = t, map[string]*ruleset.Chain{}
	for i, old := range p.tables {
		if old.Name == name {
			p.tables[i] = t
			return
		}
	}
	p.tables = append(p.tables, t)
}

// declare reads `NAME POLICY [packets:bytes]`.
func (p *parser) declare(line, rest string) {
	words, ok := split(rest)
	if !ok || len(words) < 2 {
		p.bad(line, "no chain and policy", "as in :INPUT ACCEPT [0:0]")
		return
	}
	ch := p.addChain(words[0].text)
	if ch.Base == nil {
		if words[1].text != "-" {
			p.bad(line, "a policy on a chain that is not built in", "user's chains have - instead")
		}
		return
	}
	switch words[1].text {
	case "ACCEPT":
		ch.Policy = ruleset.Accept
	case "DROP":
		ch.Policy = ruleset.Drop
	case "QUEUE":
		ch.Policy = ruleset.Queue
	case "-":
	default:
		ch.Policy = ruleset.Unknown
	}
}

func (p *parser) addChain(name string) *ruleset.Chain {
	if ch := p.chains[name]; ch != nil {
		return ch
	}
	ch := &ruleset.Chain{Name: name}
	for _, b := range builtins(p.table.Name) {
		if b.name == name {
			ch.Base = baseOf(p.table.Name, b)
		}
	}
	p.chains[name] = ch
	p.table.Chains = append(p.table.Chains, ch)
	return ch
}

func (p *parser) rule(line string) {
	text, ok := cutCounters(line)
	if !ok {
		p.bad(line, "counters without an end", `they look like "[packets:bytes] "`)
		return
	}
	words, ok := split(text)
	switch {
	case !ok:
		p.bad(line, "a quote that does not end", `put " at the end of the text`)
	case len(words) < 2 || words[0].text != "-A" && words[0].text != "--append":
		p.bad(line, "not a rule in the form of iptables-save", "-A CHAIN … was expected")
		return
	case p.chains[words[1].text] == nil:
		p.bad(line, "a rule of a chain that the table did not declare", "as in :"+words[1].text+" - [0:0]")
	}
	if len(words) < 2 {
		return
	}
	ch := p.addChain(words[1].text)
	ch.Rules = append(ch.Rules, ruleset.Rule{Number: len(ch.Rules) + 1, Text: text})
}

// cutCounters takes `[packets:bytes] ` off the front of a rule.
func cutCounters(line string) (string, bool) {
	if !strings.HasPrefix(line, "[") {
		return line, true
	}
	_, rest, ok := strings.Cut(line, "]")
	return strings.TrimLeft(rest, " "), ok
}

// setEffects waits for the whole table, because a target may be a chain that
// is declared later.
func setEffects(t *ruleset.Table) {
	names := make(map[string]bool, len(t.Chains))
	for _, ch := range t.Chains {
		if ch.Base == nil {
			names[ch.Name] = true
		}
	}
	for _, ch := range t.Chains {
		for i := range ch.Rules {
			ch.Rules[i].Effect = EffectOf(ch.Rules[i].Text, t.Family, func(name string) bool { return names[name] })
		}
	}
}
