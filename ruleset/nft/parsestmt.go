package nft

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// statement reads one statement of a rule; nil if there is nothing to add for it.
func (p *textReader) statement() lowered {
	if p.tok.kind == tokenWord {
		if add, known := p.wordStatement(p.tok.text); known {
			return add
		}
	}
	if s := p.stateful(); s != nil || p.bad != nil {
		return as(s)
	}
	return p.matching()
}

// as adds a statement that is the same however often a rule is looked at.
func as(s stmt) lowered { return func(w *lowerer) { w.add(s) } }

// wordStatement reads a statement that its first word tells.
func (p *textReader) wordStatement(word string) (add lowered, known bool) {
	m := p.mark()
	switch word {
	case "accept", "drop", "continue", "break", "return":
		return as(&verdictStmt{p.verdict()}), true
	case "jump", "goto":
		return p.jump(), true
	case "log":
		return as(p.log()), true
	case "reject":
		return p.reject(), true
	case "snat", "dnat", "masquerade", "redirect":
		return p.nat(word), true
	case "tproxy":
		return p.tproxy(), true
	case "queue":
		return p.queue(), true
	case "dup":
		return p.dup(), true
	case "fwd":
		return p.fwd(), true
	case "notrack":
		p.advance()
		return as(&Notrack{}), true
	case "flow":
		return p.flowAdd(), true
	case "synproxy":
		p.advance()
		if p.word("name") != "" {
			return p.objectRef(objSynproxy), true
		}
		return as(p.synproxyStmt()), true
	case "add", "update", "delete", "set":
		return p.setChange(), true
	case "meter":
		return p.meter(), true
	case "reset":
		return p.strip(), true
	case "xt", "unknown":
		return p.raw(word), true
	case "counter", "quota", "limit", "ct", "meta":
		if add := p.reference(word); add != nil || p.bad != nil {
			return add, true
		}
		p.back(m)
	}
	return nil, false
}

// reference reads `counter name "x"`, `ct helper set "x"`; nil where it is something else.
func (p *textReader) reference(word string) lowered {
	p.advance()
	switch {
	case word == "ct":
		kind := p.word("helper", "timeout", "expectation")
		if kind == "" || p.word("set") == "" {
			return nil
		}
		return p.objectRef(objectNumber("ct " + kind))
	case word == "meta":
		if p.word("secmark") == "" || p.word("set") == "" || p.tok.kind == tokenWord && p.tok.text == "ct" {
			return nil
		}
		return p.objectRef(objSecmark)
	case p.word("name") == "":
		return nil
	}
	return p.objectRef(objectNumber(word))
}

// objectRef reads the name of an object, or the map that gives it.
func (p *textReader) objectRef(typ uint32) lowered {
	if p.tok.kind == tokenText || p.tok.kind == tokenWord && !p.startsField() {
		return as(&objrefStmt{typ: typ, name: p.gluedText()})
	}
	key := p.left()
	p.expectWord("map")
	if p.bad != nil {
		return nil
	}
	m := &term{kind: kindMap, left: key, typ: typeString, order: orderHost}
	if p.tok.is("@") {
		m.right = p.setOrPiece(key)
	} else {
		s := &Set{Flags: setAnonymous | setConstant | setObject, ObjType: typ, table: p.table, key: key}
		p.elementsOf(s)
		m.right = &term{kind: kindSetRef, set: s, typ: key.typ, order: key.order, bits: key.bits}
	}
	return func(w *lowerer) { w.add(&objrefStmt{typ: typ, byMap: w.mapped(m)}) }
}

// jump reads a jump or goto, to a chain with a name or to rules in braces.
func (p *textReader) jump() lowered {
	m := p.mark()
	verdict := int32(verdictJump)
	if p.tok.text == "goto" {
		verdict = verdictGoto
	}
	p.advance()
	if !p.tok.is("{") {
		p.back(m)
		return as(&verdictStmt{p.verdict()})
	}
	if p.nested++; p.nested > maxNested {
		p.fail("chains inside of chains, too deep", "give them names")
	}
	defer func() { p.nested-- }()
	ch := &Chain{Flags: chainBinding}
	p.block(&ch.Handle, func() { ch.Rules = append(ch.Rules, p.rule()) })
	table := p.table
	return as(&chainStmt{verdict: verdict, chain: ch, table: table})
}

// stateful reads what elements of sets may have too: counters, limits and such;
// nil where it is something else.
func (p *textReader) stateful() stmt {
	m := p.mark()
	switch p.word("counter", "quota", "limit", "last", "ct") {
	case "counter":
		return p.counter()
	case "quota":
		return p.quota()
	case "limit":
		return p.limit()
	case "last":
		l := &Last{}
		if p.word("used") != "" && p.word("never") == "" {
			l.Seen, l.Ago = true, p.duration()
		}
		return l
	case "ct":
		if p.word("count") != "" {
			c := &Connlimit{}
			if p.word("over") != "" {
				c.Flags = inverted
			}
			c.Count = uint32(p.number(math.MaxUint32))
			return c
		}
		p.back(m)
	}
	return nil
}

func (p *textReader) counter() *Counter {
	c := &Counter{}
	for p.bad == nil {
		switch p.word("packets", "bytes") {
		case "packets":
			c.Packets = p.number(math.MaxUint64)
		case "bytes":
			c.Bytes = p.number(math.MaxUint64)
		default:
			return c
		}
	}
	return c
}

func (p *textReader) quota() *Quota {
	q := &Quota{}
	switch p.word("over", "until") {
	case "over":
		q.Flags = inverted
	}
	q.Bytes = p.amount()
	if p.word("used") != "" {
		q.Used = p.amount()
	}
	return q
}

var byteUnits = []symbol{{"bytes", 1}, {"byte", 1}, {"kbytes", 1 << 10}, {"mbytes", 1 << 20}, {"gbytes", 1 << 30}}

// amount reads `10 mbytes`, also without the blank.
func (p *textReader) amount() uint64 {
	n, ok := p.bytes()
	if !ok {
		p.fail("an amount of bytes was expected", "as in 10 mbytes")
	}
	return n
}

// bytes reads a number and its unit; ok is false where there is no unit.
func (p *textReader) bytes() (uint64, bool) {
	m := p.mark()
	digits := strings.TrimRight(p.tok.text, "abcdefghijklmnopqrstuvwxyz")
	unit := p.tok.text[len(digits):]
	n, err := strconv.ParseUint(digits, 10, 64)
	if p.tok.kind != tokenNumber || err != nil {
		return 0, false
	}
	p.advance()
	if unit == "" && p.tok.kind == tokenWord {
		unit = p.tok.text
		if i := strings.IndexByte(unit, '/'); i >= 0 { // "mbytes/second" is one word
			unit = unit[:i]
		}
	}
	i := slices.IndexFunc(byteUnits, func(s symbol) bool { return s.name == unit })
	if i < 0 || n > math.MaxUint64/byteUnits[i].value {
		p.back(m)
		return 0, false
	}
	if m.tok.text == digits {
		if unit != p.tok.text {
			p.tok.text, p.tok.kind, p.tok.glued = p.tok.text[len(unit):], tokenMark, true
		} else {
			p.advance()
		}
	}
	return n * byteUnits[i].value, true
}

var rateUnits = []symbol{{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 604800}}

func (p *textReader) limit() *Limit {
	p.expectWord("rate")
	l := &Limit{Burst: usualBurst}
	if p.word("over", "until") == "over" {
		l.Flags = inverted
	}
	if n, ok := p.bytes(); ok {
		l.Rate, l.Type, l.Burst = n, limitOfBytes, 0
	} else {
		l.Rate = p.number(math.MaxUint64)
	}
	p.rateUnit(l)
	if p.word("burst") == "" {
		return l
	}
	if n, ok := p.bytes(); ok && l.Type == limitOfBytes {
		l.Burst = uint32(min(n, math.MaxUint32))
		return l
	}
	l.Burst = uint32(p.number(math.MaxUint32))
	p.word("packets")
	return l
}

// rateUnit reads `/second`, which may stand in one word with what is before it.
func (p *textReader) rateUnit(l *Limit) {
	unit := strings.TrimPrefix(p.tok.text, "/")
	if p.tok.is("/") {
		p.advance()
		unit = p.tok.text
	}
	i := slices.IndexFunc(rateUnits, func(s symbol) bool { return s.name == unit })
	if i < 0 {
		p.fail("a time was expected", p.expected(unit, symbolNames(rateUnits)))
		return
	}
	p.advance()
	l.Unit = rateUnits[i].value
}

var logLevels = []symbol{{"emerg", 0}, {"alert", 1}, {"crit", 2}, {"err", 3}, {"warn", 4}, {"notice", 5}, {"info", 6}, {"debug", 7}, {"audit", 8}}

func (p *textReader) log() *Log {
	p.advance()
	l := &Log{}
	for p.bad == nil {
		switch p.word("prefix", "group", "snaplen", "queue-threshold", "level", "flags") {
		case "prefix":
			l.Prefix, l.HasPrefix = p.text(), true
		case "group":
			l.Group, l.HasGroup = uint16(p.number(math.MaxUint16)), true
		case "snaplen":
			l.Snaplen, l.HasSnaplen = uint32(p.number(math.MaxUint32)), true
		case "queue-threshold":
			l.QThreshold, l.HasQThreshold = uint16(p.number(math.MaxUint16)), true
		case "level":
			l.Level, l.HasLevel = p.logLevel(), true
		case "flags":
			l.Flags |= p.logFlags()
		default:
			return l
		}
	}
	return l
}

func (p *textReader) logLevel() uint32 {
	i := slices.IndexFunc(logLevels, func(s symbol) bool { return s.name == p.tok.text })
	switch {
	case i >= 0:
	case p.tok.text == "warning":
		i = usualLevel
	case p.tok.kind == tokenNumber:
		return uint32(p.number(7))
	default:
		p.fail("no level", p.expected(p.tok.text, symbolNames(logLevels)))
		return 0
	}
	p.advance()
	return uint32(logLevels[i].value)
}

func (p *textReader) logFlags() (n uint32) {
	switch p.expectWord("all", "skuid", "ether", "tcp", "ip") {
	case "all":
		return logAll
	case "skuid":
		return logUID
	case "ether":
		return logMAC
	case "ip":
		p.expectWord("options")
		return logIPOpt
	case "tcp":
		return p.flags([]symbol{{"sequence", logTCPSeq}, {"options", logTCPOpt}})
	}
	return 0
}

// reject reads what the packet is answered with. Without a word nft takes the
// code that fits the family, and a reset asks for TCP.
func (p *textReader) reject() lowered {
	p.advance()
	if p.word("with") == "" {
		return usualReject
	}
	kind := p.expectWord("tcp", "icmp", "icmpv6", "icmpx")
	if kind == "tcp" {
		p.expectWord("reset")
		return (*lowerer).reset
	}
	p.word("type")
	typ := map[string]*dataType{"icmp": typeICMPCode, "icmpv6": typeICMPv6Code, "icmpx": typeICMPXCode}[kind]
	if p.bad != nil {
		return nil
	}
	code, ok := p.value(newNumber(0, 8, typ, orderBig))
	if !ok {
		p.fail("no code of "+kind, p.expected(p.tok.text, symbolNames(typ.names)))
		return nil
	}
	return func(w *lowerer) { w.reject(kind, uint8(code.uint())) }
}

// reset asks for TCP, at the begin of the rule (src/evaluate.c: stmt_evaluate_reset).
func (w *lowerer) reset() {
	had := w.stmts
	w.stmts = nil
	w.needsHeader(headTCP)
	w.stmts = append(w.stmts, had...)
	w.add(&rejectStmt{Reject: Reject{Type: rejectReset}})
}

func usualReject(w *lowerer) {
	s := &rejectStmt{Reject: Reject{Type: rejectICMP, Code: 3}}
	switch w.table.Family {
	case ruleset.IP:
	case ruleset.IP6:
		s.Code = 4
	default:
		s.Type, s.Code = rejectICMPX, 1
		switch w.heads.heads[baseNetwork] {
		case headIP:
			s.Type, s.Code = rejectICMP, 3
		case headIP6:
			s.Type, s.Code = rejectICMP, 4
		}
	}
	w.add(s)
}

func (w *lowerer) reject(kind string, code uint8) {
	s := &rejectStmt{Reject: Reject{Type: rejectICMP, Code: code}}
	switch {
	case kind == "icmpx":
		s.Type = rejectICMPX
	case kind == "icmp":
		w.needsHeader(headIP)
	default:
		w.needsHeader(headIP6)
	}
	w.add(s)
}

// strip reads `reset tcp option sack-perm`.
func (p *textReader) strip() lowered {
	p.advance()
	p.expectWord("tcp")
	p.expectWord("option")
	t := p.tcpOption()
	if p.bad != nil {
		return nil
	}
	if t.exthdr() == nil || !t.exthdr().present {
		p.fail("only whole options are taken out", "reset tcp option NAME")
		return nil
	}
	return func(w *lowerer) { w.add(&stripStmt{option: t.clone()}) }
}

// raw reads what stands in listings for what nft has no words for.
func (p *textReader) raw(word string) lowered {
	m := p.mark()
	p.advance()
	if word == "xt" {
		e := &XT{Target: p.expectWord("match", "target") == "target", Name: p.text()}
		return as(e)
	}
	e := &unknownStmt{name: p.text()}
	if p.accept("(") {
		from := p.tok.place
		for p.tok.kind != tokenEnd && p.tok.kind != tokenLine && !p.tok.is(")") {
			p.advance()
		}
		e.why = p.textSince(from)
		p.expect(")")
	}
	if hex, ok := strings.CutPrefix(p.tok.text, "0x"); ok && p.tok.kind == tokenNumber {
		e.raw = hexBytes(hex)
		p.advance()
	}
	if p.bad != nil {
		p.back(m)
	}
	return as(e)
}
