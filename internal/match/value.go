package match

import (
	"math/bits"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/packet"
)

// list parses values that are separated by commas.
func list[T comparable](text string, one func(string) (T, *Error)) ([]T, *Error) {
	var values []T
	for item := range strings.SplitSeq(text, ",") {
		if item == "" {
			return nil, wrong("an empty value in the list", "write values separated by single commas, without blanks")
		}
		v, err := one(item)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values, nil
}

func parsePrefix(text string) (netip.Prefix, *Error) {
	if strings.Contains(text, "%") {
		return netip.Prefix{}, wrong("an address with a zone", "leave the zone away and name the interface with -i or --out-interface")
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	host, length, sliced := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}, notAddress(text, host)
	}
	if !sliced {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	n, ok := prefixLength(addr, length)
	if !ok {
		return netip.Prefix{}, wrong("the prefix length "+strconv.Quote(length)+" does not fit the address", "IPv4 has /0 to /32 or a netmask such as 255.255.0.0, IPv6 has /0 to /128")
	}
	return netip.PrefixFrom(addr, n).Masked(), nil
}

func prefixLength(addr netip.Addr, text string) (int, bool) {
	if mask, err := netip.ParseAddr(text); err == nil && addr.Is4() && mask.Is4() {
		m := mask.As4()
		v := uint32(m[0])<<24 | uint32(m[1])<<16 | uint32(m[2])<<8 | uint32(m[3])
		return bits.LeadingZeros32(^v), v == 0 || ^v&(^v+1) == 0
	}
	n, err := strconv.ParseUint(text, 10, 8)
	return int(n), err == nil && int(n) <= addr.BitLen()
}

// notAddress says what an unparsed address looks like.
func notAddress(text, host string) *Error {
	if ap, err := netip.ParseAddrPort(host); err == nil {
		return wrong("an address with a port", "write the port by itself: "+ap.Addr().String()+" --sport or --dport "+strconv.Itoa(int(ap.Port())))
	}
	if strings.HasPrefix(host, "[") {
		return wrong("an address in brackets", "write the bare address: "+strings.Trim(host, "[]"))
	}
	if strings.Contains(text, "-") && strings.Trim(text, "0123456789.:abcdefABCDEF-") == "" && strings.ContainsAny(text, ".:") {
		return wrong("a range of addresses", "write prefixes, as a list: 10.0.0.0/25,10.0.0.128/32")
	}
	if strings.ContainsAny(host, "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ") {
		return wrong("not an address; names are not resolved", "look the address up first: getent ahosts "+host)
	}
	return wrong("not an IPv4 or IPv6 address or prefix", "for example 10.0.0.0/8 or 2001:db8::1")
}

// portNumbers parses the ports of one argument. Service names are looked up
// for each of the protocols and must mean the same in all.
func portNumbers(text string, protos []uint8) ([]Range, *Error) {
	return list(text, func(item string) (Range, *Error) {
		from, to, ranged := strings.Cut(item, ":")
		lo, err := portNumber(from, 0, ranged, protos)
		if err != nil || !ranged {
			return Range{lo, lo}, err
		}
		hi, err := portNumber(to, 65535, ranged, protos)
		if err == nil && lo > hi {
			return Range{}, wrong("the range "+item+" is reversed", "write "+to+":"+from)
		}
		return Range{lo, hi}, err
	})
}

func portNumber(text string, open uint16, ranged bool, protos []uint8) (uint16, *Error) {
	if text == "" && ranged {
		return open, nil
	}
	if n, err := strconv.ParseUint(text, 10, 16); err == nil {
		return uint16(n), nil
	}
	if strings.Trim(text, "0123456789+-") == "" {
		hint := "ports go from 0 to 65535"
		if lo, hi, ok := strings.Cut(text, "-"); ok {
			hint = "ranges are written with a colon: " + lo + ":" + hi
		}
		return 0, wrong(strconv.Quote(text)+" is not a port", hint)
	}
	found := -1
	for _, proto := range protos {
		network := "tcp"
		if proto == packet.ProtoUDP || proto == packet.ProtoUDPLite {
			network = "udp"
		}
		n, err := net.LookupPort(network, text)
		if err != nil || found >= 0 && found != n {
			return 0, wrong("service "+strconv.Quote(text)+" is not known for "+packet.ProtoName(proto), "write the port's number")
		}
		found = n
	}
	return uint16(found), nil
}

func parseIface(text string) (Iface, *Error) {
	name, wild := strings.CutSuffix(text, "+")
	if !wild {
		name, wild = strings.CutSuffix(text, "*")
	}
	switch {
	case len(name) > 15:
		return Iface{}, wrong("the interface name "+strconv.Quote(name)+" has more than 15 bytes", "`ip link` lists the names")
	case !wild && (name == "." || name == "..") || strings.ContainsAny(name, "/:! \t\n\v\f\r"):
		return Iface{}, wrong(strconv.Quote(text)+" is not an interface name", "`ip link` lists the names")
	case strings.ContainsAny(name, "*+"):
		return Iface{}, wrong("a wildcard inside the name", "+ and * stand at the end only: eth+")
	}
	return Iface{Name: name, Wild: wild}, nil
}

func parseMark(text string) (Mark, *Error) {
	value, mask, masked := strings.Cut(text, "/")
	v, err := strconv.ParseUint(value, 0, 32)
	m := uint64(0xffffffff)
	if err == nil && masked {
		m, err = strconv.ParseUint(mask, 0, 32)
	}
	if err != nil {
		return Mark{}, wrong("not a mark", "write a 32-bit number, and a mask where wanted: 0x1/0xff")
	}
	if v&^m != 0 {
		return Mark{}, wrong("the value has bits outside the mask, so no packet can match", "widen the mask or clear those bits")
	}
	return Mark{Value: uint32(v), Mask: uint32(m)}, nil
}

// tcpFlagNames is iptables' order of flags.
func tcpFlagNames() []struct {
	name string
	flag packet.TCPFlags
} {
	return []struct {
		name string
		flag packet.TCPFlags
	}{{"FIN", packet.FIN}, {"SYN", packet.SYN}, {"RST", packet.RST}, {"PSH", packet.PSH}, {"ACK", packet.ACK}, {"URG", packet.URG}, {"ECE", packet.ECE}, {"CWR", packet.CWR}}
}

// classicFlags is what ALL means to iptables: without ECE and CWR.
const classicFlags = packet.FIN | packet.SYN | packet.RST | packet.PSH | packet.ACK | packet.URG

func parseTCPFlags(text string) (packet.TCPFlags, *Error) {
	var all packet.TCPFlags
	_, err := list(text, func(item string) (string, *Error) {
		switch word := strings.ToUpper(item); word {
		case "ALL":
			all |= classicFlags
		case "NONE":
		default:
			for _, f := range tcpFlagNames() {
				if f.name == word {
					all |= f.flag
					return item, nil
				}
			}
			return "", wrong(strconv.Quote(item)+" is not a TCP flag", "flags are FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, ALL and NONE")
		}
		return item, nil
	})
	return all, err
}
