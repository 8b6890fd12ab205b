package nft

import (
	"encoding/binary"

	"github.com/pktrail/pktrail/internal/wire"
)

// maxAttr bounds the attribute numbers that are looked at; larger ones are of a
// newer kernel and stay in the raw bytes.
const maxAttr = 24

// fields are the attributes of one netlink object by their number, in place.
type fields [maxAttr][]byte

func fieldsOf(as wire.Attrs) (f fields) {
	for a, ok := as.Next(); ok; a, ok = as.Next() {
		if int(a.Type) < maxAttr {
			f[a.Type] = a.Data
		}
	}
	return f
}

func (f *fields) has(n int) bool { return f[n] != nil }

func (f *fields) u8(n int) uint8 {
	if len(f[n]) < 1 {
		return 0
	}
	return f[n][0]
}

// u16, u32 and u64 are numbers in network byte order; 0 where they are absent.
func (f *fields) u16(n int) uint16 {
	if len(f[n]) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(f[n])
}

func (f *fields) u32(n int) uint32 {
	if len(f[n]) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(f[n])
}

func (f *fields) u64(n int) uint64 {
	if len(f[n]) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(f[n])
}

func (f *fields) text(n int) string { return string(wire.Attr{Data: f[n]}.Text()) }

func (f *fields) is(n int, name string) bool { return string(wire.Attr{Data: f[n]}.Text()) == name }

// value is the bytes of a nested NFTA_DATA_VALUE.
func (f *fields) value(n int) []byte {
	d := fieldsOf(wire.Attrs(f[n]))
	return d[dataValue]
}

// Attributes of enum nft_data_attributes and nft_verdict_attributes.
const (
	dataValue    = 1
	dataVerdict  = 2
	verdictCode  = 1
	verdictChain = 2
)

// verdict is a nested NFTA_DATA_VERDICT; ok is false where there is none.
func (f *fields) verdict(n int) (code int32, chain string, ok bool) {
	d := fieldsOf(wire.Attrs(f[n]))
	if !d.has(dataVerdict) {
		return 0, "", false
	}
	v := fieldsOf(wire.Attrs(d[dataVerdict]))
	return int32(v.u32(verdictCode)), v.text(verdictChain), true
}

// udata walks what nft itself keeps with an object: a byte of type, a byte of
// length, the data; numbers in host byte order (libnftnl/src/udata.c).
func udata(b []byte, each func(typ uint8, data []byte)) {
	for len(b) >= 2 {
		n := 2 + int(b[1])
		if n > len(b) {
			return
		}
		each(b[0], b[2:n])
		b = b[n:]
	}
}

func udataU32(b []byte) uint32 {
	if len(b) != 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// udataComment is the comment, which tables, chains, rules, objects and
// elements all keep as type 0.
func udataComment(b []byte) (comment string) {
	udata(b, func(typ uint8, data []byte) {
		if typ == 0 && len(data) > 0 && data[len(data)-1] == 0 {
			comment = string(data[:len(data)-1])
		}
	})
	return comment
}
