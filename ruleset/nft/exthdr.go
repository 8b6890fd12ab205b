package nft

// Exthdr loads, sets or strips a field of an IPv6 extension header, an option of
// IPv4, TCP or DCCP, or an SCTP chunk (Op: NFT_EXTHDR_OP_*). Offset and Len are bytes.
type Exthdr struct {
	Dreg, Sreg        uint32
	Loads, Writes     bool
	Type              uint8
	Offset, Len       uint32
	Op                uint32
	OnlyAsksIfPresent bool
}

func decodeExthdr(f *fields) Expr {
	return &Exthdr{Dreg: f.u32(1), Loads: f.has(1), Type: f.u8(2), Offset: f.u32(3), Len: f.u32(4),
		OnlyAsksIfPresent: f.u32(5)&1 != 0, Op: f.u32(6), Sreg: f.u32(7), Writes: f.has(7)}
}

// Kind is the kernel's name of the expression.
func (e *Exthdr) Kind() string { return "exthdr" }

func (e *Exthdr) lift(l *lifter) {
	if e.Offset > 1<<16 || e.Len > 256 || e.Op > exthdrDCCP || e.Op == exthdrDCCP && !e.OnlyAsksIfPresent {
		l.keep("exthdr", "a kind that is not known")
		return
	}
	t := rawExthdr(e.Op, e.Type, int(e.Offset)*8, int(e.Len)*8, e.OnlyAsksIfPresent)
	switch {
	case e.Loads:
		l.set(registerOf(e.Dreg), t)
	case e.Writes:
		val := l.get(registerOf(e.Sreg))
		if val == nil {
			l.keep("exthdr", noRegister)
			return
		}
		val.setType(t.typ, t.order)
		l.add(&exthdrStmt{field: t, val: val})
	default:
		t.exthdr().present = true
		l.add(&stripStmt{option: t})
	}
}

// Kinds of extension headers (enum nft_exthdr_op).
const (
	exthdrIPv6 = iota
	exthdrTCP
	exthdrIPv4
	exthdrSCTP
	exthdrDCCP // asked only whether it is there
)

// extHeader describes an extension header, option or chunk.
type extHeader struct {
	name   string
	id     uint32 // nft's number of it, in the user data of sets; of IPv6 headers only
	kind   uint8
	fields []field
}

// exthdrLeaf is a field of one.
type exthdrLeaf struct {
	op      uint32
	kind    uint8
	offset  int
	bits    int
	present bool // asks only whether it is there
	head    *extHeader
	field   field // without a name while it is not known
}

func (e *exthdrLeaf) copied() leaf { c := *e; return &c }

// rawExthdr finds the field by its place (src/exthdr.c: exthdr_init_raw).
func rawExthdr(op uint32, kind uint8, offset, bits int, present bool) *term {
	e := &exthdrLeaf{op: op, kind: kind, offset: offset, bits: bits, present: present, head: findExtHeader(op, kind)}
	t := newLeaf(e, typeInvalid, orderBig, bits)
	if op == exthdrTCP {
		t.typ = typeInteger
	}
	e.find(t, offset, bits)
	return t
}

// find looks for a field at a place, in bits; it reports whether there is one.
func (e *exthdrLeaf) find(t *term, offset, bits int) bool {
	for _, head := range e.candidates() {
		for _, f := range head.fields {
			if f.name != "" && f.offset == offset && f.bits == bits {
				e.head, e.field = head, f
				e.offset, e.bits, t.bits = offset, bits, bits
				t.typ = f.typ
				if e.present {
					t.typ = typeBoolean
				}
				return true
			}
		}
	}
	if e.present {
		t.typ = typeBoolean
	}
	return false
}

// candidates: the routing header has forms, which only the place tells apart.
func (e *exthdrLeaf) candidates() []*extHeader {
	switch e.head {
	case nil:
		return nil
	case extRouting:
		return []*extHeader{extRouting, extSegments, extRouting0}
	}
	return []*extHeader{e.head}
}

func (e *exthdrLeaf) print(p *printer) {
	name := "unknown-exthdr"
	if e.head != nil {
		name = e.head.name
	}
	switch e.op {
	case exthdrTCP:
		e.printTCP(p, name)
		return
	case exthdrDCCP:
		p.s("dccp option ")
		p.n(uint64(e.kind))
		return
	case exthdrIPv4:
		p.s("ip option " + name)
	case exthdrSCTP:
		p.s("sctp chunk " + name)
	default:
		if e.present {
			p.s("exthdr ")
		}
		p.s(name)
	}
	if !e.present {
		p.sp(e.fieldName())
	}
}

// needs: options of TCP and chunks of SCTP (net/netfilter/nft_exthdr.c:
// nft_exthdr_tcp_eval, nft_exthdr_sctp_eval). Whether one is there can be asked
// of any packet.
func (e *exthdrLeaf) needs() uint8 {
	switch {
	case e.present:
	case e.op == exthdrTCP:
		return protoTCPNum
	case e.op == exthdrSCTP:
		return protoSCTPNum
	}
	return 0
}

func (e *exthdrLeaf) fieldName() string {
	if e.field.name == "" {
		return "unknown"
	}
	return e.field.name
}

// printTCP: the second and later blocks of a SACK have the number of the block
// behind the name; options without a name are shown by kind, offset and length.
func (e *exthdrLeaf) printTCP(p *printer, name string) {
	p.s("tcp option ")
	switch {
	case e.head == nil && e.offset == 0 && e.present:
		p.n(uint64(e.kind))
		return
	case e.head == nil:
		p.s("@")
		p.n(uint64(e.kind))
		p.s(",")
		p.i(int64(e.offset))
		p.s(",")
		p.i(int64(e.bits))
		return
	}
	p.s(name)
	if e.present {
		return
	}
	if n := e.offset / 64; n > 0 {
		p.i(int64(n))
	}
	p.sp(e.fieldName())
}

// unmask finds the field that a mask cuts out; shift is how far the value must
// be moved (src/exthdr.c: exthdr_find_template).
func (e *exthdrLeaf) unmask(t, mask *term) (shift int, ok bool) {
	low := firstOne(mask.val)
	if low < 0 || e.op == exthdrSCTP || e.op == exthdrTCP && e.field.name != "" {
		return 0, false
	}
	high := firstZero(mask.val, low+1)
	return low, e.find(t, e.offset+8*bytesOf(mask.bits)-high, high-low)
}

// exthdrStmt sets a field: `tcp option maxseg size set 1400`.
type exthdrStmt struct{ field, val *term }

func (s *exthdrStmt) print(p *printer) {
	p.term(s.field)
	p.s(" set ")
	p.term(s.val)
}

func (s *exthdrStmt) settle(c *settler) { c.add(s) }

// stripStmt takes an option out: `reset tcp option sack-perm`.
type stripStmt struct{ option *term }

func (s *stripStmt) print(p *printer) {
	p.s("reset ")
	p.term(s.option)
}

func (s *stripStmt) settle(c *settler) { c.add(s) }
