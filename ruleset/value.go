package ruleset

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Value is what a field of a packet holds: a number of at most 128 bits.
// Names of interfaces are their 16 bytes, zeros behind the name.
type Value struct{ High, Low uint64 }

// Number is a value of at most 64 bits.
func Number(n uint64) Value { return Value{Low: n} }

// Addr is an address as a value: 32 bits of IPv4, 128 bits of IPv6.
func Addr(a netip.Addr) Value {
	if a.Is4() {
		b := a.As4()
		return Number(uint64(binary.BigEndian.Uint32(b[:])))
	}
	return bytes16(a.As16())
}

// Name is the name of an interface as a value; what is longer than 16 bytes is cut.
func Name(s string) Value {
	var b [16]byte
	copy(b[:], s)
	return bytes16(b)
}

func bytes16(b [16]byte) Value {
	return Value{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// Compare is -1, 0 or 1 as v is below, equal to or above w.
func (v Value) Compare(w Value) int {
	switch {
	case v == w:
		return 0
	case v.High < w.High, v.High == w.High && v.Low < w.Low:
		return -1
	}
	return 1
}

// And is the bits that both have.
func (v Value) And(w Value) Value { return Value{v.High & w.High, v.Low & w.Low} }

// Or is the bits that either has.
func (v Value) Or(w Value) Value { return Value{v.High | w.High, v.Low | w.Low} }

func (v Value) xor(w Value) Value { return Value{v.High ^ w.High, v.Low ^ w.Low} }

// next is one more; false behind the last.
func (v Value) next() (Value, bool) {
	low, carry := bits.Add64(v.Low, 1, 0)
	high, over := bits.Add64(v.High, 0, carry)
	return Value{high, low}, over == 0
}

// bitLen is the number of bits without leading zeros.
func (v Value) bitLen() int {
	if v.High != 0 {
		return 64 + bits.Len64(v.High)
	}
	return bits.Len64(v.Low)
}

// ones is a value of the lowest n bits.
func ones(n int) Value {
	switch {
	case n <= 0:
		return Value{}
	case n < 64:
		return Value{Low: 1<<n - 1}
	case n < 128:
		return Value{1<<(n-64) - 1, ^uint64(0)}
	}
	return Value{^uint64(0), ^uint64(0)}
}

// Range is the values from one to another, both of them in it.
type Range struct{ From, To Value }

// Only is the range of one value.
func Only(v Value) Range { return Range{v, v} }

// Any is the range of a field that need not even be there.
func Any() Range { return Range{To: ones(128)} }

// Span is the range from one number to another.
func Span(from, to uint64) Range { return Range{Number(from), Number(to)} }

// Prefix is the addresses of a network.
func Prefix(p netip.Prefix) Range {
	from := Addr(p.Masked().Addr())
	return Range{from, from.Or(ones(p.Addr().BitLen() - p.Bits()))}
}

// Names is a name of an interface, or with "+" or "*" as its wildcard, and
// wild, all names that begin so.
func Names(begin string, wild bool) Range {
	from := Name(begin)
	if !wild {
		return Only(from)
	}
	return Range{from, from.Or(ones(128 - 8*min(len(begin), 16)))}
}

// Has reports whether all of s lies in r.
func (r Range) Has(s Range) bool { return r.From.Compare(s.From) <= 0 && s.To.Compare(r.To) <= 0 }

// Meets reports whether r and s have a value in common.
func (r Range) Meets(s Range) bool { return r.From.Compare(s.To) <= 0 && s.From.Compare(r.To) <= 0 }
