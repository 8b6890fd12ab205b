package logline

import (
	"math"
	"net/netip"
)

// The readers of values return where the value ends. Where there is none, ok is
// false and end is where it stopped making sense: the end of b for one that is cut.

// decimal reads a number up to limit.
func decimal(b []byte, i int, limit uint32) (v uint32, end int, ok bool) {
	start, n := i, uint64(0)
	for i < len(b) && b[i]-'0' <= 9 {
		if n = n*10 + uint64(b[i]-'0'); n > uint64(limit) {
			return 0, start, false
		}
		i++
	}
	return uint32(n), i, i > start
}

// hexadecimal reads up to digits digits, with or without 0x before them. Where
// lower is set it stops at a capital, which may begin the next word.
func hexadecimal(b []byte, i, digits int, lower bool) (v uint32, end int, ok bool) {
	if i+1 < len(b) && b[i] == '0' && b[i+1] == 'x' {
		i += 2
	}
	start := i
	for i < len(b) && i-start < digits {
		d := nibble(b[i])
		if d > 15 || lower && b[i] < 'a' && d > 9 {
			break
		}
		v = v<<4 | uint32(d)
		i++
	}
	return v, i, i > start
}

// nibble is a hexadecimal digit's value, more than 15 for any other byte.
func nibble(c byte) byte { return nibbles[c] }

// nibbles has the value of each byte as a hexadecimal digit, colon for the colon
// of hardware addresses, and 0xff for what is neither.
const nibbles = "" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x10\xff\xff\xff\xff\xff" +
	"\xff\x0a\x0b\x0c\x0d\x0e\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\x0a\x0b\x0c\x0d\x0e\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

const colon = 0x10

// address reads an IPv4 address, or an IPv6 address in any form without a zone.
// compressed: an IPv6 address in a form that the kernel does not use.
func address(b []byte, i int) (a netip.Addr, end int, compressed, ok bool) {
	for j := i; j < len(b) && j < i+5; j++ {
		switch b[j] {
		case '.':
			a, end, ok = address4(b, i)
			return a, end, false, ok
		case ':':
			return address6(b, i)
		}
	}
	return a, partOfAddress(b, i), false, false
}

// partOfAddress passes over what may begin an address.
func partOfAddress(b []byte, i int) int {
	start := i
	for i < len(b) && i < start+4 && nibble(b[i]) <= 15 {
		i++
	}
	return i
}

func address4(b []byte, i int) (a netip.Addr, end int, ok bool) {
	var octets [4]byte
	for n := range octets {
		if n > 0 {
			if i >= len(b) || b[i] != '.' {
				return a, i, false
			}
			i++
		}
		v, end, ok := decimal(b, i, math.MaxUint8)
		if !ok {
			return a, end, false
		}
		octets[n], i = byte(v), end
	}
	return netip.AddrFrom4(octets), i, true
}

// address6 reads up to eight groups, and the two that :: leaves out between them.
func address6(b []byte, i int) (a netip.Addr, end int, compressed, ok bool) {
	var bytes [16]byte
	start, n, gap := i, 0, -1
	for n < 16 {
		if gap < 0 && i+1 < len(b) && b[i] == ':' && b[i+1] == ':' {
			gap, i = n, i+2
		} else if n > 0 && gap != n {
			if i >= len(b) || b[i] != ':' {
				break
			}
			i++
		}
		v, end, ok := hexadecimal6(b, i)
		if !ok {
			if gap == n {
				break
			}
			return a, end, false, false
		}
		bytes[n], bytes[n+1] = byte(v>>8), byte(v)
		n, i = n+2, end
	}
	if gap < 0 && n < 16 || gap >= 0 && n == 16 {
		return a, i, false, false
	}
	if gap >= 0 {
		copy(bytes[16-(n-gap):], bytes[gap:n])
		clear(bytes[gap : gap+16-n])
	}
	return netip.AddrFrom16(bytes), i, i-start != fullAddress6, true
}

const fullAddress6 = 8*4 + 7

// hexadecimal6 is one group of an IPv6 address: four digits, small ones.
func hexadecimal6(b []byte, i int) (v uint32, end int, ok bool) {
	start := i
	for i < len(b) && i < start+4 && nibble(b[i]) <= 15 {
		v = v<<4 | uint32(nibble(b[i]))
		i++
	}
	return v, i, i > start
}

// hardware reads six bytes in hexadecimal with colons between.
func hardware(b []byte, i int) (mac [6]byte, end int, ok bool) {
	for n := range mac {
		if n > 0 {
			if i >= len(b) || b[i] != ':' {
				return mac, i, false
			}
			i++
		}
		if i+1 >= len(b) {
			return mac, len(b), false
		}
		high, low := nibble(b[i]), nibble(b[i+1])
		if high > 15 || low > 15 {
			return mac, i, false
		}
		mac[n], i = high<<4|low, i+2
	}
	return mac, i, true
}

// hexRun passes over hexadecimal digits and colons.
func hexRun(b []byte, i int) int {
	for i < len(b) && nibble(b[i]) <= colon {
		i++
	}
	return i
}
