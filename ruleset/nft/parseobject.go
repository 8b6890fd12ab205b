package nft

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"github.com/pktrail/pktrail/internal/wire"
	"github.com/pktrail/pktrail/ruleset"
)

// object reads a counter, a quota or such from its name on, with braces or without.
func (p *textReader) object(kind string) {
	o := &Object{Name: p.name(), Type: objectNumber(kind)}
	if p.bad != nil {
		return
	}
	at := slices.IndexFunc(p.table.Objects, func(a *Object) bool { return a.Name == o.Name && a.Type == o.Type })
	if at < 0 {
		p.table.Objects = append(p.table.Objects, o)
	} else {
		o = p.table.Objects[at]
	}
	one := func() {
		if p.word("comment") != "" {
			o.Comment = p.text()
			return
		}
		p.objectEntry(o)
	}
	switch {
	case p.tok.is("{"):
		p.block(&o.Handle, one)
	case p.tok.endsStatement():
	default:
		one()
	}
}

func (p *textReader) objectEntry(o *Object) {
	f := &o.data
	switch o.Type {
	case objCounter:
		c := p.counter()
		f[1], f[2] = be64(c.Bytes), be64(c.Packets)
	case objQuota:
		q := p.quota()
		f[1], f[2], f[4] = be64(q.Bytes), be32(q.Flags), be64(q.Used)
	case objLimit:
		l := p.limit()
		f[1], f[2], f[3], f[4], f[5] = be64(l.Rate), be64(l.Unit), be32(l.Burst), be32(l.Type), be32(l.Flags)
	case objSecmark:
		f[1] = append([]byte(p.text()), 0)
	case objSynproxy:
		p.synproxyEntry(f)
	case objCTHelper:
		p.helperEntry(f)
	case objCTTimeout:
		p.timeoutEntry(f)
	case objCTExpect:
		p.expectationEntry(f)
	}
	if p.bad == nil && !p.tok.endsStatement() {
		p.fail("this is not understood here", "the end of the line was expected")
	}
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func (p *textReader) synproxyEntry(f *fields) {
	had := decodeSynproxy(f).(*Synproxy)
	s := p.synproxyStmt()
	had.Flags |= s.Flags
	f[1] = binary.BigEndian.AppendUint16(nil, had.MSS|s.MSS)
	f[2] = []byte{had.WScale | s.WScale}
	f[3] = be32(had.Flags)
}

// helperEntry reads `type "ftp" protocol tcp`.
func (p *textReader) helperEntry(f *fields) {
	switch p.expectWord("type", "protocol", "l3proto") {
	case "type":
		f[1] = append([]byte(p.text()), 0)
		if !f.has(2) {
			f[2] = be16(uint16(p.table.Family))
		}
		if p.word("protocol") != "" {
			f[3] = p.protocolByte()
		}
	case "protocol":
		f[3] = p.protocolByte()
	case "l3proto":
		f[2] = be16(uint16(p.family()))
	}
}

func be16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

func (p *textReader) protocolByte() []byte {
	t, ok := p.value(newNumber(0, 8, typeInetProto, orderBig))
	if !ok {
		p.fail("no protocol", "tcp or udp")
		return []byte{0}
	}
	return []byte{byte(t.uint())}
}

// timeoutEntry reads `protocol tcp`, `l3proto ip` and `policy = { close : 5 }`.
func (p *textReader) timeoutEntry(f *fields) {
	if !f.has(1) {
		f[1] = be16(uint16(p.table.Family))
	}
	switch p.expectWord("protocol", "l3proto", "policy") {
	case "protocol":
		f[2] = p.protocolByte()
	case "l3proto":
		f[1] = be16(uint16(p.family()))
	case "policy":
		p.expect("=")
		f[3] = p.timeoutPolicy(f.u8(2))
	}
}

func (p *textReader) timeoutPolicy(proto uint8) []byte {
	known := states(proto)
	seconds := make([]uint32, len(known))
	for i := range known {
		seconds[i] = known[i].seconds
	}
	p.expect("{")
	for p.newlines(); p.bad == nil && !p.tok.is("}"); p.newlines() {
		i := slices.IndexFunc(known, func(s state) bool { return s.name == p.tok.text })
		if i < 0 {
			p.fail("no state of the protocol", "the protocol comes first")
			return nil
		}
		p.advance()
		p.expect(":")
		seconds[i] = uint32(min(p.duration()/1000, math.MaxUint32))
		p.newlines()
		if !p.accept(",") {
			break
		}
	}
	p.newlines()
	p.expect("}")
	var list []byte
	for i, n := range seconds {
		list = append(list, wire.AppendAttr(nil, uint16(i+1), be32(n))...)
	}
	return list
}

// expectationEntry reads `protocol tcp`, `dport 5432`, `timeout 1h` and `size 12`.
func (p *textReader) expectationEntry(f *fields) {
	if !f.has(1) {
		f[1] = be16(uint16(p.table.Family))
	}
	switch p.expectWord("protocol", "dport", "timeout", "size", "l3proto") {
	case "protocol":
		f[2] = p.protocolByte()
	case "dport":
		f[3] = be16(uint16(p.number(math.MaxUint16)))
	case "timeout":
		f[4] = binary.NativeEndian.AppendUint32(nil, uint32(p.duration()))
	case "size":
		f[5] = []byte{byte(p.number(255))}
	case "l3proto":
		f[1] = be16(uint16(p.family()))
	}
}

// flowtable reads a flowtable from its name on.
func (p *textReader) flowtable() {
	name := p.name()
	at := slices.IndexFunc(p.table.Flowtables, func(f *Flowtable) bool { return f.Name == name })
	f := &Flowtable{Name: name}
	switch {
	case p.bad != nil:
		return
	case at < 0:
		p.table.Flowtables = append(p.table.Flowtables, f)
	default:
		f = p.table.Flowtables[at]
	}
	if p.tok.is("{") {
		p.block(&f.Handle, func() { p.flowtableEntry(f) })
	}
}

func (p *textReader) flowtableEntry(f *Flowtable) {
	switch p.expectWord("hook", "devices", "device", "flags", "counter", "priority") {
	case "hook":
		f.Hook = p.hook(ruleset.Netdev)
		if p.word("priority") != "" {
			f.Priority = p.priority(ruleset.Netdev)
		}
	case "priority":
		f.Priority = p.priority(ruleset.Netdev)
	case "devices", "device":
		p.devices(&f.Devices)
	case "flags":
		f.Flags |= p.flags([]symbol{{"offload", 1}, {"counter", 2}})
	case "counter":
		f.Flags |= 2
	}
}

// hexBytes are the bytes that a listing shows of what is not known.
func hexBytes(text string) (b []byte) {
	for i := 0; i+1 < len(text); i += 2 {
		n, err := strconv.ParseUint(text[i:i+2], 16, 8)
		if err != nil {
			return b
		}
		b = append(b, byte(n))
	}
	return b
}
