package nft

import (
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// natText is a translation, or a tproxy, as it was written.
type natText struct {
	fam        uint32
	addr, port *term
}

// nat reads `dnat ip to 10.0.0.1:80 random`.
func (p *textReader) nat(word string) lowered {
	p.advance()
	n := &natText{fam: p.natFamily()}
	flags := uint32(0)
	interval := p.natForm(&flags)
	if p.word("to") != "" || p.tok.is(":") || word == "snat" || word == "dnat" {
		p.natTarget(n, interval, word == "snat" || word == "dnat")
	}
	flags |= p.natFlags()
	if p.bad != nil {
		return nil
	}
	return func(w *lowerer) {
		s := &natStmt{word: word, flags: flags}
		s.addr, s.port = w.natTerms(n)
		if w.table.Family == ruleset.Inet && s.addr != nil {
			s.fam = n.fam
		}
		if !s.mapsRange(n.fam) {
			s.mapsPort(n.fam)
		}
		w.add(s)
	}
}

func (w *lowerer) natTerms(n *natText) (addr, port *term) {
	if n.addr != nil {
		addr = w.operand(n.addr)
	}
	if n.port != nil {
		port = w.operand(n.port)
	}
	return addr, port
}

// natFamily reads the family of the addresses, which in a table of one family
// goes without saying.
func (p *textReader) natFamily() uint32 {
	m := p.mark()
	fam, _ := familyOf(p.word("ip", "ip6"))
	switch {
	case p.tok.kind == tokenWord && !slices.Contains([]string{"to", "prefix", "interval", "addr"}, p.tok.text):
		p.back(m) // a field, as in snat ip saddr map
	case fam != 0:
		return uint32(fam)
	}
	if p.table.Family == ruleset.IP || p.table.Family == ruleset.IP6 {
		return uint32(p.table.Family)
	}
	return 0
}

// natForm reads `prefix`, `interval` and `addr . port`.
func (p *textReader) natForm(flags *uint32) (interval bool) {
	for {
		switch p.word("prefix", "interval", "addr") {
		case "prefix":
			*flags |= natNetmap
		case "interval":
			interval = true
		case "addr":
			p.expect(".")
			p.expectWord("port")
		default:
			return interval
		}
	}
}

// natTarget reads addresses and ports: either may be looked up in a map. Where
// there are only ports, the colon before them may be left out.
func (p *textReader) natTarget(n *natText, interval, addresses bool) {
	if addresses && !p.tok.is(":") {
		n.addr = p.natAddress(n, interval)
	}
	if p.accept(":") || !addresses {
		n.port = p.right(newNumber(0, 16, typeInetService, orderBig))
	}
}

func (p *textReader) natAddress(n *natText, interval bool) *term {
	of := newNumber(0, 0, typeInvalid, orderBig)
	if n.fam != 0 {
		of = newNumber(0, addrType(n.fam).bits, addrType(n.fam), orderBig)
	}
	if p.tok.kind == tokenWord {
		return p.natMap(n, of, interval)
	}
	bracket := p.accept("[")
	t := p.valueOf(of)
	if bracket {
		p.expect("]")
		if p.bad == nil && p.accept("-") {
			p.expect("[")
			t = newRange(t, p.valueOf(t))
			p.expect("]")
		}
	}
	if n.fam == 0 {
		n.fam = familyOfType(t.typ)
	}
	if t.kind == kindRange {
		return rangeToPrefix(t)
	}
	return t
}

func familyOfType(typ *dataType) uint32 {
	switch typ {
	case typeIPAddr:
		return uint32(ruleset.IP)
	case typeIP6Addr:
		return uint32(ruleset.IP6)
	}
	return 0
}

// natMap reads a map that gives an address, or an address and a port.
func (p *textReader) natMap(n *natText, of *term, interval bool) *term {
	key := p.left()
	if p.bad != nil || p.word("map") == "" {
		return key
	}
	m := p.mark()
	t := p.mapOf(key, of)
	if p.bad != nil {
		p.bad = nil
		p.back(m)
		t = p.mapOf(key, joinTerms([]*term{of, newNumber(0, 16, typeInetService, orderBig)}))
	}
	if s := t.right.set; s != nil {
		s.dataInterval = interval || slices.ContainsFunc(s.given, func(e *term) bool { return e.kind == kindMapping && isRange(e.right) })
		for _, e := range s.given {
			if e.kind == kindMapping && s.dataInterval {
				e.right = shortRange(e.right)
			}
		}
		if n.fam == 0 && len(s.given) > 0 && s.given[0].kind == kindMapping {
			n.fam = familyOfType(s.given[0].right.parts()[0].typ)
		}
	}
	return t
}

func (p *textReader) natFlags() (n uint32) {
	words := []symbol{{"random", natRandom}, {"fully-random", natFullyRandom}, {"persistent", natPersistent}}
	for p.bad == nil && slices.Contains(symbolNames(words), p.tok.text) && p.tok.kind == tokenWord {
		n |= p.flags(words)
	}
	return n
}

// tproxy reads `tproxy ip to 127.0.0.1:50080`.
func (p *textReader) tproxy() lowered {
	p.advance()
	said := p.tok.isWord("ip") || p.tok.isWord("ip6")
	n := &natText{fam: p.natFamily()}
	p.expectWord("to")
	p.natTarget(n, false, true)
	if p.bad != nil {
		return nil
	}
	return func(w *lowerer) {
		s := &tproxyStmt{}
		s.addr, s.port = w.natTerms(n)
		if w.table.Family == ruleset.Inet && (said || s.addr != nil) {
			s.fam = n.fam
		}
		w.add(s)
	}
}
