package nft

import (
	"slices"

	"github.com/pktrail/pktrail/internal/wire"
)

// Set is a set or a map of a table. Timeout and GCInterval are in milliseconds.
type Set struct {
	Name       string
	Handle     uint64
	Flags      uint32 // NFT_SET_*
	Policy     uint32
	Size       uint32 // 0: without a limit
	Timeout    uint64
	GCInterval uint64
	ObjType    uint32 // of a map to objects: NFT_OBJECT_*
	Comment    string

	table        *Table
	key, data    *term // data is nil unless it is a map to values or verdicts
	typeOf       bool  // key and data were declared by what they are compared with
	autoMerge    bool
	dataInterval bool
	parts        int    // of a key of several ranges
	exprs        []byte // that each element is given: a list of NFTA_LIST_ELEM
	raw          [][]byte
	elems        []*term
	given        []*term // the elements as text gave them, in place of raw
	inner        []stmt  // as text gave them, in place of exprs
	held         *heldRows
}

// Flags of sets (enum nft_set_flags).
const (
	setAnonymous = 0x1
	setConstant  = 0x2
	setInterval  = 0x4
	setMap       = 0x8
	setTimeout   = 0x10
	setEval      = 0x20
	setObject    = 0x40
)

// Keys are the keys of the set's elements as the kernel sent them, without the
// ends of intervals.
func (s *Set) Keys() (keys [][]byte) {
	for _, raw := range s.raw {
		if f := fieldsOf(raw); f.u32(elemFlags)&elemIntervalEnd == 0 && f.has(elemKey) {
			keys = append(keys, f.value(elemKey))
		}
	}
	return keys
}

func (s *Set) isAnonymous() bool  { return s.Flags&setAnonymous != 0 }
func (s *Set) isInterval() bool   { return s.Flags&setInterval != 0 }
func (s *Set) isMeter() bool      { return s.Flags&(setAnonymous|setEval) == setAnonymous|setEval }
func (s *Set) isVerdictMap() bool { return s.data != nil && s.data.typ.id == idVerdict }

// fresh is the set for use in one rule, whose values move with the rule's masks.
func (s *Set) fresh() *Set {
	c := *s
	c.elems = nil
	for _, e := range s.given {
		c.elems = append(c.elems, e.clone())
	}
	return &c
}

// Attributes of a set (enum nft_set_attributes) and of its description.
const (
	setAttrTable    = 1
	setAttrName     = 2
	setAttrFlags    = 3
	setAttrKeyType  = 4
	setAttrKeyLen   = 5
	setAttrDataType = 6
	setAttrDataLen  = 7
	setAttrPolicy   = 8
	setAttrDesc     = 9
	setAttrTimeout  = 11
	setAttrGC       = 12
	setAttrUserData = 13
	setAttrObjType  = 15
	setAttrHandle   = 16
	setAttrExpr     = 17
	setAttrExprs    = 18

	setDescSize   = 1
	setDescConcat = 2
)

// User data of a set, which nft keeps for itself.
const (
	setUserKeyOrder     = 0
	setUserDataOrder    = 1
	setUserAutoMerge    = 2
	setUserKeyTypeOf    = 3
	setUserDataTypeOf   = 4
	setUserDataInterval = 6
	setUserComment      = 7
)

const maxKeyBytes = 256 // more than registers hold

// decodeSet decodes an NFT_MSG_NEWSET (src/netlink.c: netlink_delinearize_set).
func decodeSet(t *Table, f *fields) *Set {
	s := &Set{table: t, Name: f.text(setAttrName), Flags: f.u32(setAttrFlags), Handle: f.u64(setAttrHandle),
		Policy: f.u32(setAttrPolicy), Timeout: f.u64(setAttrTimeout), GCInterval: uint64(f.u32(setAttrGC))}
	s.exprs = slices.Clone(f[setAttrExprs])
	if f.has(setAttrExpr) {
		s.exprs = wire.AppendAttr(nil, listElem, f[setAttrExpr])
	}
	desc := fieldsOf(wire.Attrs(f[setAttrDesc]))
	s.Size = desc.u32(setDescSize)
	list := wire.Attrs(desc[setDescConcat])
	for _, ok := list.Next(); ok; _, ok = list.Next() {
		s.parts++
	}
	if s.Flags&setObject != 0 {
		s.ObjType = f.u32(setAttrObjType)
	}
	s.decodeTypes(f)
	return s
}

// decodeTypes finds the types of key and data: as they were declared, if nft
// kept that, else by nft's number of the type.
func (s *Set) decodeTypes(f *fields) {
	user := map[uint8][]byte{}
	udata(f[setAttrUserData], func(typ uint8, data []byte) { user[typ] = data })
	s.autoMerge = udataU32(user[setUserAutoMerge]) != 0
	s.dataInterval = udataU32(user[setUserDataInterval]) != 0
	if c := user[setUserComment]; len(c) > 0 {
		s.Comment = string(wire.Attr{Data: c}.Text())
	}
	keyOf, dataOf := typeOfUser(user[setUserKeyTypeOf]), typeOfUser(user[setUserDataTypeOf])
	keyBits := 8 * int(min(f.u32(setAttrKeyLen), maxKeyBytes))
	if s.Flags&setMap != 0 {
		bits := 8 * int(min(f.u32(setAttrDataLen), maxKeyBytes))
		if fits(dataOf, bits) {
			s.data = dataOf
		} else {
			s.data = plainKey(f.u32(setAttrDataType), bits, byteOrder(udataU32(user[setUserDataOrder])))
			keyOf = nil // without typeof for the data there is none for the key
		}
	}
	if s.typeOf = fits(keyOf, keyBits); s.typeOf {
		s.key = keyOf
		return
	}
	s.key = plainKey(f.u32(setAttrKeyType), keyBits, byteOrder(udataU32(user[setUserKeyOrder])))
}

func fits(t *term, bits int) bool { return t != nil && bytesOf(t.bits) == bits/8 }

func plainKey(number uint32, bits int, order byteOrder) *term {
	typ := typeByNumber(number)
	if typ == nil {
		typ = typeInvalid
	}
	if typ == typeInteger { // its order is the declaration's
		c := *typeInteger
		c.order = order
		typ = &c
	}
	return newNumber(0, bits, typ, order)
}

// Numbers of nft's kinds of expressions in the user data of sets.
const (
	userVerdict = 1
	userPayload = 7
	userExthdr  = 8
	userMeta    = 9
	userSocket  = 10
	userOSF     = 11
	userCT      = 12
	userConcat  = 13
	userNumgen  = 23
	userHash    = 24
	userRT      = 25
	userFIB     = 26
	userXfrm    = 27
)

// typeOfUser decodes what `typeof` named; nil when it is not there or of a newer nft.
func typeOfUser(b []byte) *term {
	u := userFields(b)
	kind, data := udataU32(u[0]), u[1]
	if kind == userConcat {
		return typeOfConcat(data)
	}
	return typeOfOne(kind, data)
}

// userFields are the parts of nested user data, by type.
func userFields(b []byte) (f [8][]byte) {
	udata(b, func(typ uint8, data []byte) {
		if int(typ) < len(f) {
			f[typ] = data
		}
	})
	return f
}

func typeOfConcat(b []byte) *term {
	all := &term{kind: kindConcat, typ: typeInvalid}
	var id uint32
	udata(b, func(_ uint8, data []byte) {
		u := userFields(data)
		part := typeOfOne(udataU32(u[0]), u[1])
		if part == nil {
			all = nil
		}
		if all == nil {
			return
		}
		all.list = append(all.list, part)
		all.bits += paddedBits(part.bits)
		id = joinType(id, part.typ)
	})
	if all == nil || len(all.list) == 0 || len(all.list) > 5 {
		return nil
	}
	if all.typ = concatType(id); all.typ == nil {
		return nil
	}
	return all
}

func typeOfOne(kind uint32, b []byte) *term {
	u := userFields(b)
	n := func(i int) uint32 { return udataU32(u[i]) }
	switch kind {
	case userVerdict:
		return newLeaf(plainLeaf("verdict"), typeVerdict, orderUnknown, 128)
	case userPayload:
		return typeOfPayload(u)
	case userExthdr:
		return typeOfExthdr(u)
	case userMeta:
		return newMeta(n(0))
	case userSocket:
		return newSocket(n(0), 0)
	case userOSF:
		return newLeaf(plainLeaf("osf name"), typeString, orderHost, 128)
	case userCT:
		return newCT(n(0), int8(n(1)))
	case userNumgen:
		if n(0) > 1 {
			return nil
		}
		return newLeaf(&numgenLeaf{Numgen{Type: n(0), Modulus: n(1), Offset: n(2)}}, typeInteger, orderHost, 32)
	case userHash:
		return newLeaf(&hashLeaf{Hash: Hash{Type: n(0), Offset: n(1), Modulus: n(2), Seed: n(3), Seeded: n(4) != 0}}, typeInteger, orderHost, 32)
	case userRT:
		return newRT(n(0))
	case userFIB:
		return newFIB(n(1), n(0))
	case userXfrm:
		return newXfrm(uint8(n(2)), n(1), n(0))
	}
	return nil
}

// typeOfPayload: header and field by nft's numbers, or a piece of the packet.
func typeOfPayload(u [8][]byte) *term {
	id, number, bits := udataU32(u[0]), udataU32(u[1]), int(udataU32(u[4]))
	if id != 0 {
		h := headerByID(id)
		if h == nil {
			return nil
		}
		if _, ok := h.at(int(number)); !ok {
			return nil
		}
		t := namedPayload(h, int(number))
		if bits > 0 {
			t.bits = bits
		}
		return t
	}
	base := udataU32(u[2])
	if base >= uint32(len(baseWords)) || bits <= 0 || bits > 8*maxKeyBytes {
		return nil
	}
	l := &payloadLeaf{base: headerBase(base), offset: int(udataU32(u[3])), bits: bits, head: headUnknown, stacked: true}
	return newLeaf(l, &dataType{id: idInteger, name: "integer", base: typeInteger, hex: 1, bits: bits, order: orderBig, print: printInteger}, orderBig, bits)
}

func typeOfExthdr(u [8][]byte) *term {
	id, number, op := udataU32(u[0]), int(udataU32(u[1])), udataU32(u[2])
	var head *extHeader
	if op == exthdrIPv6 {
		for _, h := range ip6Headers {
			if h.id == id {
				head = h
			}
		}
	} else {
		head = findExtHeader(op, uint8(id))
	}
	if head == nil || number >= len(head.fields) || head.fields[number].name == "" {
		return nil
	}
	f := head.fields[number]
	e := &exthdrLeaf{op: op, kind: head.kind, offset: f.offset, bits: f.bits, head: head, field: f}
	return newLeaf(e, f.typ, orderBig, f.bits)
}
