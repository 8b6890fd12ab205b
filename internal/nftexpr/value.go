package nftexpr

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Value is a constant as the kernel compares it and as nft writes it.
type Value struct {
	Text  string
	Bytes []byte
}

// Interval is a closed range of values.
type Interval struct{ Lo, Hi Value }

// One is the interval that holds a single value.
func One(v Value) Interval { return Interval{v, v} }

// Addr is an address.
func Addr(a netip.Addr) Value { return Value{a.String(), a.AsSlice()} }

// PrefixInterval is all addresses of a prefix.
func PrefixInterval(p netip.Prefix) Interval {
	lo := p.Masked().Addr().AsSlice()
	hi := append([]byte(nil), lo...)
	for i := p.Bits(); i < len(hi)*8; i++ {
		hi[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(hi)
	return Interval{Addr(p.Masked().Addr()), Addr(last)}
}

// Port is a port in decimal.
func Port(n uint16) Value {
	return Value{strconv.Itoa(int(n)), binary.BigEndian.AppendUint16(nil, n)}
}

// Byte is an unsigned byte in decimal: a protocol, an ICMP type or code.
func Byte(n uint8) Value { return Value{strconv.Itoa(int(n)), []byte{n}} }

// Word is a byte that nft has a word for.
func Word(text string, n uint8) Value { return Value{text, []byte{n}} }

// EtherType is the protocol of a link header, in nft's words where it has them.
func EtherType(text string, n uint16) Value {
	return Value{text, binary.BigEndian.AppendUint16(nil, n)}
}

// Host32 is a 32-bit number in host byte order: a mark, an interface index, conntrack bits.
func Host32(text string, n uint32) Value {
	return Value{text, binary.NativeEndian.AppendUint32(nil, n)}
}

// Mark is a packet mark.
func Mark(n uint32) Value { return Host32(fmt.Sprintf("%#x", n), n) }

// Hex is raw bytes, most significant first.
func Hex(b []byte) Value { return Value{fmt.Sprintf("%#x", b), b} }

// Ifname is an interface's whole name.
func Ifname(name string) Value {
	b := make([]byte, 16)
	copy(b, name)
	return Value{quoted(name), b}
}

// IfnamePrefix is the beginning of interface names.
func IfnamePrefix(begin string) Value { return Value{quoted(begin + "*"), []byte(begin)} }

// quoted: a star at the end of a name stands for a wildcard unless it is escaped.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, ``) + `"` }

func (i Interval) text() string {
	if i.Lo.Text == i.Hi.Text {
		return i.Lo.Text
	}
	return i.Lo.Text + "-" + i.Hi.Text
}
