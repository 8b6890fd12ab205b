package nft

import "github.com/pktrail/pktrail/ruleset"

// CT loads or sets something of the packet's connection: NFT_CT_*. Direction is
// -1 where the key has none.
type CT struct {
	Key        uint32
	Direction  int8
	Dreg, Sreg uint32
	Writes     bool
}

func decodeCT(f *fields) Expr {
	e := &CT{Dreg: f.u32(1), Key: f.u32(2), Direction: -1, Sreg: f.u32(4), Writes: !f.has(1)}
	if f.has(3) {
		e.Direction = int8(f.u8(3))
	}
	return e
}

// Kind is the kernel's name of the expression.
func (e *CT) Kind() string { return "ct" }

func (e *CT) lift(l *lifter) {
	t := newCT(e.Key, e.Direction)
	if t == nil {
		l.keep("ct", "a key that is not known")
		return
	}
	if !e.Writes {
		l.set(registerOf(e.Dreg), t)
		return
	}
	val := l.get(registerOf(e.Sreg))
	if val == nil {
		l.keep("ct", noRegister)
		return
	}
	val.setType(t.typ, t.order)
	l.add(&ctStmt{key: t.leaf.(*ctLeaf), val: val})
}

// Keys whose type depends on the packet, or that tell about it (enum nft_ct_keys).
const (
	ctL3Proto   = 7
	ctSrc       = 8
	ctDst       = 9
	ctProtocol  = 10
	ctProtoSrc  = 11
	ctProtoDst  = 12
	ctEventMask = 18
)

// ctKeys are by NFT_CT_*.
var ctKeys = [...]metaKey{
	0:           {"state", typeCTState, 32, orderHost},
	1:           {"direction", typeCTDir, 8, orderHost},
	2:           {"status", typeCTStatus, 32, orderHost},
	3:           {"mark", typeMark, 32, orderHost},
	4:           {"secmark", typeInteger, 32, orderHost},
	5:           {"expiration", typeTime, 32, orderHost},
	6:           {"helper", typeString, 128, orderHost},
	ctL3Proto:   {"l3proto", typeNFProto, 8, orderHost},
	ctSrc:       {"saddr", typeInvalid, 0, orderBig},
	ctDst:       {"daddr", typeInvalid, 0, orderBig},
	ctProtocol:  {"protocol", typeInetProto, 8, orderBig},
	ctProtoSrc:  {"proto-src", typeInvalid, 16, orderBig},
	ctProtoDst:  {"proto-dst", typeInvalid, 16, orderBig},
	13:          {"label", typeCTLabel, 128, orderHost},
	14:          {"packets", typeInteger, 64, orderHost},
	15:          {"bytes", typeInteger, 64, orderHost},
	16:          {"avgpkt", typeInteger, 64, orderHost},
	17:          {"zone", typeInteger, 16, orderHost},
	ctEventMask: {"event", typeCTEvent, 32, orderHost},
	19:          {"ip saddr", typeIPAddr, 32, orderBig},
	20:          {"ip daddr", typeIPAddr, 32, orderBig},
	21:          {"ip6 saddr", typeIP6Addr, 128, orderBig},
	22:          {"ip6 daddr", typeIP6Addr, 128, orderBig},
	23:          {"id", typeInteger, 32, orderBig},
}

// ctLeaf is a key of the connection.
type ctLeaf struct {
	key  uint32
	dir  int8
	base headerBase
	fam  string // "ip" or "ip6" before an address, once it is known
}

func (c *ctLeaf) copied() leaf { d := *c; return &d }

func newCT(key uint32, dir int8) *term {
	if int(key) >= len(ctKeys) {
		return nil
	}
	k := ctKeys[key]
	c := &ctLeaf{key: key, dir: dir}
	t := newLeaf(c, k.typ, k.order, k.bits)
	switch key {
	case ctSrc, ctDst:
		c.base = baseNetwork
	case ctProtoSrc, ctProtoDst:
		c.base = baseTransport
	case ctProtocol:
		c.base, t.protocol = baseNetwork, true
	case ctL3Proto:
		c.base, t.protocol = baseLink, true
	}
	return t
}

func (c *ctLeaf) print(p *printer) {
	p.s("ct ")
	switch c.dir {
	case 0:
		p.s("original ")
	case 1:
		p.s("reply ")
	}
	if c.dir >= 0 && c.fam != "" {
		p.s(c.fam + " ")
	}
	p.s(ctKeys[c.key].name)
}

// looksAt: the protocol is that of the connection, in whichever direction it is
// asked for; counters and timers are not of the packet.
func (c *ctLeaf) looksAt() (ruleset.Field, string) {
	switch c.key {
	case 5:
		return "", "depends on the time"
	case 14, 15, 16:
		return "", "depends on what the connection has counted"
	case ctProtocol:
		return ruleset.CTProto, ""
	}
	return "", ""
}

// settleCT gives addresses and ports the type that the packet's family and
// protocol tell (src/ct.c: ct_expr_update_type).
func (c *settler) settleCT(t *term, ct *ctLeaf) {
	head := c.heads[ct.base]
	switch ct.key {
	case ctSrc, ctDst:
		switch head {
		case headIP:
			t.typ, ct.fam = typeIPAddr, "ip"
		case headIP6:
			t.typ, ct.fam = typeIP6Addr, "ip6"
		}
		t.bits = t.typ.bits
	case ctProtoSrc, ctProtoDst:
		if head != nil {
			t.typ = typeInetService
		}
	}
}

// ctStmt sets a key: `ct mark set 0x1`.
type ctStmt struct {
	key *ctLeaf
	val *term
}

func (s *ctStmt) print(p *printer) {
	s.key.print(p)
	p.s(" set ")
	p.term(s.val)
}

func (s *ctStmt) ask(c *conditions) { c.mapped(s, s.val) }

func (s *ctStmt) settle(c *settler) {
	c.term(&s.val)
	if s.key.key == ctEventMask {
		s.val = s.val.listed()
	}
	c.add(s)
}
