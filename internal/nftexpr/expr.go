// Package nftexpr is nft rules as data, written out twice: in the words of the
// nft command and as the netlink attributes that the kernel takes. A batch of
// tables, chains, sets, objects and rules is sent in one transaction, and its
// script form does the same through `nft -f`. It reads no rulesets.
package nftexpr

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/wire"
)

// Stmt is one statement of a rule.
type Stmt struct {
	Text  string
	Exprs []Expr
}

// Expr is one expression of the kernel's rule engine.
type Expr struct {
	Name  string
	attrs attrs
	set   *anonymous // an anonymous set that the expression looks up
}

// attrs is encoded netlink attributes, one after the other.
type attrs []byte

func (a attrs) bytes(typ uint16, data []byte) attrs { return wire.AppendAttr(a, typ, data) }

func (a attrs) text(typ uint16, s string) attrs { return a.bytes(typ, append([]byte(s), 0)) }

func (a attrs) byte(typ uint16, v uint8) attrs { return a.bytes(typ, []byte{v}) }

func (a attrs) be16(typ uint16, v uint16) attrs {
	return a.bytes(typ, binary.BigEndian.AppendUint16(nil, v))
}

func (a attrs) be32(typ uint16, v uint32) attrs {
	return a.bytes(typ, binary.BigEndian.AppendUint32(nil, v))
}

func (a attrs) be64(typ uint16, v uint64) attrs {
	return a.bytes(typ, binary.BigEndian.AppendUint64(nil, v))
}

func (a attrs) nest(typ uint16, inner attrs) attrs { return a.bytes(typ|unix.NLA_F_NESTED, inner) }

// value nests constant data as the kernel takes it in cmp, range, bitwise and immediate.
func (a attrs) value(typ uint16, data []byte) attrs {
	return a.nest(typ, attrs(nil).bytes(unix.NFTA_DATA_VALUE, data))
}

func payload(base, offset, size, reg uint32) Expr {
	return Expr{Name: "payload", attrs: attrs(nil).
		be32(unix.NFTA_PAYLOAD_DREG, reg).be32(unix.NFTA_PAYLOAD_BASE, base).
		be32(unix.NFTA_PAYLOAD_OFFSET, offset).be32(unix.NFTA_PAYLOAD_LEN, size)}
}

func metaLoad(key, reg uint32) Expr {
	return Expr{Name: "meta", attrs: attrs(nil).be32(unix.NFTA_META_DREG, reg).be32(unix.NFTA_META_KEY, key)}
}

func metaSet(key, reg uint32) Expr {
	return Expr{Name: "meta", attrs: attrs(nil).be32(unix.NFTA_META_KEY, key).be32(unix.NFTA_META_SREG, reg)}
}

// ctLoad loads a conntrack key; a direction below 0 is left out.
func ctLoad(key uint32, direction int, reg uint32) Expr {
	a := attrs(nil).be32(unix.NFTA_CT_DREG, reg).be32(unix.NFTA_CT_KEY, key)
	if direction >= 0 {
		a = a.byte(unix.NFTA_CT_DIRECTION, uint8(direction))
	}
	return Expr{Name: "ct", attrs: a}
}

func compare(op, reg uint32, data []byte) Expr {
	return Expr{Name: "cmp", attrs: attrs(nil).
		be32(unix.NFTA_CMP_SREG, reg).be32(unix.NFTA_CMP_OP, op).value(unix.NFTA_CMP_DATA, data)}
}

func outside(reg uint32, lo, hi []byte) Expr {
	return Expr{Name: "range", attrs: attrs(nil).
		be32(unix.NFTA_RANGE_SREG, reg).be32(unix.NFTA_RANGE_OP, rangeNeq).
		value(unix.NFTA_RANGE_FROM_DATA, lo).value(unix.NFTA_RANGE_TO_DATA, hi)}
}

func bitwise(reg uint32, mask []byte) Expr {
	return Expr{Name: "bitwise", attrs: attrs(nil).
		be32(unix.NFTA_BITWISE_SREG, reg).be32(unix.NFTA_BITWISE_DREG, reg).
		be32(unix.NFTA_BITWISE_LEN, uint32(len(mask))).
		value(unix.NFTA_BITWISE_MASK, mask).value(unix.NFTA_BITWISE_XOR, make([]byte, len(mask)))}
}

func lookup(set string, id, reg uint32, not bool) Expr {
	a := attrs(nil).text(unix.NFTA_LOOKUP_SET, set).be32(unix.NFTA_LOOKUP_SREG, reg)
	if id != 0 {
		a = a.be32(unix.NFTA_LOOKUP_SET_ID, id)
	}
	if not {
		a = a.be32(unix.NFTA_LOOKUP_FLAGS, lookupInverted)
	}
	return Expr{Name: "lookup", attrs: a}
}

func immediate(reg uint32, data []byte) Expr {
	return Expr{Name: "immediate", attrs: attrs(nil).
		be32(unix.NFTA_IMMEDIATE_DREG, reg).value(unix.NFTA_IMMEDIATE_DATA, data)}
}

func verdict(code int32, chain string) Expr {
	v := attrs(nil).be32(unix.NFTA_VERDICT_CODE, uint32(code))
	if chain != "" {
		v = v.text(unix.NFTA_VERDICT_CHAIN, chain)
	}
	return Expr{Name: "immediate", attrs: attrs(nil).
		be32(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT).
		nest(unix.NFTA_IMMEDIATE_DATA, attrs(nil).nest(unix.NFTA_DATA_VERDICT, v))}
}

func objref(kind uint32, name string) Expr {
	return Expr{Name: "objref", attrs: attrs(nil).
		be32(unix.NFTA_OBJREF_IMM_TYPE, kind).text(unix.NFTA_OBJREF_IMM_NAME, name)}
}

// Numbers of include/uapi/linux/netfilter/nf_tables.h and netfilter.h.
const (
	rangeNeq       = 1 // NFT_RANGE_NEQ
	lookupInverted = 1 // NFT_LOOKUP_F_INV

	verdictDrop     = 0
	verdictAccept   = 1
	verdictContinue = -1
	verdictJump     = -3
	verdictGoto     = -4
	verdictReturn   = -5
)

// encode is the expression as one element of a rule's list; id is that of its
// anonymous set.
func (e Expr) encode(id uint32) attrs {
	inner := e
	if e.set != nil {
		inner = lookup(anonymousName, id, unix.NFT_REG_1, e.set.not)
	}
	return attrs(nil).text(unix.NFTA_EXPR_NAME, inner.Name).nest(unix.NFTA_EXPR_DATA, inner.attrs)
}
