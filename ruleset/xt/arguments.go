package xt

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// given is one option of an extension with the words behind it.
type given struct {
	not  bool
	name string // without dashes
	args []string
	at   int // where in the line it stands
}

// arguments are an extension's options as text, read one by one. The first that
// cannot be read is kept as the error.
type arguments struct {
	given []given
	err   error
	at    int // of the option that cannot be read
}

func (a *arguments) fail(g given, why string) {
	if a.err == nil {
		a.at = g.at
		a.err = fmt.Errorf("--%s %s: %s", g.name, strings.Join(g.args, " "), why)
	}
}

// each hands over the options; take reports whether it knows one.
func (a *arguments) each(take func(g given) bool) {
	for _, g := range a.given {
		if !take(g) {
			a.fail(g, "unknown option")
		}
	}
}

// plain hands over the options of an extension that negates none.
func (a *arguments) plain(take func(g given) bool) {
	a.each(func(g given) bool { return !g.not && take(g) })
}

// flag is true for an option that stands alone.
func (a *arguments) flag(g given) bool {
	if len(g.args) != 0 {
		a.fail(g, "it takes no value")
	}
	return true
}

// text is an option's only value.
func (a *arguments) text(g given) string {
	if len(g.args) != 1 {
		a.fail(g, "it takes one value")
		return ""
	}
	return g.args[0]
}

// number reads a decimal, octal (0…) or hexadecimal (0x…) number of so many bits.
func (a *arguments) number(g given, s string, bits int) uint64 { return a.numberOf(g, s, 0, bits) }

// numberOf reads a number to a base, before which "0x" may stand when that is 16.
func (a *arguments) numberOf(g given, s string, base, bits int) uint64 {
	digits := s
	if base == 16 {
		digits = strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
	}
	n, err := strconv.ParseUint(digits, base, bits)
	if err != nil || strings.Contains(s, "_") {
		a.fail(g, "no number of "+strconv.Itoa(bits)+" bits")
	}
	return n
}

func (a *arguments) u8(g given) uint8   { return uint8(a.number(g, a.text(g), 8)) }
func (a *arguments) u16(g given) uint16 { return uint16(a.number(g, a.text(g), 16)) }
func (a *arguments) u32(g given) uint32 { return uint32(a.number(g, a.text(g), 32)) }

// ports reads "5", "5:7", ":7" or "5:".
func (a *arguments) ports(g given) Ports { return a.portsOf(g, a.text(g), ":") }

func (a *arguments) portsOf(g given, s, separator string) Ports {
	low, high, ranged := strings.Cut(s, separator)
	p := Ports{0, 0xffff}
	if low != "" || !ranged {
		p.Low = uint16(a.number(g, low, 16))
	}
	switch {
	case !ranged:
		p.High = p.Low
	case high != "":
		p.High = uint16(a.number(g, high, 16))
	}
	return p
}

// masked reads "0x1" or "0x1/0xff".
func (a *arguments) masked(g given) (value, mask uint32) {
	v, m, hasMask := strings.Cut(a.text(g), "/")
	if mask = 0xffffffff; hasMask {
		mask = uint32(a.number(g, m, 32))
	}
	return uint32(a.number(g, v, 32)), mask
}

// word returns the place of the option's value among words with commas between them.
func (a *arguments) word(g given, s, words string) int {
	i := 0
	for w := range strings.SplitSeq(words, ",") {
		if w == s {
			return i
		}
		i++
	}
	a.fail(g, "it takes one of "+words)
	return 0
}

// wordBits reads a list of words as bits, the first word being the lowest bit.
func (a *arguments) wordBits(g given, words string) (bits uint32) {
	for s := range strings.SplitSeq(a.text(g), ",") {
		bits |= 1 << a.word(g, s, words)
	}
	return bits
}

func (a *arguments) addr(g given, s string, e Env) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Is6() != (e.Family == ip6) || addr.Zone() != "" {
		a.fail(g, "no address of family "+e.Family.String())
		return e.zeroAddr()
	}
	return addr
}

func (e Env) zeroAddr() netip.Addr {
	if e.Family == ip6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// network reads an address with a mask behind a slash, of which the address
// keeps what the mask leaves, as iptables does.
func (a *arguments) network(g given, e Env) (addr, mask netip.Addr) {
	s, m, hasMask := strings.Cut(a.text(g), "/")
	addr = a.addr(g, s, e)
	n, err := strconv.ParseUint(m, 10, 8)
	switch {
	case !hasMask:
		mask = maskOf(addr, addr.BitLen())
	case err != nil:
		mask = a.addr(g, m, e)
	case int(n) > addr.BitLen():
		a.fail(g, "the mask is longer than the address")
		mask = maskOf(addr, 0)
	default:
		mask = maskOf(addr, int(n))
	}
	return and(addr, mask), mask
}

// maskOf is a mask with so many leading ones, for addresses like that.
func maskOf(like netip.Addr, ones int) netip.Addr {
	b := make([]byte, like.BitLen()/8)
	for i := range b {
		b[i] = ^byte(0xff >> min(max(ones-8*i, 0), 8))
	}
	mask, _ := netip.AddrFromSlice(b)
	return mask
}

func and(a, mask netip.Addr) netip.Addr {
	b, m := a.AsSlice(), mask.AsSlice()
	for i := range b {
		b[i] &= m[i]
	}
	a, _ = netip.AddrFromSlice(b)
	return a
}

// errMissing is for an extension that means nothing without that option.
type errMissing string

func (e errMissing) Error() string { return "it needs " + string(e) }
