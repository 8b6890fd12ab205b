package match

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/packet"
)

func parseProtocol(text string) (uint8, *Error) {
	if strings.EqualFold(text, "all") {
		return 0, nil
	}
	n, err := packet.ParseProto(text)
	if err != nil {
		return 0, wrong(strconv.Quote(text)+" is not a protocol", "for example tcp, udp, icmp, icmpv6, sctp, gre, esp, or a number up to 255")
	}
	return n, nil
}

// hasPorts: the transport header begins with the source and the destination port.
func hasPorts(proto uint8) bool {
	return slices.Contains([]uint8{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoDCCP, packet.ProtoSCTP, packet.ProtoUDPLite}, proto)
}

func isICMP(proto uint8) bool { return proto == packet.ProtoICMP || proto == packet.ProtoICMPv6 }

// isExtension: an IPv6 header that is walked over, so never the transport
// protocol (net/ipv6/exthdrs_core.c: ipv6_find_hdr).
func isExtension(proto uint8) bool {
	return slices.Contains([]uint8{0, 43, 44, 60}, proto)
}

func parseICMPType(text string, proto uint8) (packet.ICMPType, *Error) {
	t, err := packet.ParseICMPType(proto, text)
	if err != nil {
		return t, wrong(strconv.Quote(text)+" is not a type of "+packet.ProtoName(proto), "for example echo-request, destination-unreachable, or TYPE/CODE in numbers: 3/1")
	}
	return t, nil
}

func icmpText(t packet.ICMPType, proto uint8) string {
	name, number := packet.ICMPName(proto, t.Type), strconv.Itoa(int(t.Type))
	if !t.AnyCode {
		name, number = packet.ICMPCodeName(proto, t.Type, t.Code), number+"/"+strconv.Itoa(int(t.Code))
	}
	if name == "" {
		return number
	}
	return name
}
