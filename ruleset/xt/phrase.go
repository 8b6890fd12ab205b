package xt

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// option appends an option's name, with "!" before it where it is negated.
func option(dst []byte, not bool, name string) []byte {
	if not {
		dst = append(dst, " !"...)
	}
	dst = append(dst, " --"...)
	return append(dst, name...)
}

// bare appends a blank and a word as it is.
func bare(dst []byte, s string) []byte {
	return append(append(dst, ' '), s...)
}

func number[T uint8 | uint16 | uint32 | uint64](dst []byte, n T) []byte {
	return strconv.AppendUint(append(dst, ' '), uint64(n), 10)
}

func hexadecimal[T uint8 | uint16 | uint32](dst []byte, n T) []byte {
	return strconv.AppendUint(append(dst, " 0x"...), uint64(n), 16)
}

// padded appends a hexadecimal number with at least so many digits, without a blank.
func padded(dst []byte, n uint32, digits int) []byte {
	s := strconv.FormatUint(uint64(n), 16)
	for range digits - len(s) {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// reach appends a range: "5" or "5:7".
func reach[T uint8 | uint16 | uint32 | uint64](dst []byte, low, high T) []byte {
	dst = number(dst, low)
	if low != high {
		dst = strconv.AppendUint(append(dst, ':'), uint64(high), 10)
	}
	return dst
}

// valueMask appends "0x1" or "0x1/0xff" (libxtables: xtables_print_val_mask).
func valueMask(dst []byte, value, mask uint32, name string) []byte {
	if mask != 0xffffffff {
		return padded(append(hexadecimal(dst, value), "/0x"...), mask, 1)
	}
	if name != "" {
		return bare(dst, name)
	}
	return hexadecimal(dst, value)
}

// quoted appends a string, in quotes where it is more than letters, digits,
// "_" and "-" (libxtables: xtables_save_string).
func quoted(dst []byte, s string) []byte {
	if s != "" && !strings.ContainsFunc(s, special) {
		return bare(dst, s)
	}
	dst = append(dst, ` "`...)
	for i := range len(s) {
		if c := s[i]; c == '"' || c == '\\' || c == '\'' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

func special(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-')
}

// list appends words with commas between them.
type list struct{ begun bool }

func (l *list) next(dst []byte) []byte {
	if l.begun {
		return append(dst, ',')
	}
	l.begun = true
	return dst
}

// address appends an address as glibc's inet_ntop writes it: as netip does but
// for IPv4-compatible IPv6 addresses, whose last four bytes are dotted.
func address(dst []byte, a netip.Addr) []byte {
	if a.Is6() {
		b := a.As16()
		if [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0) {
			return netip.AddrFrom4([4]byte(b[12:])).AppendTo(append(dst, "::"...))
		}
	}
	return a.AppendTo(dst)
}

// maskLen counts a mask's leading ones; false when it has ones behind a zero.
func maskLen(mask netip.Addr) (n int, ok bool) {
	if mask.Is4() {
		b := mask.As4()
		m := binary.BigEndian.Uint32(b[:])
		n = bits.LeadingZeros32(^m)
		return n, m<<n == 0
	}
	b := mask.As16()
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	if n = bits.LeadingZeros64(^high); n < 64 {
		return n, high<<n == 0 && low == 0
	}
	n = bits.LeadingZeros64(^low)
	return 64 + n, low<<n == 0
}

// addressMask appends an address and its mask, unless that is of all bits
// (libxtables: xtables_ipmask_to_numeric). A mask with holes is written out;
// for IPv6 iptables 1.8.9 writes it so too.
func addressMask(dst []byte, a, mask netip.Addr) []byte {
	dst = address(dst, a)
	n, ok := maskLen(mask)
	switch {
	case !ok:
		return address(append(dst, '/'), mask)
	case n == mask.BitLen():
		return dst
	}
	return strconv.AppendInt(append(dst, '/'), int64(n), 10)
}

func appendDecimal(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

// escaped puts backslashes before quotes and backslashes.
func escaped(s string) string { return strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(s) }
