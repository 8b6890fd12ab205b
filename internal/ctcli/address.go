package ctcli

import (
	"math/bits"
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/packet"
)

// Lengths of a network that was not said, and that is none.
const (
	noPrefix  = -1
	badPrefix = -2
)

// maxAddrText is as much as conntrack looks at of an address.
const maxAddrText = 45

// parseAddr takes an address, with a prefix length or without. ok is false where
// it is none.
func parseAddr(word string) (a netip.Addr, prefix int, ok bool) {
	if len(word) > maxAddrText {
		word = word[:maxAddrText]
	}
	text, length, slashed := strings.Cut(word, "/")
	prefix = noPrefix
	if slashed {
		prefix = parsePrefix(length)
	}
	a, ok = parseInet(text)
	if ok && prefix > a.BitLen() {
		prefix = badPrefix
	}
	return a, prefix, ok
}

func parsePrefix(s string) int {
	n, rest, ok := strtoul(s, 10)
	switch {
	case rest != "" || int64(n) < 0:
		return badPrefix
	case !ok:
		return 0
	}
	return int(min(n, 1<<20))
}

// parseInet takes IPv4 as inet_aton(3) does, which has it in one to four numbers
// of any base, and IPv6.
func parseInet(s string) (netip.Addr, bool) {
	if a, ok := inetAton(s); ok {
		return a, true
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Is6() && a.Zone() == ""
}

func inetAton(s string) (netip.Addr, bool) {
	var parts []uint64
	for {
		if s == "" || s[0] < '0' || s[0] > '9' {
			return netip.Addr{}, false
		}
		n, rest, _ := strtoul(s, 0)
		parts = append(parts, n)
		if !strings.HasPrefix(rest, ".") {
			s = rest
			break
		}
		s = rest[1:]
	}
	if len(parts) > 4 || s != "" && !strings.ContainsRune(" \t\n\v\f\r", rune(s[0])) {
		return netip.Addr{}, false
	}
	return joinParts(parts)
}

// joinParts: the last number fills what the bytes before it left.
func joinParts(parts []uint64) (netip.Addr, bool) {
	var v uint32
	last := len(parts) - 1
	for i, n := range parts[:last] {
		if n > 255 {
			return netip.Addr{}, false
		}
		v |= uint32(n) << (24 - 8*i)
	}
	if bits.Len64(parts[last]) > 32-8*last {
		return netip.Addr{}, false
	}
	v |= uint32(parts[last])
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true
}

// netmask is the mask of a prefix length.
func netmask(a netip.Addr, prefix int) netip.Addr {
	ones := a.AsSlice()
	for i := range ones {
		ones[i] = 0xff
	}
	all, _ := netip.AddrFromSlice(ones)
	network, _ := all.Prefix(prefix)
	return network.Addr()
}

func familyOf(a netip.Addr) packet.Family {
	if a.Is4() {
		return packet.IPv4
	}
	return packet.IPv6
}

// splitPort takes a port off an address, which for IPv6 stands in brackets then.
func splitPort(word string) (addr, port string, hasPort bool, err error) {
	open := strings.IndexByte(word, '[')
	if open < 0 {
		addr, port, hasPort = strings.Cut(word, ":")
		if !hasPort || strings.Contains(port, ":") {
			return word, "", false, nil
		}
		return addr, port, true, checkPort(port)
	}
	inside, behind, closed := strings.Cut(word[open+1:], "]")
	switch {
	case closed && inside == "":
		return "", "", false, misuse("No IPv6 address specified")
	case !closed:
		return "", "", false, misuse("No closing ']' around IPv6 address")
	}
	if _, port, hasPort = strings.Cut(behind, ":"); !hasPort {
		return word, "", false, nil
	}
	return inside, port, true, checkPort(port)
}

func checkPort(port string) error {
	if port == "" {
		return misuse("No port specified after `:'")
	}
	n, rest, _ := strtoul(port, 10)
	if rest != "" || n > 65535 || port[0] < '0' || port[0] > '9' {
		return misuse("Invalid port `%s'", port)
	}
	return nil
}
