// Package nft reads the rules of nf_tables and writes them as nft lists them: from
// the kernel's netlink messages ([Native.Take]), from nft's words ([ParseRuleset])
// and from its JSON ([ParseJSON]), all to the same statements. It tells what each
// rule asks of a packet and does to it ([Table.Model]). [ParseList] only takes a
// listing apart into the texts of its rules. It runs no tool and asks no kernel.
package nft

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// ParseList reads the output of `nft list ruleset` or `nft list table`, with
// handles (-a) or without. A rule's text is as nft prints it, without the
// indentation before and the handle behind it, byte for byte. Sets, maps,
// objects and flowtables are passed over. Lines that cannot be understood are
// named in the error, which joins a *ruleset.LineError for each of the first
// hundred; the tables hold everything else.
func ParseList(r io.Reader) ([]*ruleset.Table, error) {
	p := &parser{}
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
	p.finish()
	return p.tables, errors.Join(p.errs...)
}

type parser struct {
	line   int
	tables []*ruleset.Table
	table  *ruleset.Table // open
	chain  *ruleset.Chain // open
	errs   []error

	// skipping is true inside a set, a map or another object of the table.
	skipping bool
	// open is a statement or an object that goes on over several lines.
	open     strings.Builder
	openLine int
	state    balance
}

const maxLineErrors = 100

func (p *parser) bad(line int, text, why string) {
	if len(p.errs) < maxLineErrors {
		p.errs = append(p.errs, &ruleset.LineError{Line: line, Text: text, Why: why})
	}
}

func (p *parser) take(line string) {
	trimmed := strings.TrimSpace(line)
	switch {
	case p.skipping:
		p.state.add(line)
		p.skipping = !p.state.even()
	case p.chain != nil:
		p.inChain(line, trimmed)
	case trimmed == "" || trimmed[0] == '#':
	case p.table != nil:
		p.inTable(line, trimmed)
	default:
		p.atTop(line, trimmed)
	}
}

func (p *parser) atTop(line, trimmed string) {
	words, opens := header(trimmed)
	if !opens || len(words) != 3 || words[0] != "table" {
		p.bad(p.line, line, "outside any table")
		return
	}
	fam, ok := familyOf(words[1])
	if !ok {
		p.bad(p.line, line, "a family that nft does not have")
		return
	}
	p.table = &ruleset.Table{Dialect: ruleset.Nftables}
	p.table.TableKey = ruleset.TableKey{Backend: ruleset.NFT, Family: fam, Name: words[2]}
	p.tables = append(p.tables, p.table)
}

func (p *parser) inTable(line, trimmed string) {
	words, opens := header(trimmed)
	switch {
	case trimmed == "}":
		p.table = nil
	case opens && len(words) == 2 && words[0] == "chain":
		p.chain = &ruleset.Chain{Name: words[1]}
		p.table.Chains = append(p.table.Chains, p.chain)
	default: // an object, or the table's flags or comment
		p.state, p.openLine = balance{}, p.line
		p.state.add(line)
		p.skipping = !p.state.even()
	}
}

// inChain gathers a statement, which goes on while a brace or a quote is open.
// A handle at the end of a line ends it in any case: strings that the kernel
// holds may themselves hold quotes, which nft prints as they are.
func (p *parser) inChain(line, trimmed string) {
	if p.open.Len() == 0 {
		switch {
		case trimmed == "":
			return
		case trimmed == "}":
			p.chain = nil
			return
		}
		p.state, p.openLine = balance{}, p.line
		line = strings.TrimLeft(line, " \t")
	} else {
		p.open.WriteByte('\n')
	}
	p.open.WriteString(line)
	p.state.add(line)
	if _, _, ended := cutHandle(line); ended || p.state.even() {
		p.statement(p.open.String())
		p.open.Reset()
	}
}

// statement is one whole entry of a chain.
func (p *parser) statement(s string) {
	if s[0] == '#' {
		return
	}
	first := len(p.chain.Rules) == 0
	if first && p.chain.Base == nil {
		if base, policy, ok := parseBase(s, p.table.Family); ok {
			p.chain.Base, p.chain.Policy = base, policy
			if base.Hook == "" {
				p.bad(p.openLine, s, "a base chain without a hook and a priority that are known")
			}
			return
		}
	}
	text, handle, numbered := cutHandle(s)
	if first && !numbered && strings.HasPrefix(s, `comment "`) {
		return
	}
	p.chain.Rules = append(p.chain.Rules, ruleset.Rule{
		Number: len(p.chain.Rules) + 1, Handle: handle, Text: text,
		Effect: EffectOf(text, p.table.Family),
	})
}

// finish reports what the end of the listing left open.
func (p *parser) finish() {
	switch {
	case p.open.Len() > 0:
		p.bad(p.openLine, p.open.String(), "a brace or a quote is not closed")
		p.statement(p.open.String())
	case p.skipping:
		p.bad(p.openLine, "", "an object is not closed")
	case p.table != nil:
		p.bad(p.line, "", "the listing ends inside table "+p.table.Name)
	}
}
