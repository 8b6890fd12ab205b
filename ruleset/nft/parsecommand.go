package nft

import (
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// commands reads the whole text.
func (p *textReader) commands() {
	for {
		p.lines()
		if p.tok.kind == tokenEnd {
			p.taken()
			return
		}
		m := p.mark()
		p.command()
		if p.bad == nil && (p.tok.is("}") || !p.tok.endsStatement()) {
			p.fail("this is not understood here", "a command was expected: table, add, flush, define")
		}
		if p.bad != nil {
			p.recover(m)
			p.accept("}")
			p.taken()
		}
	}
}

var objectKinds = []string{"counter", "quota", "limit", "secmark", "synproxy", "ct"}

// command reads one command of nft, or a table in braces.
func (p *textReader) command() {
	switch verb := p.tok.text; {
	case p.tok.kind != tokenWord:
		p.fail("a command was expected", "a ruleset begins with table, add, flush or define")
	case p.definition():
	case verb == "table":
		p.advance()
		p.tableCommand(true)
	case verb == "add" || verb == "create":
		p.advance()
		p.add(false)
	case verb == "insert" || verb == "replace":
		p.advance()
		p.expectWord("rule")
		p.ruleCommand(verb)
	case verb == "delete" || verb == "destroy" || verb == "flush":
		p.advance()
		p.remove(verb)
	default:
		p.add(true)
	}
}

// add reads what stands behind add, or behind nothing.
func (p *textReader) add(bare bool) {
	kinds := append([]string{"table", "chain", "rule", "set", "map", "element", "flowtable"}, objectKinds...)
	switch kind := p.tok.text; {
	case p.tok.kind != tokenWord || !slices.Contains(kinds, kind):
		if bare {
			kinds = append(kinds, "add", "create", "insert", "delete", "destroy", "flush", "define", "include")
		}
		p.fail("a command that is not known", p.expected(kind, kinds))
	case kind == "table":
		p.advance()
		p.tableCommand(true)
	case kind == "rule":
		p.advance()
		p.ruleCommand("add")
	case kind == "element":
		p.advance()
		p.elementCommand()
	default:
		p.advance()
		if kind == "ct" {
			kind = "ct " + p.expectWord("helper", "timeout", "expectation")
		}
		p.inTable(func() { p.member(kind) })
	}
}

// family reads the family of a table, which is IPv4 where none is said.
func (p *textReader) family() ruleset.Family {
	if fam, ok := familyOf(p.tok.text); ok && p.tok.kind == tokenWord {
		p.advance()
		return fam
	}
	return ruleset.IP
}

// tableCommand reads `inet fw { … }`, or without the braces.
func (p *textReader) tableCommand(make bool) {
	fam := p.family()
	name := p.name()
	if p.bad != nil {
		return
	}
	p.table = p.open(fam, name)
	if p.tok.is("{") {
		p.block(&p.table.Handle, p.tableEntry)
	}
	p.table = nil
}

// open finds a table, or makes it.
func (p *textReader) open(fam ruleset.Family, name string) *Table {
	key := tableKey{fam, name}
	if t := p.native.byKey[key]; t != nil {
		return t
	}
	t := &Table{Family: fam, Name: name, chains: map[string]*Chain{}, sets: map[string]*Set{}}
	p.native.byKey[key] = t
	p.native.Tables = append(p.native.Tables, t)
	return t
}

// inTable reads the table that a command is about, and then the rest.
func (p *textReader) inTable(rest func()) {
	fam := p.family()
	at := p.tok
	name := p.name()
	if p.bad != nil {
		return
	}
	if p.table = p.native.byKey[tableKey{fam, name}]; p.table == nil {
		p.failAt(at, "a table that is not there", "add table "+fam.String()+" "+name+" comes first")
		return
	}
	rest()
	p.table = nil
}

// tableEntry reads one thing of a table.
func (p *textReader) tableEntry() {
	kinds := append([]string{"chain", "set", "map", "meter", "flowtable", "flags", "comment"}, objectKinds...)
	kind := p.tok.text
	switch {
	case p.definition():
		return
	case p.tok.kind != tokenWord || !slices.Contains(kinds, kind):
		p.fail("nothing that a table has", p.expected(kind, kinds))
		return
	}
	p.advance()
	switch kind {
	case "flags":
		p.table.Flags |= p.flags(tableFlagWords)
	case "comment":
		p.table.Comment = p.text()
	case "ct":
		p.member("ct " + p.expectWord("helper", "timeout", "expectation"))
	default:
		p.member(kind)
	}
}

var tableFlagWords = []symbol{{"dormant", tableDormant}, {"owner", tableOwner}, {"persist", tablePersist}}

// flags reads words that are joined by commas.
func (p *textReader) flags(words []symbol) (n uint32) {
	for p.bad == nil {
		i := slices.IndexFunc(words, func(s symbol) bool { return s.name == p.tok.text })
		if i < 0 {
			p.fail("a flag that is not known", p.expected(p.tok.text, symbolNames(words)))
			return n
		}
		n |= uint32(words[i].value)
		p.advance()
		if !p.accept(",") {
			return n
		}
	}
	return n
}

// member reads a chain, a set or another thing that a table has, from its name on.
func (p *textReader) member(kind string) {
	switch kind {
	case "chain":
		p.chain()
	case "set", "map", "meter":
		p.set(kind)
	case "flowtable":
		p.flowtable()
	default:
		p.object(kind)
	}
}

// definition reads define, redefine, undefine and include.
func (p *textReader) definition() bool {
	switch p.word("define", "redefine", "undefine", "include") {
	case "define", "redefine":
		name := p.tok.text
		p.advance()
		if !p.tok.is("=") {
			p.fail("a variable without a value", "define NAME = VALUE")
			return true
		}
		p.skipToken() // its value is read where it is used
		p.define(name)
	case "undefine":
		delete(p.vars, p.tok.text)
		p.advance()
	case "include":
		p.including()
	default:
		return false
	}
	return true
}

// including goes on with the text of other files.
func (p *textReader) including() {
	at := p.tok
	pattern := p.text()
	switch {
	case p.bad != nil:
		return
	case p.include == nil:
		p.failAt(at, "rules in other files are not read", "give the output of nft list ruleset, or the files one by one")
		return
	case p.after.depth >= maxVariableDepth:
		p.failAt(at, "files that include each other", "")
		return
	case p.tok.kind != tokenLine && p.tok.kind != tokenEnd:
		p.fail("more than a file is included", "the end of the line was expected")
		return
	}
	files, err := p.include(pattern)
	if err != nil {
		p.failAt(at, err.Error(), "")
		return
	}
	for _, f := range slices.Backward(files) {
		up := p.after
		text := f.Text + "\n"
		p.after = cursor{place: place{from: &source{name: f.Name, text: text}}, end: len(text), up: &up, depth: up.depth + 1}
	}
	p.tok = token{kind: tokenLine, place: at.place}
}

// define keeps where the value of a variable stands, to read it where it is used.
func (p *textReader) define(name string) {
	value := cursor{place: p.tok.place, depth: p.after.depth, up: nil}
	for depth := 0; p.tok.kind != tokenEnd && (depth > 0 || p.tok.kind != tokenLine && !p.tok.is(";")); {
		switch {
		case p.tok.is("{"):
			depth++
		case p.tok.is("}"):
			depth--
		case p.tok.is(","):
			p.skipToken()
			p.newlines()
			continue
		}
		p.skipToken()
	}
	value.end = p.prior
	if p.tok.place.from != value.from || value.end <= value.at {
		p.fail("a variable without a value", "define NAME = VALUE")
		return
	}
	value.depth = 0
	p.vars[name] = value
}

// remove reads what stands behind delete, destroy or flush.
func (p *textReader) remove(verb string) {
	if verb == "flush" && p.word("ruleset") != "" {
		p.flushRuleset()
		return
	}
	kinds := append([]string{"table", "chain", "rule", "set", "map", "meter", "element", "flowtable"}, objectKinds...)
	kind := p.expectWord(kinds...)
	if kind == "ct" {
		kind = "ct " + p.expectWord("helper", "timeout", "expectation")
	}
	fam := p.family()
	name := p.name()
	if p.bad != nil {
		return
	}
	t := p.native.byKey[tableKey{fam, name}]
	switch {
	case kind == "table" && verb == "flush":
		t.flush()
	case kind == "table":
		p.dropTable(t)
	case t == nil:
		p.skipCommand()
	default:
		p.removeFrom(t, verb, kind)
	}
}

// skipCommand passes over what there is nothing to do for.
func (p *textReader) skipCommand() {
	for depth := 0; p.tok.kind != tokenEnd && (depth > 0 || !p.tok.endsStatement()); p.advance() {
		switch {
		case p.tok.is("{"):
			depth++
		case p.tok.is("}"):
			depth--
		}
	}
}

func (p *textReader) flushRuleset() {
	fam, one := familyOf(p.tok.text)
	if one {
		p.advance()
	}
	for _, t := range slices.Clone(p.native.Tables) {
		if !one || t.Family == fam {
			p.dropTable(t)
		}
	}
}

func (p *textReader) dropTable(t *Table) {
	if t == nil {
		return
	}
	delete(p.native.byKey, tableKey{t.Family, t.Name})
	p.native.Tables = slices.DeleteFunc(p.native.Tables, func(o *Table) bool { return o == t })
}

// flush takes the rules out of all chains.
func (t *Table) flush() {
	if t == nil {
		return
	}
	for _, ch := range t.Chains {
		ch.Rules = nil
	}
}

// removeFrom deletes a thing of a table, or empties it.
func (p *textReader) removeFrom(t *Table, verb, kind string) {
	if kind == "rule" || kind == "element" {
		p.fail("rules and elements are not deleted from a text", "leave them out")
		return
	}
	name := p.name()
	switch {
	case verb == "flush" && kind == "chain":
		if ch := t.chains[name]; ch != nil {
			ch.Rules = nil
		}
	case verb == "flush":
		if s := t.sets[name]; s != nil {
			s.given = nil
		}
	case kind == "chain":
		delete(t.chains, name)
		t.Chains = slices.DeleteFunc(t.Chains, func(c *Chain) bool { return c.Name == name })
	case kind == "set" || kind == "map" || kind == "meter":
		delete(t.sets, name)
		t.Sets = slices.DeleteFunc(t.Sets, func(s *Set) bool { return s.Name == name })
	case kind == "flowtable":
		t.Flowtables = slices.DeleteFunc(t.Flowtables, func(f *Flowtable) bool { return f.Name == name })
	default:
		t.Objects = slices.DeleteFunc(t.Objects, func(o *Object) bool { return o.Name == name && objectWord(o.Type) == kind })
	}
}
