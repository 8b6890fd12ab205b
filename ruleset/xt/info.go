package xt

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// info is the private data of a match or target as the kernel keeps it: a C
// struct with the alignments of a 64-bit machine, in its byte order. Offsets
// beyond the size that the extension's form asks for are never read.
type info []byte

func (b info) u8(at int) uint8   { return b[at] }
func (b info) is(at int) bool    { return b[at] != 0 }
func (b info) u16(at int) uint16 { return binary.NativeEndian.Uint16(b[at:]) }
func (b info) u32(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
func (b info) u64(at int) uint64 { return binary.NativeEndian.Uint64(b[at:]) }

// be16 reads a number in network byte order.
func (b info) be16(at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }

// flag reports whether one of the bits is set in a 32-bit word.
func (b info) flag(at int, bits uint32) bool { return b.u32(at)&bits != 0 }

// text reads a string that ends at its first zero byte or with its field.
func (b info) text(at, size int) string {
	s, _, _ := bytes.Cut(b[at:at+size], []byte{0})
	return string(s)
}

// addr reads a union nf_inet_addr, which takes 16 bytes whatever the family.
func (b info) addr(at int, fam ruleset.Family) netip.Addr {
	if fam == ruleset.IP6 {
		return netip.AddrFrom16([16]byte(b[at:]))
	}
	return netip.AddrFrom4([4]byte(b[at:]))
}

// ports reads two 16-bit numbers, the lower first.
func (b info) ports(at int) Ports { return Ports{b.u16(at), b.u16(at + 2)} }

// span reads two 32-bit numbers, the lower first.
func (b info) span(at int) Span { return Span{b.u32(at), b.u32(at + 4)} }

// Ports is a range of ports or other 16-bit numbers with both ends in it.
type Ports struct{ Low, High uint16 }

// Span is a range of 32-bit numbers with both ends in it.
type Span struct{ Low, High uint32 }

func (p Ports) all() bool { return p.Low == 0 && p.High == 0xffff }
func (s Span) all() bool  { return s.Low == 0 && s.High == 0xffffffff }
