package nft

import (
	"math"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// queue reads `queue flags bypass to 1-3`, and `queue num 1-3 bypass`.
func (p *textReader) queue() lowered {
	p.advance()
	flags := uint16(0)
	var to *term
	for p.bad == nil {
		switch p.word("num", "to", "flags", "bypass", "fanout") {
		case "num", "to":
			to = p.queueNumber()
		case "flags":
			flags |= uint16(p.flags(queueFlags))
		case "bypass":
			flags |= 1
			p.accept(",")
		case "fanout":
			flags |= 2
			p.accept(",")
		default:
			if to == nil {
				to = newNumber(0, 16, typeInteger, orderUnknown)
			}
			return func(w *lowerer) { w.queue(to, flags) }
		}
	}
	return nil
}

var queueFlags = []symbol{{"bypass", 1}, {"fanout", 2}}

// queueNumber: the numbers themselves are no registers, what is looked up is one.
func (p *textReader) queueNumber() *term {
	of := newNumber(0, 16, typeInteger, orderUnknown)
	if p.tok.kind != tokenWord {
		return p.valueOf(of)
	}
	key := p.left()
	if p.bad == nil && p.word("map") != "" {
		of.order = orderHost
		return p.mapOf(key, of)
	}
	return key
}

func (w *lowerer) queue(to *term, flags uint16) {
	w.add(&queueStmt{flags: flags, to: w.operand(to)})
}

// dup reads `dup to 10.0.0.1 device "eth1"`.
func (p *textReader) dup() lowered {
	p.advance()
	p.expectWord("to")
	var to, dev *term
	switch p.table.Family {
	case ruleset.IP, ruleset.IP6:
		to = p.target(addrType(uint32(p.table.Family)))
		if p.word("device") != "" {
			dev = p.target(typeIfIndex)
		}
	default:
		to = p.target(typeIfIndex)
	}
	if p.bad != nil {
		return nil
	}
	return func(w *lowerer) {
		s := &dupStmt{to: w.operand(to)}
		if dev != nil {
			s.dev = w.operand(dev)
		}
		w.add(s)
	}
}

// fwd reads `fwd to "eth1"` and `fwd ip to 10.0.0.1 device "eth1"`.
func (p *textReader) fwd() lowered {
	p.advance()
	fam := uint32(0)
	switch p.word("ip", "ip6") {
	case "ip":
		fam = uint32(ruleset.IP)
	case "ip6":
		fam = uint32(ruleset.IP6)
	}
	p.word("to")
	var addr *term
	if fam != 0 {
		addr = p.target(addrType(fam))
		p.expectWord("device")
	}
	dev := p.target(typeIfIndex)
	if p.bad != nil {
		return nil
	}
	return func(w *lowerer) {
		s := &fwdStmt{fam: fam, dev: w.operand(dev)}
		if addr != nil {
			s.addr = w.operand(addr)
		}
		w.add(s)
	}
}

// target reads an address or an interface, or what looks one up in a map.
func (p *textReader) target(typ *dataType) *term {
	return p.right(newNumber(0, typ.bits, typ, typ.order))
}

// flowAdd reads `flow add @ft`, and `flow offload @ft` as it was once.
func (p *textReader) flowAdd() lowered {
	p.advance()
	p.expectWord("add", "offload")
	p.expect("@")
	return as(&FlowOffload{Table: p.name()})
}

func (p *textReader) synproxyStmt() *Synproxy {
	s := &Synproxy{}
	for p.bad == nil {
		switch p.word("mss", "wscale", "timestamp", "sack-perm") {
		case "mss":
			s.MSS = uint16(p.number(math.MaxUint16))
			s.Flags |= synproxyMSS
		case "wscale":
			s.WScale = uint8(p.number(14))
			s.Flags |= synproxyWScale
		case "timestamp":
			s.Flags |= synproxyTimestamp
		case "sack-perm":
			s.Flags |= synproxySackPerm
		default:
			return s
		}
	}
	return s
}

// setChange reads `add @seen { ip saddr timeout 1m }`, and `set add ip saddr @seen`
// as it was once.
func (p *textReader) setChange() lowered {
	ops := []string{"add", "update", "delete"}
	old := p.word("set") != ""
	op := max(slices.Index(ops, p.expectWord(ops...)), 0)
	d := &setChange{op: uint32(op), state: &elemState{}}
	if old {
		p.setChangeKey(d)
		d.set = p.setOrPiece(p.nothing())
	} else {
		if !p.tok.is("@") {
			p.fail("the set was expected", "as in add @name { ip saddr }")
		}
		d.set = p.setOrPiece(p.nothing())
		p.expect("{")
		p.newlines()
		p.setChangeKey(d)
		if p.accept(":") {
			d.data = p.setChangeData(d.set.chain)
		}
		p.newlines()
		p.expect("}")
	}
	if p.bad != nil {
		return nil
	}
	p.changed = append(p.changed, setName{p.table, d.set.chain})
	return d.lower
}

// setName names a set that a rule changes.
type setName struct {
	table *Table
	name  string
}

// changes notes in the sets that rules add to that they do.
func (p *textReader) changes() {
	for _, c := range p.changed {
		if s := c.table.sets[c.name]; s != nil && s.Flags&setEval == 0 {
			s.Flags |= setEval
			s.limitSize()
		}
	}
}

// setChangeData: the type is the map's, where it is known by now.
func (p *textReader) setChangeData(name string) *term {
	if s := p.table.sets[name]; s != nil && s.data != nil {
		return p.right(s.data)
	}
	return p.left()
}

func (p *textReader) setChangeKey(d *setChange) {
	d.key = p.left()
	p.elementOptions(d.state)
	p.newlines()
}

// setChange is what a rule does to a set, as it was written.
type setChange struct {
	op             uint32
	set, key, data *term
	state          *elemState
}

func (d *setChange) lower(w *lowerer) {
	key := w.operand(d.key)
	set := *d.set
	set.typ, set.bits, set.order = key.typ, key.bits, key.order
	s := &dynsetStmt{set: w.setRef(&set), op: d.op, inner: d.state.inner}
	s.key = &term{kind: kindElem, left: key, typ: key.typ, order: key.order, bits: key.bits,
		elem: &elemState{timeout: d.state.timeout}}
	if d.data != nil {
		s.data = w.operand(d.data)
	}
	w.add(s)
}

// meter reads `meter m size 65535 { ip saddr limit rate 5/second }`.
func (p *textReader) meter() lowered {
	p.advance()
	s := &Set{Name: p.name(), Flags: setAnonymous | setEval, Size: usualSize, table: p.table}
	if p.word("size") != "" {
		s.Size = uint32(p.number(math.MaxUint32))
	}
	p.expect("{")
	d := &setChange{op: 1, state: &elemState{}}
	p.setChangeKey(d)
	p.expect("}")
	if p.bad != nil {
		return nil
	}
	s.key = d.key
	d.set = &term{kind: kindSetRef, set: s, typ: d.key.typ}
	return d.lower
}
