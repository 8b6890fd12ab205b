package nft

import (
	"math"
	"reflect"
	"slices"

	"github.com/pktrail/pktrail/internal/wire"
)

// set reads a set or a map from its name on.
func (p *textReader) set(kind string) {
	at, errs := p.tok, len(p.errs)
	name := p.name()
	if p.bad != nil {
		return
	}
	s := p.table.sets[name]
	if s == nil {
		s = &Set{Name: name, table: p.table, key: p.nothing()}
		p.table.sets[name] = s
		p.table.Sets = append(p.table.Sets, s)
	}
	if kind == "meter" {
		s.Flags |= setAnonymous | setEval
	}
	p.block(&s.Handle, func() { p.setEntry(s) })
	if s.Flags&setEval != 0 && !s.isMeter() {
		s.limitSize()
	}
	if s.untyped() && len(p.errs) == errs {
		p.failAt(at, "a set without a type", "type ipv4_addr, or typeof ip saddr")
	}
}

// limitSize bounds a set that rules add to, as nft does where no size is said.
func (s *Set) limitSize() {
	if s.Size == 0 {
		s.Size = usualSize
	}
}

const usualSize = 65535

func (s *Set) untyped() bool { return s.key.kind == kindValue && s.key.typ == typeInvalid }

// setEntry reads one line of a set.
func (p *textReader) setEntry(s *Set) {
	words := []string{"type", "typeof", "flags", "policy", "size", "timeout", "gc-interval", "auto-merge", "comment", "elements"}
	m := p.mark()
	switch p.word(words...) {
	case "type":
		p.setType(s, p.typeName)
	case "typeof":
		s.typeOf = true
		p.setType(s, p.typeOf)
	case "flags":
		s.Flags |= p.flags([]symbol{{"constant", setConstant}, {"interval", setInterval}, {"timeout", setTimeout}, {"dynamic", setEval}})
	case "policy":
		s.Policy = 0
		if p.expectWord("memory", "performance") == "memory" {
			s.Policy = 1
		}
	case "size":
		s.Size = uint32(p.number(math.MaxUint32))
	case "timeout":
		s.Timeout = p.duration()
		s.Flags |= setTimeout
	case "gc-interval":
		s.GCInterval = p.duration()
	case "auto-merge":
		s.autoMerge = true
	case "comment":
		s.Comment = p.text()
	case "elements":
		p.expect("=")
		p.elementsOf(s)
	case "":
		for in := p.stateful(); in != nil; in = p.stateful() {
			s.inner = append(s.inner, in)
		}
		if len(s.inner) > 0 || p.bad != nil {
			return
		}
		p.fail("nothing that a set has", p.expected(m.tok.text, words))
	}
}

// setType reads the type of the key, and of a map the type of what it gives.
func (p *textReader) setType(s *Set, one func() *term) {
	key := p.joinedTypes(one)
	if p.bad != nil {
		return
	}
	s.key = key
	if !p.accept(":") {
		return
	}
	s.Flags |= setMap
	m := p.mark()
	if typ := p.objectType(); typ != 0 {
		s.Flags = s.Flags&^setMap | setObject
		s.ObjType = typ
		return
	}
	p.back(m)
	s.dataInterval = p.word("interval") != ""
	if p.word("verdict") != "" {
		s.data = newNumber(0, 128, typeVerdict, orderUnknown)
		if s.typeOf {
			s.data = newLeaf(plainLeaf("verdict"), typeVerdict, orderUnknown, 128)
		}
		return
	}
	s.data = p.joinedTypes(one)
}

func (p *textReader) objectType() uint32 {
	word := p.word("counter", "quota", "limit", "secmark", "synproxy", "ct")
	if word == "ct" {
		word = "ct " + p.word("helper", "timeout", "expectation")
	}
	return objectNumber(word)
}

func objectNumber(word string) uint32 {
	for typ := uint32(1); typ <= objSynproxy; typ++ {
		if objectWord(typ) == word {
			return typ
		}
	}
	return 0
}

// joinedTypes reads types, or expressions, that are joined by dots.
func (p *textReader) joinedTypes(one func() *term) *term {
	list := []*term{one()}
	for p.bad == nil && p.accept(".") {
		list = append(list, one())
	}
	if len(list) == 1 || p.bad != nil {
		return list[0]
	}
	return joinTerms(list)
}

// joinTerms is a concatenation.
func joinTerms(list []*term) *term {
	all := &term{kind: kindConcat, list: list, typ: &dataType{name: "concat"}}
	var id uint32
	for _, part := range list {
		all.bits += paddedBits(part.bits)
		id = joinType(id, part.typ)
	}
	if typ := concatType(id); typ != nil && len(list) <= 5 {
		all.typ = typ
	}
	return all
}

// typeName reads the name of a type.
func (p *textReader) typeName() *term {
	for _, typ := range knownTypes {
		if p.tok.kind == tokenWord && typ.name == p.tok.text && typ != typeInvalid {
			p.advance()
			return newNumber(0, typ.bits, typ, typ.order)
		}
	}
	p.fail("a type that is not known", p.expected(p.tok.text, typeNames()))
	return newNumber(0, 0, typeInvalid, orderUnknown)
}

func typeNames() (names []string) {
	for _, typ := range knownTypes {
		if typ.bits > 0 {
			names = append(names, typ.name)
		}
	}
	return names
}

// typeOf reads an expression that has the type.
func (p *textReader) typeOf() *term { return p.field() }

// parts are what a key or the data of a map is made of.
func (t *term) parts() []*term {
	if t.kind == kindConcat && len(t.list) > 0 {
		return t.list
	}
	if len(t.typ.parts) == 0 {
		return []*term{t}
	}
	var all []*term
	for _, typ := range t.typ.parts {
		all = append(all, newNumber(0, typ.bits, typ, typ.order))
	}
	return all
}

// elementsOf reads `{ a, b }`. If there is one key, and nothing beside it, it is given.
func (p *textReader) elementsOf(s *Set) (only *term) {
	if s.untyped() {
		p.fail("elements before the type", "the type comes first")
		return nil
	}
	given := s.given
	p.elements(s, &given)
	if p.bad != nil {
		return nil
	}
	s.given = given
	if s.isAnonymous() {
		s.Size = uint32(len(given))
	}
	if len(given) == 1 && given[0].kind == kindElem && given[0].elem.isPlain() {
		only = given[0].left
	}
	s.arrange()
	return only
}

// elements reads what stands in braces; a variable may hold braces inside them.
func (p *textReader) elements(s *Set, to *[]*term) {
	if p.nested++; p.nested > maxNested {
		p.fail("braces inside of braces, too deep", "write the elements out")
	}
	defer func() { p.nested-- }()
	p.expect("{")
	for p.newlines(); p.bad == nil && !p.tok.is("}"); p.newlines() {
		if p.tok.is("{") {
			p.elements(s, to)
		} else {
			*to = append(*to, p.element(s))
		}
		p.newlines()
		if !p.accept(",") {
			break
		}
	}
	p.newlines()
	p.expect("}")
}

// element reads a key, what it has beside it, and what a map gives for it.
func (p *textReader) element(s *Set) *term {
	state := &elemState{inner: s.zeroes()}
	key := p.elementKey(s.key)
	e := &term{kind: kindElem, left: key, typ: key.typ, order: key.order, bits: key.bits, elem: state}
	p.elementOptions(state)
	p.newlines()
	if s.data == nil && s.Flags&setObject == 0 {
		return e
	}
	p.expect(":")
	p.newlines()
	m := &term{kind: kindMapping, left: e, typ: e.typ, order: e.order, bits: e.bits}
	switch {
	case s.Flags&setObject != 0:
		m.right = textTerm(p.text())
	case s.isVerdictMap():
		m.right = p.verdict()
	default:
		m.right = p.mapData(s)
	}
	p.elementOptions(state)
	return m
}

// isPlain: a comment does not count, since nft drops it with the braces.
func (s *elemState) isPlain() bool {
	return s.timeout == 0 && s.expires == 0 && len(s.inner) == 0
}

func (p *textReader) elementKey(of *term) *term {
	if p.accept("*") {
		return &term{kind: kindCatchAll, typ: of.typ, order: of.order, bits: of.bits}
	}
	return p.joinedValues(of)
}

// joinedValues reads a value, or several that are joined by dots.
func (p *textReader) joinedValues(of *term) *term {
	parts := of.parts()
	if len(parts) == 1 {
		return p.constantOf(parts[0])
	}
	all := &term{kind: kindConcat, typ: of.typ, bits: of.bits}
	for i, part := range parts {
		if i > 0 {
			p.newlines()
			p.expect(".")
			p.newlines()
		}
		all.list = append(all.list, p.constantOf(part))
	}
	return all
}

// constantOf reads what an element may be made of: no field, and no other set.
func (p *textReader) constantOf(of *term) *term {
	at := p.tok
	t := p.valueOf(of)
	switch t.kind {
	case kindValue, kindRange, kindPrefix:
		return t
	case kindLeaf:
		if _, named := t.leaf.(plainLeaf); named {
			return t
		}
	}
	p.failAt(at, "elements are values", "a value of type "+of.typ.name+" was expected")
	return t
}

// mapData reads what a map gives.
func (p *textReader) mapData(s *Set) *term {
	data := p.joinedValues(s.data)
	if s.dataInterval && p.bad == nil {
		return shortRange(data)
	}
	return data
}

// shortRange says the ranges that a map of intervals gives as prefixes, where
// they are some.
func shortRange(data *term) *term {
	switch data.kind {
	case kindRange:
		return rangeToPrefix(data)
	case kindValue:
		return rangeToPrefix(newRange(data, data))
	case kindConcat:
		for i, part := range data.list {
			if part.kind == kindRange {
				data.list[i] = reduceRange(part)
			}
		}
	}
	return data
}

func (p *textReader) elementOptions(state *elemState) {
	for p.bad == nil {
		switch p.word("timeout", "expires", "comment") {
		case "timeout":
			state.timeout = p.duration()
		case "expires":
			state.expires = p.duration()
		case "comment":
			state.comment = p.text()
		default:
			in := p.stateful()
			if in == nil {
				return
			}
			state.hold(in)
		}
	}
}

// hold adds a counter or such, in place of the one that the set gave.
func (s *elemState) hold(in stmt) {
	for i, had := range s.inner {
		if reflect.TypeOf(had) == reflect.TypeOf(in) {
			s.inner[i] = in
			return
		}
	}
	s.inner = append(s.inner, in)
}

// zeroes are the counters and such that a new element is given by its set.
func (s *Set) zeroes() []stmt {
	if s.Flags&setAnonymous != 0 {
		return nil
	}
	return slices.Clone(s.inner)
}

// elementCommand reads `inet fw bad { 10.0.0.1 }` behind add element.
func (p *textReader) elementCommand() {
	p.inTable(func() {
		at := p.tok
		s := p.table.sets[p.name()]
		if s == nil {
			p.failAt(at, "a set that is not there", "add set comes first")
			return
		}
		p.elementsOf(s)
	})
}

// textTerm is a string as it is printed.
func textTerm(s string) *term {
	t := newNumber(0, 0, typeString, orderHost)
	t.setText(s)
	return t
}

// innerStmts are the counters and such that each new element is given.
func (s *Set) innerStmts() []stmt {
	if len(s.inner) > 0 {
		return s.inner
	}
	return innerStmts(s.table, wire.Attrs(s.exprs))
}
