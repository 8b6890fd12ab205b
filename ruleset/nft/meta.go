package nft

import "github.com/pktrail/pktrail/ruleset"

// Meta loads or sets something about the packet that is not in it: NFT_META_*.
type Meta struct {
	Key        uint32
	Dreg, Sreg uint32
	Writes     bool
}

func decodeMeta(f *fields) Expr {
	return &Meta{Dreg: f.u32(1), Key: f.u32(2), Sreg: f.u32(3), Writes: !f.has(1)}
}

// Kind is the kernel's name of the expression.
func (e *Meta) Kind() string { return "meta" }

func (e *Meta) lift(l *lifter) {
	t := newMeta(e.Key)
	if t == nil {
		l.keep("meta", "a key that is not known")
		return
	}
	if !e.Writes {
		l.set(registerOf(e.Dreg), t)
		return
	}
	val := l.get(registerOf(e.Sreg))
	if val == nil {
		l.keep("meta", noRegister)
		return
	}
	val.setType(t.typ, t.order)
	l.add(&metaStmt{key: t.meta(), val: val})
}

// Keys that tell something about the headers (enum nft_meta_keys).
const (
	metaProtocol = 1
	metaIIFType  = 8
	metaNFProto  = 15
	metaL4Proto  = 16
)

type metaKey struct {
	name  string
	typ   *dataType
	bits  int
	order byteOrder
}

// metaKeys are by NFT_META_*.
var metaKeys = [...]metaKey{
	0:            {"length", typeInteger, 32, orderHost},
	metaProtocol: {"protocol", typeEtherType, 16, orderBig},
	2:            {"priority", typeClassID, 32, orderHost},
	3:            {"mark", typeMark, 32, orderHost},
	4:            {"iif", typeIfIndex, 32, orderHost},
	5:            {"oif", typeIfIndex, 32, orderHost},
	6:            {"iifname", typeIfName, 128, orderHost},
	7:            {"oifname", typeIfName, 128, orderHost},
	metaIIFType:  {"iiftype", typeARPHRD, 16, orderHost},
	9:            {"oiftype", typeARPHRD, 16, orderHost},
	10:           {"skuid", typeUID, 32, orderHost},
	11:           {"skgid", typeGID, 32, orderHost},
	12:           {"nftrace", typeInteger, 1, orderHost},
	13:           {"rtclassid", typeRealm, 32, orderHost},
	14:           {"secmark", typeInteger, 32, orderHost},
	metaNFProto:  {"nfproto", typeNFProto, 8, orderHost},
	metaL4Proto:  {"l4proto", typeInetProto, 8, orderHost},
	17:           {"ibrname", typeIfName, 128, orderHost},
	18:           {"obrname", typeIfName, 128, orderHost},
	19:           {"pkttype", typePktType, 8, orderHost},
	20:           {"cpu", typeInteger, 32, orderHost},
	21:           {"iifgroup", typeDevGroup, 32, orderHost},
	22:           {"oifgroup", typeDevGroup, 32, orderHost},
	23:           {"cgroup", typeInteger, 32, orderHost},
	24:           {"random", typeInteger, 32, orderBig},
	25:           {"ipsec", typeBoolean, 8, orderHost},
	26:           {"iifkind", typeIfName, 128, orderHost},
	27:           {"oifkind", typeIfName, 128, orderHost},
	28:           {"ibrpvid", typeInteger, 16, orderHost},
	29:           {"ibrvproto", typeEtherType, 16, orderBig},
	30:           {"time", typeDate, 64, orderHost},
	31:           {"day", typeDay, 8, orderHost},
	32:           {"hour", typeHour, 32, orderHost},
	33:           {"sdif", typeIfIndex, 32, orderHost},
	34:           {"sdifname", typeIfName, 128, orderHost},
	36:           {"broute", typeInteger, 1, orderHost},
}

// metaLeaf is a key of the meta data.
type metaLeaf struct {
	key uint32
	// base is the layer below the header of which the key tells the protocol.
	base headerBase
}

func (m *metaLeaf) copied() leaf { return m }

// metaProtocolField is the Ethernet protocol of what is in the packet, behind VLAN tags.
const metaProtocolField ruleset.Field = "meta protocol"

// looksAt: times and random numbers are not of the packet.
func (m *metaLeaf) looksAt() (ruleset.Field, string) {
	switch m.key {
	case 24:
		return "", "depends on a random number"
	case 30, 31, 32:
		return "", "depends on the time"
	}
	return "", ""
}

func newMeta(key uint32) *term {
	if int(key) >= len(metaKeys) || metaKeys[key].name == "" {
		return nil
	}
	k := metaKeys[key]
	m := &metaLeaf{key: key}
	t := newLeaf(m, k.typ, k.order, k.bits)
	switch key {
	case metaNFProto, metaProtocol:
		m.base, t.protocol = baseLink, true
	case metaL4Proto:
		m.base, t.protocol = baseNetwork, true
	case metaIIFType:
		t.protocol = true
	}
	return t
}

func (m *metaLeaf) print(p *printer) {
	switch m.key {
	case 4, 5, 6, 7, 21, 22: // of interfaces: the word meta goes without saying
	default:
		p.s("meta ")
	}
	p.s(metaKeys[m.key].name)
}

// metaStmt sets a key: `meta mark set 0x1`.
type metaStmt struct {
	key *metaLeaf
	val *term
}

func (s *metaStmt) print(p *printer) {
	s.key.print(p)
	p.s(" set ")
	p.term(s.val)
}

func (s *metaStmt) ask(c *conditions) { c.mapped(s, s.val) }

const metaMark = 3

// affect tells which bits of the mark are written.
func (s *metaStmt) affect(e *ruleset.Effect) {
	if s.key.key == metaMark {
		e.MarkMask |= writtenBits(s.val)
	}
}

// writtenBits: `meta mark & 0xff | 0x1` keeps what its mask does and its other
// number does not touch.
func writtenBits(t *term) uint32 {
	switch {
	case t.kind == kindLeaf && t.meta() != nil && t.meta().key == metaMark:
		return 0
	case t.kind != kindBinop || t.right.kind != kindValue:
		return 0xffffffff
	}
	n := uint32(t.right.uint())
	switch t.op {
	case opAnd:
		return ^n | writtenBits(t.left)
	case opOr, opXor:
		return n | writtenBits(t.left)
	}
	return 0xffffffff
}

func (s *metaStmt) settle(c *settler) {
	c.term(&s.val)
	c.add(s)
}
