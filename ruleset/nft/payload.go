package nft

import "github.com/pktrail/pktrail/ruleset"

// Payload loads bytes of the packet into a register, or writes them back.
// Offset and Len are in bytes from the begin of the layer Base
// (NFT_PAYLOAD_*).
type Payload struct {
	Dreg, Sreg        uint32
	Writes            bool
	Base, Offset, Len uint32
}

func decodePayload(f *fields) Expr {
	return &Payload{Dreg: f.u32(1), Base: f.u32(2), Offset: f.u32(3), Len: f.u32(4), Sreg: f.u32(5), Writes: !f.has(1)}
}

// Kind is the kernel's name of the expression.
func (e *Payload) Kind() string { return "payload" }

func (e *Payload) lift(l *lifter) {
	if e.Base >= uint32(len(baseWords)-1) || e.Offset > 1<<16 || e.Len == 0 || e.Len > 256 {
		l.keep("payload", "a layer or length that is not known")
		return
	}
	t := rawPayload(headerBase(e.Base+1), int(e.Offset)*8, int(e.Len)*8)
	if !e.Writes {
		l.set(registerOf(e.Dreg), t)
		return
	}
	val := l.get(registerOf(e.Sreg))
	if val == nil {
		l.keep("payload", noRegister)
		return
	}
	l.add(&payloadStmt{field: t, val: val})
}

// payloadLeaf is a field of the packet.
type payloadLeaf struct {
	base    headerBase
	offset  int
	bits    int
	head    *protocol // headUnknown while it has no name
	field   int       // of head; 0 while it has no name
	stacked bool      // it was asked for by offset alone in a set's declaration
}

func (f *payloadLeaf) copied() leaf { c := *f; return &c }

func (f *payloadLeaf) known() bool { return f.field > 0 }

func (f *payloadLeaf) print(p *printer) {
	if f.known() {
		p.s(f.head.name)
		p.sp(f.head.fields[f.field].name)
		return
	}
	p.s("@" + baseWords[f.base] + ",")
	p.i(int64(f.offset))
	p.s(",")
	p.i(int64(f.bits))
}

// looksAt: ports are those of every transport protocol, and IPv4's protocol is
// that of the packet.
func (f *payloadLeaf) looksAt() (ruleset.Field, string) {
	switch {
	case !f.known():
	case f.head == headIP && f.field == ipProtocol:
		return ruleset.L4Proto, ""
	case f.base == baseTransport && f.bits == 16 && f.offset == 0 && f.head.fields[f.field].name == "sport":
		return ruleset.SourcePort, ""
	case f.base == baseTransport && f.bits == 16 && f.offset == 16 && f.head.fields[f.field].name == "dport":
		return ruleset.DestPort, ""
	case (f.head == headIP || f.head == headIP6) && f.head.fields[f.field].name == "dscp":
		return ruleset.DSCP, ""
	}
	return "", ""
}

// rawPayload is a piece of the packet. The ports of every transport protocol
// are known without knowing which it is (src/payload.c: payload_init_raw).
func rawPayload(base headerBase, offset, bits int) *term {
	f := &payloadLeaf{base: base, offset: offset, bits: bits, head: headUnknown}
	typ := typeHex
	if base == baseTransport && bits == 16 && (offset == 0 || offset == 16) {
		f.head, f.field, typ = headTH, 1+offset/16, typeInetService
	}
	return newLeaf(f, typ, orderUnknown, bits)
}

// namedPayload is a field of a header that is known.
func namedPayload(h *protocol, n int) *term {
	fd := h.fields[n]
	t := newLeaf(&payloadLeaf{base: h.base, offset: fd.offset, bits: fd.bits, head: h, field: n}, fd.typ, orderBig, fd.bits)
	t.protocol = n == h.key || h == headIP && n == ipProtocol || h == headIP6 && n == ip6NextHdr
	return t
}

// payloadStmt writes into the packet: `ip dscp set ef`.
type payloadStmt struct {
	field, val *term
}

func (s *payloadStmt) print(p *printer) {
	p.term(s.field)
	p.s(" set ")
	p.term(s.val)
}

func (s *payloadStmt) ask(c *conditions) { c.mapped(s, s.val) }

// affect: what is not known, or not one of the fields that only routers heed, may
// make it another packet to the rules behind.
func (s *payloadStmt) affect(e *ruleset.Effect) {
	p := s.field.payload()
	if p.known() {
		switch p.head.fields[p.field].name {
		case "dscp", "ecn", "ttl", "hoplimit", "flowlabel", "id", "checksum":
			return
		}
	}
	e.Rewrites = true
}

func (s *payloadStmt) settle(c *settler) {
	c.name(s.field)
	if !s.field.payload().known() {
		c.unmask(s)
	}
	c.term(&s.field)
	s.val.setType(s.field.typ, s.field.order)
	c.term(&s.val)
	c.add(s)
}
