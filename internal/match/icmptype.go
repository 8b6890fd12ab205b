package match

import (
	"slices"
	"strconv"
	"strings"
)

// icmpName is a type, or a type with a code, in the words of iptables and nft.
type icmpName struct {
	icmp  ICMPType
	names []string // the first is printed
}

func wholeType(t uint8, names ...string) icmpName {
	return icmpName{ICMPType{Type: t, AnyCode: true}, names}
}

func typeCode(t, c uint8, names ...string) icmpName {
	return icmpName{ICMPType{Type: t, Code: c}, names}
}

// icmpNames is iptables' table (extensions/libxt_icmp.h) and nft's words for the same.
func icmpNames(proto uint8) []icmpName {
	if proto == protoICMPv6 {
		return []icmpName{
			wholeType(1, "destination-unreachable"),
			typeCode(1, 0, "no-route"),
			typeCode(1, 1, "communication-prohibited", "admin-prohibited"),
			typeCode(1, 2, "beyond-scope"),
			typeCode(1, 3, "address-unreachable", "addr-unreachable"),
			typeCode(1, 4, "port-unreachable"),
			typeCode(1, 5, "failed-policy", "policy-fail"),
			typeCode(1, 6, "reject-route"),
			wholeType(2, "packet-too-big"),
			wholeType(3, "time-exceeded", "ttl-exceeded"),
			typeCode(3, 0, "ttl-zero-during-transit"),
			typeCode(3, 1, "ttl-zero-during-reassembly"),
			wholeType(4, "parameter-problem"),
			typeCode(4, 0, "bad-header"),
			typeCode(4, 1, "unknown-header-type"),
			typeCode(4, 2, "unknown-option"),
			wholeType(128, "echo-request", "ping"),
			wholeType(129, "echo-reply", "pong"),
			wholeType(130, "mld-listener-query"),
			wholeType(131, "mld-listener-report"),
			wholeType(132, "mld-listener-done", "mld-listener-reduction"),
			wholeType(133, "router-solicitation", "nd-router-solicit"),
			wholeType(134, "router-advertisement", "nd-router-advert"),
			wholeType(135, "neighbour-solicitation", "neighbor-solicitation", "nd-neighbor-solicit"),
			wholeType(136, "neighbour-advertisement", "neighbor-advertisement", "nd-neighbor-advert"),
			wholeType(137, "redirect", "nd-redirect"),
			wholeType(138, "router-renumbering"),
			wholeType(141, "ind-neighbor-solicit"),
			wholeType(142, "ind-neighbor-advert"),
			wholeType(143, "mld2-listener-report"),
		}
	}
	return []icmpName{
		wholeType(0, "echo-reply", "pong"),
		wholeType(3, "destination-unreachable"),
		typeCode(3, 0, "network-unreachable", "net-unreachable"),
		typeCode(3, 1, "host-unreachable"),
		typeCode(3, 2, "protocol-unreachable", "prot-unreachable"),
		typeCode(3, 3, "port-unreachable"),
		typeCode(3, 4, "fragmentation-needed", "frag-needed"),
		typeCode(3, 5, "source-route-failed"),
		typeCode(3, 6, "network-unknown"),
		typeCode(3, 7, "host-unknown"),
		typeCode(3, 9, "network-prohibited", "net-prohibited"),
		typeCode(3, 10, "host-prohibited"),
		typeCode(3, 11, "TOS-network-unreachable"),
		typeCode(3, 12, "TOS-host-unreachable"),
		typeCode(3, 13, "communication-prohibited", "admin-prohibited"),
		typeCode(3, 14, "host-precedence-violation"),
		typeCode(3, 15, "precedence-cutoff"),
		wholeType(4, "source-quench"),
		wholeType(5, "redirect"),
		typeCode(5, 0, "network-redirect"),
		typeCode(5, 1, "host-redirect"),
		typeCode(5, 2, "TOS-network-redirect"),
		typeCode(5, 3, "TOS-host-redirect"),
		wholeType(8, "echo-request", "ping"),
		wholeType(9, "router-advertisement"),
		wholeType(10, "router-solicitation"),
		wholeType(11, "time-exceeded", "ttl-exceeded"),
		typeCode(11, 0, "ttl-zero-during-transit"),
		typeCode(11, 1, "ttl-zero-during-reassembly"),
		wholeType(12, "parameter-problem"),
		typeCode(12, 0, "ip-header-bad"),
		typeCode(12, 1, "required-option-missing"),
		wholeType(13, "timestamp-request"),
		wholeType(14, "timestamp-reply"),
		wholeType(15, "info-request"),
		wholeType(16, "info-reply"),
		wholeType(17, "address-mask-request"),
		wholeType(18, "address-mask-reply"),
	}
}

func parseICMPType(text string, proto uint8) (ICMPType, *Error) {
	number, code, coded := strings.Cut(text, "/")
	if t, err := strconv.ParseUint(number, 10, 8); err == nil {
		if !coded {
			return ICMPType{Type: uint8(t), AnyCode: true}, nil
		}
		c, err := strconv.ParseUint(code, 10, 8)
		if err != nil {
			return ICMPType{}, wrong(strconv.Quote(code)+" is not an ICMP code", "codes go from 0 to 255: 3/1")
		}
		return ICMPType{Type: uint8(t), Code: uint8(c)}, nil
	}
	for _, n := range icmpNames(proto) {
		if slices.ContainsFunc(n.names, func(name string) bool { return strings.EqualFold(name, text) }) {
			return n.icmp, nil
		}
	}
	return ICMPType{}, wrong(strconv.Quote(text)+" is not a type of "+protoName(proto), "for example echo-request, destination-unreachable, or TYPE/CODE in numbers: 3/1")
}

func (t ICMPType) text(proto uint8) string {
	for _, n := range icmpNames(proto) {
		if n.icmp == t {
			return n.names[0]
		}
	}
	if t.AnyCode {
		return strconv.Itoa(int(t.Type))
	}
	return strconv.Itoa(int(t.Type)) + "/" + strconv.Itoa(int(t.Code))
}
