package xt

import (
	"slices"
	"strconv"
	"strings"
)

// hardware reads a hardware address of Ethernet, one of ebtables' words for a
// group of them, or the bytes of a longer one, with a mask behind a slash.
func (a *arguments) hardware(g given) (addr, mask []byte) {
	s, m, masked := strings.Cut(a.text(g), "/")
	if word, ok := groupWord(s); ok && !masked {
		return word.Addr[:], word.Mask[:]
	}
	addr = a.bytes(g, s)
	if mask = []byte(strings.Repeat("\xff", len(addr))); masked {
		mask = a.bytes(g, m)
	}
	if len(addr) != len(mask) {
		a.fail(g, "address and mask are not of one length")
		return nil, nil
	}
	for i := range addr {
		addr[i] &= mask[i]
	}
	return addr, mask
}

// groupWord reads the word for a group of addresses.
func groupWord(s string) (MAC, bool) {
	group, all := [6]byte{1}, [6]byte{255, 255, 255, 255, 255, 255}
	switch strings.ToLower(s) {
	case "unicast":
		return MAC{Mask: group}, true
	case "multicast":
		return MAC{Addr: group, Mask: group}, true
	case "broadcast":
		return MAC{Addr: all, Mask: all}, true
	case "bga":
		return MAC{Addr: [6]byte{1, 0x80, 0xc2}, Mask: all}, true
	}
	return MAC{}, false
}

// bytes reads 6 to 16 bytes as hexadecimal numbers with colons between them.
func (a *arguments) bytes(g given, s string) (b []byte) {
	for part := range strings.SplitSeq(s, ":") {
		if len(part) > 2 {
			a.fail(g, "no hardware address")
		}
		b = append(b, uint8(a.numberOf(g, part, 16, 8)))
	}
	if len(b) < 6 || len(b) > 16 {
		a.fail(g, "no hardware address")
		return make([]byte, 6)
	}
	return b
}

// mac reads an address of Ethernet under a mask.
func (a *arguments) mac(g given) MAC {
	addr, mask := a.hardware(g)
	m := MAC{Not: g.not}
	if len(addr) != 6 {
		a.fail(g, "no address of Ethernet")
		return m
	}
	copy(m.Addr[:], addr)
	copy(m.Mask[:], mask)
	if m.Mask == [6]byte{} {
		a.fail(g, "a mask that leaves nothing of the address")
	}
	return m
}

// wholeMAC reads an address of Ethernet.
func (a *arguments) wholeMAC(g given) [6]byte {
	addr := a.bytes(g, a.text(g))
	if len(addr) != 6 {
		a.fail(g, "no address of Ethernet")
	}
	return [6]byte(addr)
}

// etherType reads a hexadecimal number or a name of /etc/ethertypes.
func (a *arguments) etherType(g given, s string) uint16 {
	if n, ok := hexNumber(s); ok {
		return n
	}
	n, ok := etherTypeOf(s)
	if !ok {
		a.fail(g, "no protocol of that name; try its number")
	}
	return n
}

// hexNumber reads a number of 16 bits to base 16, with or without 0x before it.
func hexNumber(s string) (uint16, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(s), "0x"), 16, 16)
	return uint16(n), err == nil
}

// etherTypeOf is the number that a name or another name for it has.
func etherTypeOf(name string) (uint16, bool) {
	name = strings.ToLower(name)
	if n, ok := map[string]uint16{
		"ip": 0x0800, "ip4": 0x0800, "ether-arp": 0x0806, "8021q": 0x8100, "1q": 0x8100, "802.1q": 0x8100, "dot1q": 0x8100,
		"ip6": 0x86dd, "macinmac": 0x88e7,
	}[name]; ok {
		return n, true
	}
	for n, known := range etherTypeNames() {
		if strings.ToLower(known) == name {
			return n, true
		}
	}
	return 0, false
}

func arpOperations() []string {
	return []string{
		"Request", "Reply", "Request_Reverse", "Reply_Reverse", "DRARP_Request", "DRARP_Reply", "DRARP_Error",
		"InARP_Request", "ARP_NAK",
	}
}

// arpOperationOf is the number of an operation of ARP by its word.
func arpOperationOf(s string) (uint16, bool) {
	for i, word := range arpOperations() {
		if strings.EqualFold(word, s) {
			return uint16(i + 1), true
		}
	}
	return 0, false
}

// ask notes that something is asked for, and whether of the others.
func ask[T uint8 | uint16](asked, not, bit T, g given) (T, T) {
	if g.not {
		return asked | bit, not | bit
	}
	return asked | bit, not &^ bit
}

// oneOf is the bit of the option among options by their bits, some of which have
// two names with a blank between them.
func oneOf(g given, options []string) (bit int, ok bool) {
	bit = slices.IndexFunc(options, func(names string) bool {
		return slices.Contains(strings.Fields(names), g.name)
	})
	return bit, bit >= 0
}

// worded reads a decimal number, or a word.
func (a *arguments) worded(g given, words func(string) (uint16, bool)) uint16 {
	s := a.text(g)
	if n, ok := words(s); ok {
		return n
	}
	return uint16(a.numberOf(g, s, 10, 16))
}

func (a *arguments) wordOr8(g given, words map[string]uint8) uint8 {
	if n, ok := words[strings.ToLower(a.text(g))]; ok {
		return n
	}
	return a.u8(g)
}

func (a *arguments) range16(g given) Ports {
	s := a.span(g, a.text(g), 16)
	return Ports{uint16(s.Low), uint16(s.High)}
}

// span reads "5", "5:7", ":7" or "5:", of numbers of so many bits.
func (a *arguments) span(g given, s string, bits int) Span {
	low, high, ranged := strings.Cut(s, ":")
	r := Span{0, uint32(whole(bits).To.Low)}
	if low != "" || !ranged {
		r.Low = uint32(a.number(g, low, bits))
	}
	switch {
	case !ranged:
		r.High = r.Low
	case high != "":
		r.High = uint32(a.number(g, high, bits))
	}
	if r.Low > r.High {
		a.fail(g, "a range that ends before it begins")
	}
	return r
}

func (a *arguments) range8(g given, s string) [2]uint8 {
	r := a.span(g, s, 8)
	return [2]uint8{uint8(r.Low), uint8(r.High)}
}
