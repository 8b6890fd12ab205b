package match

import (
	"slices"
	"strconv"
	"strings"
)

const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

type protocol struct {
	number uint8
	names  []string // the first is printed
}

// protocols is the closed table of protocol names.
func protocols() []protocol {
	return []protocol{
		{protoICMP, []string{"icmp"}},
		{2, []string{"igmp"}},
		{4, []string{"ipencap", "ipip", "ip-encap"}},
		{protoTCP, []string{"tcp"}},
		{protoUDP, []string{"udp"}},
		{protoDCCP, []string{"dccp"}},
		{41, []string{"ipv6"}},
		{46, []string{"rsvp"}},
		{47, []string{"gre"}},
		{50, []string{"esp", "ipsec-esp"}},
		{51, []string{"ah", "ipsec-ah"}},
		{protoICMPv6, []string{"icmpv6", "ipv6-icmp", "icmp6"}},
		{89, []string{"ospf", "ospfigp"}},
		{103, []string{"pim"}},
		{108, []string{"ipcomp"}},
		{112, []string{"vrrp"}},
		{115, []string{"l2tp"}},
		{protoSCTP, []string{"sctp"}},
		{135, []string{"mh", "mobility-header", "ipv6-mh"}},
		{protoUDPLite, []string{"udplite"}},
		{137, []string{"mpls-in-ip"}},
	}
}

func parseProtocol(text string) (uint8, *Error) {
	if n, err := strconv.ParseUint(text, 0, 8); err == nil {
		return uint8(n), nil
	}
	word := strings.ToLower(text)
	if word == "all" {
		return 0, nil
	}
	for _, p := range protocols() {
		if slices.Contains(p.names, word) {
			return p.number, nil
		}
	}
	return 0, wrong(strconv.Quote(text)+" is not a protocol", "for example tcp, udp, icmp, icmpv6, sctp, gre, esp, or a number up to 255")
}

func protoName(number uint8) string {
	for _, p := range protocols() {
		if p.number == number {
			return p.names[0]
		}
	}
	return strconv.Itoa(int(number))
}

// hasPorts: the transport header begins with the source and the destination port.
func hasPorts(proto uint8) bool {
	return slices.Contains([]uint8{protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite}, proto)
}

// isExtension: an IPv6 header that is walked over, so never the transport
// protocol (net/ipv6/exthdrs_core.c: ipv6_ext_hdr).
func isExtension(proto uint8) bool {
	return slices.Contains([]uint8{0, 43, 44, 51, 60}, proto)
}
