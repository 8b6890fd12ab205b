package nft

import (
	"math"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// field reads what a rule can look at: `ip saddr`, `meta mark`, `@th,16,16`.
func (p *textReader) field() *term {
	if p.tok.is("@") {
		return p.rawField()
	}
	m := p.mark()
	word := p.tok.text
	if p.tok.kind == tokenWord {
		p.advance()
		if t := p.fieldOf(word); t != nil {
			return t
		}
		if p.bad != nil {
			return p.nothing()
		}
		p.back(m)
	}
	p.fail("nothing that a rule can look at", p.expected(word, fieldWords()))
	return p.nothing()
}

// nothing stands for a term that is not understood, until the error is taken.
func (p *textReader) nothing() *term { return newNumber(0, 0, typeInvalid, orderUnknown) }

// fieldKinds begin fields that are not of a header.
var fieldKinds = []string{"meta", "ct", "fib", "socket", "rt", "osf", "ipsec", "numgen", "jhash", "symhash", "exthdr"}

// fieldWords are the words that a field can begin with.
func fieldWords() []string {
	words := slices.Clone(fieldKinds)
	for _, h := range allHeaders {
		words = append(words, h.name)
	}
	return append(words, bareMeta...)
}

// fieldOf reads what stands behind the first word; nil for a word that begins nothing.
func (p *textReader) fieldOf(word string) *term {
	switch word {
	case "meta":
		return p.metaField(p.tok.text)
	case "ct":
		return p.ctField()
	case "fib":
		return p.fibField()
	case "socket":
		return p.socketField()
	case "osf":
		return p.osfField()
	case "ipsec":
		return p.ipsecField()
	case "numgen":
		return p.numgenField()
	case "jhash", "symhash":
		return p.hashField(word)
	case "exthdr":
		return p.present(exthdrIPv6, p.extHeader(ip6Headers))
	case "rt":
		if t := p.routeField(); t != nil {
			return t
		}
	case "th", "tcp", "ip", "sctp", "dccp":
		if t := p.optionField(word); t != nil {
			return t
		}
	case "ibriport":
		return newMeta(17)
	case "obriport":
		return newMeta(18)
	}
	if slices.Contains(bareMeta, word) {
		return metaNamed(word)
	}
	return p.headerField(word)
}

// bareMeta are the keys that need no meta before them.
var bareMeta = []string{"mark", "iif", "iifname", "iiftype", "iifgroup", "oif", "oifname", "oiftype", "oifgroup", "skuid",
	"skgid", "nftrace", "rtclassid", "ibrname", "obrname", "pkttype", "cpu", "cgroup", "time", "day", "hour"}

func metaNamed(word string) *term {
	switch word {
	case "secpath":
		word = "ipsec"
	case "ibriport":
		word = "ibrname"
	case "obriport":
		word = "obrname"
	}
	for key := range metaKeys {
		if metaKeys[key].name == word && word != "" {
			return newMeta(uint32(key))
		}
	}
	return nil
}

func (p *textReader) metaField(word string) *term {
	t := metaNamed(word)
	if t == nil {
		var names []string
		for _, k := range metaKeys {
			if k.name != "" {
				names = append(names, k.name)
			}
		}
		p.fail("no key of meta", p.expected(word, names))
		return p.nothing()
	}
	p.advance()
	return t
}

// headerField reads a field of a header.
func (p *textReader) headerField(word string) *term {
	var fields []field
	var h *protocol
	for _, known := range allHeaders {
		if known.name == word {
			h, fields = known, known.fields
		}
	}
	var ext *extHeader
	if h == nil {
		if ext = extHeaderNamed(word); ext == nil {
			return nil
		}
		fields = ext.fields
	}
	at := p.tok
	name := p.fieldName(h == headARP)
	for i, f := range fields {
		switch {
		case f.name == "" || f.name != name:
		case h != nil:
			return namedPayload(h, i)
		default:
			return extTerm(exthdrIPv6, ext, f)
		}
	}
	p.failAt(at, "no field of "+word, p.expected(name, namesOf(fields)))
	return p.nothing()
}

func namesOf(fields []field) (names []string) {
	for _, f := range fields {
		if f.name != "" && !slices.Contains(names, f.name) {
			names = append(names, f.name)
		}
	}
	return names
}

// fieldName reads `saddr`, `saddr ether` or `sid[1]`.
func (p *textReader) fieldName(two bool) string {
	name := p.tok.text
	if p.tok.kind != tokenWord {
		p.fail("a field was expected", "the name of a field of the header")
		return ""
	}
	p.advance()
	switch {
	case two && (name == "saddr" || name == "daddr"):
		name += " " + p.expectWord("ether", "ip")
	case p.tok.is("[") && p.tok.glued:
		p.advance()
		name += "[" + p.tok.text + "]"
		p.advance()
		p.expect("]")
	}
	return name
}

func extHeaderNamed(word string) *extHeader {
	if word == "rt4" {
		word = "srh"
	}
	for _, h := range ip6Headers {
		if h.name == word {
			return h
		}
	}
	return nil
}

func extTerm(op uint32, h *extHeader, f field) *term {
	return newLeaf(&exthdrLeaf{op: op, kind: h.kind, offset: f.offset, bits: f.bits, head: h, field: f}, f.typ, orderBig, f.bits)
}

// extHeader reads the name of an extension header, an option or a chunk.
func (p *textReader) extHeader(all []*extHeader) *extHeader {
	var names []string
	for _, h := range all {
		if h.name == p.tok.text {
			p.advance()
			return h
		}
		names = append(names, h.name)
	}
	p.fail("a header or option that is not known", p.expected(p.tok.text, names))
	return all[0]
}

// asksPresence: what follows is `exists` or `missing`.
func (p *textReader) asksPresence() bool {
	m := p.mark()
	defer p.back(m)
	p.comparison()
	return p.tok.isWord("exists") || p.tok.isWord("missing")
}

// present asks only whether a header or an option is there.
func (p *textReader) present(op uint32, h *extHeader) *term {
	return rawExthdr(op, h.kind, 0, 8, true)
}

// optionField reads `tcp option …`, `ip option …`, `sctp chunk …` and
// `dccp option …`; nil where it is a field of the header.
func (p *textReader) optionField(word string) *term {
	switch {
	case word == "tcp" && p.word("option") != "":
		return p.tcpOption()
	case word == "ip" && p.word("option") != "":
		return p.optionOf(exthdrIPv4, ipOptions)
	case word == "sctp" && p.word("chunk") != "":
		return p.optionOf(exthdrSCTP, sctpChunks)
	case word == "dccp" && p.word("option") != "":
		return rawExthdr(exthdrDCCP, uint8(p.number(255)), 0, 8, true)
	}
	return nil
}

func (p *textReader) optionOf(op uint32, all []*extHeader) *term {
	h := p.extHeader(all)
	if p.asksPresence() || p.bad != nil {
		return p.present(op, h)
	}
	return p.optionPart(op, h, 0, false)
}

func (p *textReader) optionPart(op uint32, h *extHeader, block int, blocks bool) *term {
	for _, f := range h.fields {
		if f.name == p.tok.text && f.name != "" && (!blocks || f.offset/64 == block) {
			p.advance()
			return extTerm(op, h, f)
		}
	}
	p.fail("no field of "+h.name, p.expected(p.tok.text, namesOf(h.fields)))
	return p.nothing()
}

// tcpOption reads an option by name, by number, or as `@30,16,4`. The blocks of a
// SACK are told by a number behind the name.
func (p *textReader) tcpOption() *term {
	if p.accept("@") {
		kind := p.number(255)
		offset, bits := p.pieceOf()
		return rawExthdr(exthdrTCP, uint8(kind), offset, bits, p.asksPresence())
	}
	if p.tok.kind == tokenNumber {
		return rawExthdr(exthdrTCP, uint8(p.number(255)), 0, 8, true)
	}
	name, block := p.tok.text, 0
	switch {
	case name == "noop":
		name = "nop"
	case name == "sack-permitted":
		name = "sack-perm"
	case len(name) == 5 && strings.HasPrefix(name, "sack") && isDigit(name[4]):
		name, block = "sack", int(name[4]-'0')
	}
	p.tok.text = name
	h := p.extHeader(tcpOptions)
	if p.bad != nil || p.asksPresence() || p.tok.endsStatement() || p.tok.kind == tokenMark && !p.tok.is("@") {
		return p.present(exthdrTCP, h)
	}
	return p.optionPart(exthdrTCP, h, block, true)
}

// pieceOf reads `,16,4`: offset and length in bits.
func (p *textReader) pieceOf() (offset, bits int) {
	p.expect(",")
	offset = int(p.number(1 << 19))
	p.expect(",")
	return offset, int(p.number(8 * maxKeyBytes))
}

// rawField reads `@nh,64,8`.
func (p *textReader) rawField() *term {
	p.advance()
	base := slices.Index(baseWords[:], p.tok.text)
	if base < 1 {
		p.fail("no layer of the packet", "ll, nh, th or ih")
		return p.nothing()
	}
	p.advance()
	offset, bits := p.pieceOf()
	if bits == 0 && p.bad == nil {
		p.fail("a piece of no length", "@LAYER,OFFSET,BITS")
		return p.nothing()
	}
	return rawPayload(headerBase(base), offset, bits)
}

// ctField reads `ct state`, `ct original ip saddr`.
func (p *textReader) ctField() *term {
	dir := int8(slices.Index([]string{"original", "reply"}, p.word("original", "reply")))
	name := p.tok.text
	if fam := p.word("ip", "ip6"); fam != "" {
		name = fam + " " + p.tok.text
	}
	var names []string
	for key, k := range ctKeys {
		if k.name == name {
			p.advance()
			return newCT(uint32(key), dir)
		}
		names = append(names, k.name)
	}
	p.fail("no key of ct", p.expected(name, names))
	return p.nothing()
}

// routeField reads `rt classid`; nil where it is the routing header of IPv6.
func (p *textReader) routeField() *term {
	m := p.mark()
	name := p.tok.text
	switch {
	case p.word("ip", "ip6") != "":
		name += " " + p.tok.text
	case name == "nexthop" && p.table != nil && p.table.Family == ruleset.IP6:
		name = "ip6 nexthop"
	case name == "nexthop":
		name = "ip nexthop"
	}
	for key, k := range rtKeys {
		if k.name == name {
			p.advance()
			return newRT(uint32(key))
		}
	}
	p.back(m)
	return nil
}

func (p *textReader) fibField() *term {
	words := []string{"saddr", "daddr", "mark", "iif", "oif"}
	flags := uint32(0)
	for {
		w := p.expectWord(words...)
		if p.bad != nil {
			return p.nothing()
		}
		flags |= 1 << slices.Index(words, w)
		if !p.accept(".") {
			break
		}
	}
	result := p.expectWord("oif", "oifname", "type", "check")
	n := uint32(slices.Index([]string{"", "oif", "oifname", "type"}, result))
	if result == "check" {
		n, flags = 1, flags|fibPresent
	}
	if p.asksPresence() {
		flags |= fibPresent
	}
	if t := newFIB(flags, n); t != nil {
		return t
	}
	return p.nothing()
}

func (p *textReader) socketField() *term {
	words := []string{"transparent", "mark", "wildcard", "cgroupv2"}
	key := slices.Index(words, p.expectWord(words...))
	level := uint64(0)
	if key == socketCgroup {
		p.expectWord("level")
		level = p.number(255)
	}
	if p.bad != nil {
		return p.nothing()
	}
	return newSocket(uint32(key), uint32(level))
}

func (p *textReader) osfField() *term {
	word := "osf "
	if p.word("ttl") != "" {
		word += "ttl " + p.expectWord("loose", "skip") + " "
	}
	word += p.expectWord("name", "version")
	return newLeaf(plainLeaf(word), typeString, orderHost, 128)
}

func (p *textReader) ipsecField() *term {
	dir := max(slices.Index([]string{"in", "out"}, p.expectWord("in", "out")), 0)
	number := uint64(0)
	if p.word("spnum") != "" {
		number = p.number(math.MaxUint32)
	}
	name := p.expectWord("ip", "ip6", "reqid", "spi")
	if name == "ip" || name == "ip6" {
		name += " " + p.expectWord("saddr", "daddr")
	}
	key := slices.Index([]string{"", "ip daddr", "ip6 daddr", "ip saddr", "ip6 saddr", "reqid", "spi"}, name)
	if t := newXfrm(uint8(dir), uint32(number), uint32(max(key, 0))); t != nil {
		return t
	}
	return p.nothing()
}

func (p *textReader) numgenField() *term {
	g := &numgenLeaf{}
	if p.expectWord("inc", "random") == "random" {
		g.Type = 1
	}
	p.expectWord("mod")
	g.Modulus = uint32(p.number(math.MaxUint32))
	if p.word("offset") != "" {
		g.Offset = uint32(p.number(math.MaxUint32))
	}
	return newLeaf(g, typeInteger, orderHost, 32)
}

func (p *textReader) hashField(word string) *term {
	h := &hashLeaf{Hash: Hash{Type: 1}}
	if word == "jhash" {
		h.Type = 0
		h.of = p.fields()
	}
	p.expectWord("mod")
	h.Modulus = uint32(p.number(math.MaxUint32))
	if p.word("seed") != "" {
		h.Seed, h.Seeded = uint32(p.number(math.MaxUint32)), true
	}
	if p.word("offset") != "" {
		h.Offset = uint32(p.number(math.MaxUint32))
	}
	return newLeaf(h, typeInteger, orderHost, 32)
}

// fields reads one or several fields that are joined by dots.
func (p *textReader) fields() *term { return p.joinedTypes(p.field) }
