package iptnft

import (
	"encoding/binary"

	"github.com/pktrail/pktrail/internal/wire"
)

// expr is one expression of a rule, in place: its name and its attributes by
// number. Tables of iptables-nft have very many rules, so none of it is copied.
type expr struct {
	name []byte
	attr [maxAttr][]byte
}

// maxAttr is above the numbers of all attributes that are looked at.
const maxAttr = 8

// Attributes of a list, of an expression (enum nft_expr_attributes) and of a
// value (enum nft_data_attributes).
const (
	listElem    = 1
	exprName    = 1
	exprData    = 2
	dataValue   = 1
	dataVerdict = 2
)

// read takes an NFTA_LIST_ELEM apart.
func (x *expr) read(elem wire.Attrs) {
	*x = expr{}
	for a, ok := elem.Next(); ok; a, ok = elem.Next() {
		switch a.Type {
		case exprName:
			x.name = a.Text()
		case exprData:
			x.readData(a.Data)
		}
	}
}

func (x *expr) readData(data wire.Attrs) {
	for a, ok := data.Next(); ok; a, ok = data.Next() {
		if int(a.Type) < maxAttr {
			x.attr[a.Type] = a.Data
		}
	}
}

func (x *expr) has(n int) bool { return x.attr[n] != nil }

// u32, u16 and u64 are numbers in network byte order; 0 where they are absent.
func (x *expr) u32(n int) uint32 {
	if len(x.attr[n]) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(x.attr[n])
}

func (x *expr) u16(n int) uint16 {
	if len(x.attr[n]) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(x.attr[n])
}

func (x *expr) u64(n int) uint64 {
	if len(x.attr[n]) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(x.attr[n])
}

// text is a string without its end.
func (x *expr) text(n int) []byte { return wire.Attr{Data: x.attr[n]}.Text() }

// value is the bytes of a nested NFTA_DATA_VALUE; nil where there is none.
func (x *expr) value(n int) []byte { return nested(x.attr[n], dataValue) }

// nested is the first attribute of a kind.
func nested(in wire.Attrs, kind uint16) []byte {
	for a, ok := in.Next(); ok; a, ok = in.Next() {
		if a.Type == kind {
			return a.Data
		}
	}
	return nil
}
