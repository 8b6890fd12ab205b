package nft

import (
	"math"
	"slices"
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// chain reads a chain from its name on.
func (p *textReader) chain() {
	name := p.name()
	if p.bad != nil {
		return
	}
	ch := p.table.chains[name]
	if ch == nil {
		ch = &Chain{Name: name}
		p.table.chains[name] = ch
		p.table.Chains = append(p.table.Chains, ch)
	}
	if p.tok.is("{") {
		p.block(&ch.Handle, func() { p.chainEntry(ch) })
	}
}

// chainEntry reads a rule, or what else a chain has.
func (p *textReader) chainEntry(ch *Chain) {
	m := p.mark()
	switch p.word("type", "policy", "comment", "flags", "device", "devices", "define", "redefine", "undefine", "include") {
	case "type":
		p.base(ch)
	case "policy":
		ch.Policy = 0
		if p.expectWord("accept", "drop") == "accept" {
			ch.Policy = 1
		}
	case "comment":
		ch.Comment = p.text()
	case "flags":
		ch.Flags |= p.flags([]symbol{{"offload", chainOffload}})
	case "device", "devices":
		p.devices(&ch.Devices)
	case "":
		ch.Rules = append(ch.Rules, p.rule())
	default:
		p.back(m)
		p.definition()
	}
}

// base reads `filter hook input priority filter`.
func (p *textReader) base(ch *Chain) {
	typ := p.expectWord("filter", "nat", "route")
	p.expectWord("hook")
	hook := p.hook(p.table.Family)
	for p.bad == nil && p.word("device", "devices") != "" {
		p.devices(&ch.Devices)
	}
	p.expectWord("priority")
	priority := p.priority(p.table.Family)
	if p.bad == nil {
		ch.Type, ch.Hook, ch.Priority, ch.Policy = typ, hook, priority, 1
	}
}

func (p *textReader) hook(fam ruleset.Family) uint32 {
	var words []string
	for n := range uint32(6) {
		if w := hookWord(fam, n); w != "unknown" {
			words = append(words, w)
		}
	}
	w := p.expectWord(words...)
	return uint32(max(slices.Index(words, w), 0))
}

// devices reads `"eth0"` or `= { eth0, eth1 }`.
func (p *textReader) devices(to *[]string) {
	p.accept("=")
	if !p.accept("{") {
		*to = append(*to, p.name())
		return
	}
	for p.newlines(); p.bad == nil && !p.tok.is("}"); p.newlines() {
		if p.tok.is("{") { // a variable that is itself a list
			p.devices(to)
		} else {
			*to = append(*to, p.name())
		}
		p.newlines()
		if !p.accept(",") {
			break
		}
	}
	p.newlines()
	p.expect("}")
	slices.Sort(*to)
}

// priority reads a number, or a name with a number added to it or taken off.
func (p *textReader) priority(fam ruleset.Family) int32 {
	sum := int64(0)
	named := p.tok.kind == tokenWord
	if named {
		n, ok := namedPriority(p.tok.text, fam)
		if !ok {
			p.fail("a priority that is not known", "raw, mangle, dstnat, filter, security, srcnat, or a number")
			return 0
		}
		sum = n
		p.advance()
	}
	switch {
	case p.accept("-"):
		sum -= int64(p.number(math.MaxInt32))
	case p.accept("+"), !named:
		sum += int64(p.number(math.MaxInt32))
	}
	return int32(max(min(sum, math.MaxInt32), math.MinInt32))
}

// ruleCommand reads `inet fw input … ` behind add rule, insert rule or replace rule.
func (p *textReader) ruleCommand(verb string) {
	p.inTable(func() {
		at := p.tok
		ch := p.table.chains[p.name()]
		if ch == nil {
			p.failAt(at, "a chain that is not there", "add chain comes first")
			return
		}
		where := p.rulePlace(verb, ch)
		switch r := p.rule(); {
		case p.bad != nil:
		case len(r.written) == 0:
			p.fail("a rule without a statement", "a match or a verdict was expected")
		default:
			ch.Rules = slices.Insert(ch.Rules, where, r)
		}
	})
}

// rulePlace reads `index 2`, `position 7` or `handle 7`: where a rule goes, or
// with replace where one is taken away.
func (p *textReader) rulePlace(verb string, ch *Chain) int {
	where := len(ch.Rules)
	if verb == "insert" {
		where = 0
	}
	at := p.tok
	word := p.word("index", "position", "handle")
	if word == "" {
		if verb == "replace" {
			p.fail("which rule is replaced was expected", "handle NUMBER")
		}
		return where
	}
	n := p.number(math.MaxInt32)
	found := int(n)
	if word != "index" {
		found = slices.IndexFunc(ch.Rules, func(r *Rule) bool { return r.Handle == n })
	}
	if found < 0 || found >= len(ch.Rules) {
		p.failAt(at, "a rule that is not there", "the chain has "+strconv.Itoa(len(ch.Rules)))
		return where
	}
	switch verb {
	case "add":
		found++
	case "replace":
		ch.Rules = slices.Delete(ch.Rules, found, found+1)
	}
	return found
}

// rule reads statements to the end of the line. From one that is not understood
// on, the rule is kept as it was written.
func (p *textReader) rule() *Rule {
	r := &Rule{written: []lowered{}}
	outer := p.sum
	p.sum = newLowerer(p.table)
	for !p.tok.endsStatement() {
		m := p.mark()
		if p.word("comment") != "" {
			r.Comment = p.text()
		} else if add := p.statement(); add != nil && p.bad == nil {
			p.keep(r, m, add)
		}
		if p.bad != nil {
			text := p.recover(m)
			r.written = append(r.written, func(w *lowerer) { w.add(&writtenStmt{text}) })
			break
		}
	}
	p.sum = outer
	r.Handle = p.handle()
	return r
}

// keep adds a statement, unless nft would say that it cannot be here.
func (p *textReader) keep(r *Rule, m mark, add lowered) {
	add(p.sum)
	p.sum.stmts = nil
	if p.sum.conflict != "" {
		p.failAt(m.tok, p.sum.conflict, "no packet is both")
		return
	}
	r.written = append(r.written, add)
}

// writtenStmt is the rest of a rule that was not understood.
type writtenStmt struct{ text string }

func (s *writtenStmt) ask(c *conditions) { c.untold(s, "words that are not understood") }
func (s *writtenStmt) settle(c *settler) { c.add(s) }
func (s *writtenStmt) print(p *printer)  { p.s(s.text) }
