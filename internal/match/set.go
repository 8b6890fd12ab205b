package match

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/packet"
)

func setFamily(s *scanner, given argument) *Error {
	want := packet.IPv4
	if given.option.names[0] == "-6" {
		want = packet.IPv6
	}
	if s.m.Family != packet.Unspec && s.m.Family != want && s.family.option != nil {
		return wrong(s.family.typed+" was given too", "leave both away for IPv4 and IPv6")
	}
	s.family = given
	s.m.Family = want
	return nil
}

func setProtocol(s *scanner, given argument) *Error {
	numbers, err := list(given.values[0], parseProtocol)
	if err != nil {
		return err
	}
	if slices.Contains(numbers, 0) { // all
		if given.not || len(numbers) > 1 {
			return wrong("all leaves nothing to choose", "name the protocols, or leave -p away")
		}
		return nil
	}
	s.proto = given
	s.m.Proto = Set[uint8]{Values: numbers, Not: given.not}
	return nil
}

func setAddresses(s *scanner, given argument) *Error {
	prefixes, err := list(given.values[0], parsePrefix)
	if err != nil {
		return err
	}
	set := Set[netip.Prefix]{Values: prefixes, Not: given.not}
	for _, p := range prefixes {
		if p.Addr().Is4() != prefixes[0].Addr().Is4() {
			return wrong("IPv4 and IPv6 addresses in one MATCH", "run one for each family")
		}
		if given.not && p.Bits() == 0 {
			return wrong("negates every address, so no packet can match", "leave it away, or name a smaller prefix")
		}
	}
	if given.option.names[0] == "-s" {
		s.m.Src = set
	} else {
		s.m.Dst = set
	}
	return nil
}

func setPorts(s *scanner, given argument) *Error {
	s.ports = append(s.ports, given)
	return nil
}

func setInterfaces(s *scanner, given argument) *Error {
	ifaces, err := list(given.values[0], parseIface)
	if err != nil {
		return err
	}
	if slices.Contains(ifaces, Iface{Wild: true}) {
		if given.not {
			return wrong("negates every interface, so no packet can match", "leave it away, or name an interface")
		}
		return nil
	}
	set := Set[Iface]{Values: ifaces, Not: given.not}
	if given.option.names[0] == "-i" {
		s.m.In = set
	} else {
		s.m.Out = set
	}
	return nil
}

func setMark(s *scanner, given argument) *Error {
	mark, err := parseMark(given.values[0])
	mark.Not = given.not
	if err == nil && given.not && mark.Mask == 0 {
		return wrong("negates every mark, so no packet can match", "widen the mask")
	}
	s.m.Mark = &mark
	return err
}

func setICMPType(s *scanner, given argument) *Error {
	proto := icmpProto(given)
	if strings.EqualFold(given.values[0], "any") {
		if given.not {
			return wrong("negates every type, so no packet can match", "name a type")
		}
		return nil
	}
	types, err := list(given.values[0], func(item string) (packet.ICMPType, *Error) { return parseICMPType(item, proto) })
	s.m.ICMP = Set[packet.ICMPType]{Values: types, Not: given.not}
	return err
}

func icmpProto(given argument) uint8 {
	if given.option.names[0] == "--icmpv6-type" {
		return packet.ProtoICMPv6
	}
	return packet.ProtoICMP
}

func setSYN(s *scanner, given argument) *Error {
	return s.setFlags(TCPFlags{Mask: packet.SYN | packet.RST | packet.ACK | packet.FIN, Comp: packet.SYN, Not: given.not})
}

func setTCPFlags(s *scanner, given argument) *Error {
	mask, err := parseTCPFlags(given.values[0])
	if err != nil {
		return err
	}
	comp, err := parseTCPFlags(given.values[1])
	switch {
	case err != nil:
		return err
	case comp&^mask != 0:
		return wrong("flags are to be set that are not looked at, so no packet can match", "name them in the first list too")
	case given.not && mask == 0:
		return wrong("no flag is looked at, so no packet can match", "name the flags to look at")
	}
	return s.setFlags(TCPFlags{Mask: mask, Comp: comp, Not: given.not})
}

func (s *scanner) setFlags(flags TCPFlags) *Error {
	if s.m.TCPFlags != nil {
		return wrong("--syn and --tcp-flags exclude each other", "write both as one --tcp-flags MASK COMP")
	}
	s.m.TCPFlags = &flags
	return nil
}

func setBoth(s *scanner, _ argument) *Error {
	s.m.Both = true
	return nil
}

func ignore(*scanner, argument) *Error { return nil }

// setModule takes the modules of iptables whose options MATCH has.
func setModule(s *scanner, given argument) *Error {
	name := given.values[0]
	if _, err := parseProtocol(name); err == nil && (hasPorts(moduleProto(name)) || isICMP(moduleProto(name))) {
		s.modules = append(s.modules, given)
		return nil
	}
	if slices.Contains([]string{"multiport", "mark", "comment"}, name) {
		return nil
	}
	return wrong("the module "+name+" is not part of MATCH", "leave -m "+name+" and its options away; the trace shows which rules match")
}

func moduleProto(name string) uint8 {
	n, _ := parseProtocol(name)
	return n
}
