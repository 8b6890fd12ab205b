package nft

import (
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value reads one value of a type; ok is false where the token is none.
func (p *textReader) value(of *term) (t *term, ok bool) {
	switch p.tok.kind {
	case tokenWord, tokenNumber, tokenText, tokenAddress:
	default:
		return nil, false
	}
	if of.typ.isString() {
		return p.stringValue(of), true
	}
	if n, ok := symbolOf(of.typ, p.tok.text); ok {
		p.advance()
		return newNumber(n, of.bits, of.typ, of.order), true
	}
	if p.tok.kind == tokenAddress {
		return p.address(of)
	}
	if t, ok := p.wordValue(of); ok {
		return t, true
	}
	return p.numberValue(of)
}

// stringValue: the name of an interface fills its 16 bytes.
func (p *textReader) stringValue(of *term) *term {
	t := newNumber(0, 0, of.typ, orderHost)
	t.setText(p.gluedText())
	if !isWildcard(t) {
		t.bits = max(t.bits, of.bits)
	}
	return t
}

// symbolOf finds a word for a value.
func symbolOf(typ *dataType, word string) (uint64, bool) {
	for ; typ != nil; typ = typ.base {
		for _, s := range typ.names {
			if s.name == word {
				return s.value, true
			}
		}
		switch typ {
		case typeEtherType:
			if word == "vlan" {
				return etherVLAN, true
			}
		case typePktType:
			if word == "unicast" {
				return 0, true
			}
		case typeICMP6Type:
			if word == "mld-listener-reduction" {
				return 132, true
			}
		case typeInetProto:
			return protocolNumber(word)
		case typeInetService:
			n, ok := services[word]
			return uint64(n), ok
		}
	}
	return 0, false
}

// protocolNumber takes nft's words also where /etc/protocols has others.
func protocolNumber(word string) (uint64, bool) {
	switch word {
	case "icmpv6", "icmp6":
		return protoICMP6Num, true
	case "comp":
		return protoCompNum, true
	case "":
		return 0, false
	}
	n := slices.Index(protocolNames[:], strings.ToLower(word))
	return uint64(max(n, 0)), n >= 0
}

func (p *textReader) address(of *term) (*term, bool) {
	text := p.tok.text
	var b []byte
	typ := of.typ
	switch a, err := netip.ParseAddr(text); {
	case typ.root() == typeInteger && isEthernet(typ):
		b = linkAddress(text)
	case err != nil:
	case a.Is4() && (typ == typeIPAddr || typ == typeInvalid):
		b, typ = a.AsSlice(), typeIPAddr
	case a.Is6() && (typ == typeIP6Addr || typ == typeInvalid):
		b, typ = a.AsSlice(), typeIP6Addr
	}
	if b == nil {
		return nil, false
	}
	p.advance()
	return &term{kind: kindValue, typ: typ, order: orderBig, bits: 8 * len(b), val: new(big.Int).SetBytes(b)}, true
}

func isEthernet(typ *dataType) bool { return typ == typeEtherAddr || typ == typeLLAddr }

func linkAddress(text string) (b []byte) {
	for part := range strings.SplitSeq(text, ":") {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return nil
		}
		b = append(b, byte(n))
	}
	return b
}

// wordValue reads values whose words are not in a table.
func (p *textReader) wordValue(of *term) (*term, bool) {
	text := p.tok.text
	number := func(n uint64) (*term, bool) {
		p.advance()
		return newNumber(n, of.bits, of.typ, of.order), true
	}
	switch of.typ {
	case typeClassID:
		return p.classID(of)
	case typeTime:
		if ms, ok := durationOf(text); ok {
			return number(ms)
		}
	case typeDate:
		if at, err := time.Parse("2006-01-02 15:04:05", text); err == nil {
			return number(uint64(at.UnixNano()))
		}
		if at, err := time.Parse("2006-01-02", text); err == nil {
			return number(uint64(at.UnixNano()))
		}
		if n, err := strconv.ParseUint(text, 10, 33); err == nil {
			return number(n * uint64(time.Second))
		}
	case typeHour:
		if at, ok := hourOf(text); ok {
			return number(at)
		}
	case typeDay:
		for day := range time.Saturday + 1 {
			if strings.EqualFold(day.String(), text) {
				return number(uint64(day))
			}
		}
	case typeCTLabel:
		if bit, err := strconv.ParseUint(text, 10, 7); err == nil {
			p.advance()
			t := newNumber(0, of.bits, of.typ, of.order)
			t.val.SetBit(t.val, int(bit), 1)
			return t, true
		}
		return p.hostName(of)
	case typeUID, typeGID:
		if text == "root" {
			return number(0)
		}
		return p.hostName(of)
	case typeMark, typeRealm, typeDevGroup, typeIfIndex, typeCgroup:
		return p.hostName(of)
	}
	return nil, false
}

// hostName keeps a name whose number only the host knows that the rules are of.
func (p *textReader) hostName(of *term) (*term, bool) {
	if p.tok.kind != tokenText && p.tok.kind != tokenWord || p.tok.kind == tokenWord && p.startsField() {
		return nil, false
	}
	if n, err := strconv.ParseUint(p.tok.text, 10, 32); err == nil {
		p.advance()
		return newNumber(n, of.bits, of.typ, of.order), true
	}
	return newLeaf(plainLeaf(`"`+p.gluedText()+`"`), of.typ, of.order, of.bits), true
}

func (p *textReader) startsField() bool {
	w := p.tok.text
	return slices.Contains(fieldKinds, w) || slices.Contains(bareMeta, w) || extHeaderNamed(w) != nil ||
		slices.ContainsFunc(allHeaders, func(h *protocol) bool { return h.name == w })
}

// classID reads `root`, `none` or two hexadecimal numbers.
func (p *textReader) classID(of *term) (*term, bool) {
	if p.tok.isWord("root") || p.tok.isWord("none") {
		n := uint64(0)
		if p.tok.text == "root" {
			n = 0xffffffff
		}
		p.advance()
		return newNumber(n, of.bits, of.typ, of.order), true
	}
	text := p.tok.text
	if p.tok.kind != tokenText {
		if p.after.from != p.tok.place.from {
			return nil, false
		}
		text = p.after.from.text[p.tok.place.at:p.after.end]
	}
	id, n := classOf(text)
	if n == 0 {
		return nil, false
	}
	if p.tok.kind != tokenText {
		p.after.at = p.tok.place.at + n
	}
	p.advance()
	return newNumber(id, of.bits, of.typ, of.order), true
}

// classOf reads `1:10` and tells how long it was; 0 where it is something else.
func classOf(text string) (id uint64, n int) {
	colon := -1
	for n < len(text) && (isHex(text[n]) || text[n] == ':' && colon < 0) {
		if text[n] == ':' {
			colon = n
		}
		n++
	}
	if colon < 0 {
		return 0, 0
	}
	major, err := strconv.ParseUint(text[:colon], 16, 16)
	minor, err2 := strconv.ParseUint(text[colon+1:n], 16, 16)
	if err != nil || err2 != nil {
		return 0, 0
	}
	return major<<16 | minor, n
}

// hourOf reads `17:30`, with or without seconds, which are in UTC.
func hourOf(text string) (seconds uint64, ok bool) {
	for _, layout := range [...]string{"15:04", "15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return uint64(at.Hour()*3600 + at.Minute()*60 + at.Second()), true
		}
	}
	return 0, false
}

// numberValue reads a number of as many bits as the field has.
func (p *textReader) numberValue(of *term) (*term, bool) {
	if p.tok.kind != tokenNumber {
		return nil, false
	}
	base, digits := 10, p.tok.text
	if hex, ok := strings.CutPrefix(digits, "0x"); ok {
		base, digits = 16, hex
	}
	if len(digits) > maxKeyBytes {
		return nil, false
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return nil, false
	}
	if of.bits > 0 && n.BitLen() > of.bits {
		p.fail("a number that is too large", "the field has "+strconv.Itoa(of.bits)+" bits")
		return nil, false
	}
	p.advance()
	return &term{kind: kindValue, typ: of.typ, order: of.order, bits: of.bits, val: n}, true
}

// duration reads `1d2h3m4s5ms`, or seconds, as milliseconds.
func (p *textReader) duration() uint64 {
	ms, ok := durationOf(p.tok.text)
	if !ok || p.tok.kind != tokenNumber {
		p.fail("a time was expected", "as in 1h30m")
		return 0
	}
	p.advance()
	return ms
}

func durationOf(text string) (ms uint64, ok bool) {
	for text != "" {
		n := 0
		for n < len(text) && isDigit(text[n]) {
			n++
		}
		unit := n
		for unit < len(text) && isLetter(text[unit]) {
			unit++
		}
		many, err := strconv.ParseUint(text[:n], 10, 40)
		scale, known := timeUnits[text[n:unit]]
		if err != nil || !known {
			return 0, false
		}
		ms += many * scale
		text = text[unit:]
		ok = true
	}
	return ms, ok
}

// timeUnits are in milliseconds.
var timeUnits = map[string]uint64{"": 1000, "ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "w": 604800000}
