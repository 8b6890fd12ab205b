package match

import (
	"slices"

	"github.com/pktrail/pktrail/packet"
)

// finish resolves what needs the whole argument list and refuses what contradicts itself.
func (s *scanner) finish() error {
	checks := []func() *Error{
		s.implyProtocol, s.checkModules, s.resolvePorts, s.checkTypes,
		s.familyOfAddresses, s.familyOfProtocol,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// implyProtocol takes the protocol from options that only one protocol has.
func (s *scanner) implyProtocol() *Error {
	for _, implied := range []struct {
		option string
		proto  uint8
	}{{"--icmp-type", packet.ProtoICMP}, {"--icmpv6-type", packet.ProtoICMPv6}, {"--syn", packet.ProtoTCP}, {"--tcp-flags", packet.ProtoTCP}} {
		typed, given := s.seen[implied.option]
		if !given {
			continue
		}
		if s.m.Proto.Given() && !s.only(implied.proto) {
			return &Error{typed, "does not go with " + s.protoTyped(), otherType(implied.option, s)}
		}
		s.m.Proto = Set[uint8]{Values: []uint8{implied.proto}}
	}
	return nil
}

// only reports whether the protocol is exactly this one.
func (s *scanner) only(proto uint8) bool {
	return !s.m.Proto.Not && len(s.m.Proto.Values) == 1 && s.m.Proto.Values[0] == proto
}

// protoTyped is how the protocol was typed, or the option that implied it.
func (s *scanner) protoTyped() string {
	if s.proto.option != nil {
		return s.proto.typed
	}
	return "-p " + packet.ProtoName(s.m.Proto.Values[0])
}

func otherType(option string, s *scanner) string {
	switch {
	case option == "--icmp-type" && s.only(packet.ProtoICMPv6):
		return "for IPv6 write --icmpv6-type"
	case option == "--icmpv6-type" && s.only(packet.ProtoICMP):
		return "for IPv4 write --icmp-type, or -p icmpv6"
	case option == "--syn" || option == "--tcp-flags":
		return "TCP flags need -p tcp"
	}
	return "leave one of the two away"
}

// checkModules refuses -m tcp without -p tcp, as iptables does: dropped
// silently it would mean other packets than the ones asked for.
func (s *scanner) checkModules() *Error {
	for _, given := range s.modules {
		if proto := moduleProto(given.values[0]); !s.only(proto) {
			return &Error{given.typed, "needs the protocol too", "add -p " + packet.ProtoName(proto)}
		}
	}
	return nil
}

func (s *scanner) resolvePorts() *Error {
	for _, given := range s.ports {
		if err := s.checkPortProtocol(given); err != nil {
			return err
		}
		ranges, err := portNumbers(given.values[0], s.m.Proto.Values)
		if err == nil && given.not && slices.Contains(ranges, Range{0, 65535}) {
			err = wrong("negates every port, so no packet can match", "name the ports")
		}
		if err != nil {
			err.Arg = given.typed
			return err
		}
		set := Set[Range]{Values: ranges, Not: given.not}
		switch given.option.names[0] {
		case "--sport":
			s.m.SrcPort = set
		case "--dport":
			s.m.DstPort = set
		default:
			s.m.AnyPort = set
		}
	}
	return nil
}

func (s *scanner) checkPortProtocol(given argument) *Error {
	switch {
	case !s.m.Proto.Given():
		return &Error{given.typed, "ports need a protocol", "add -p tcp or -p udp, or -p tcp,udp for both"}
	case s.m.Proto.Not:
		return &Error{given.typed, "ports need a protocol, and " + s.protoTyped() + " names none", "say which protocols are meant: -p tcp,udp"}
	}
	for _, proto := range s.m.Proto.Values {
		if !hasPorts(proto) {
			return &Error{given.typed, packet.ProtoName(proto) + " has no ports", "ports go with tcp, udp, udplite, sctp and dccp"}
		}
	}
	return nil
}

func (s *scanner) checkTypes() *Error {
	if s.seen["--icmp-type"] != "" && s.seen["--icmpv6-type"] != "" {
		return &Error{s.seen["--icmpv6-type"], s.seen["--icmp-type"] + " was given too", "run one for each family"}
	}
	return nil
}

// familyOfAddresses takes the family from the addresses.
func (s *scanner) familyOfAddresses() *Error {
	for _, part := range []struct {
		name string
		set  int
		v4   func() bool
	}{
		{"-s", len(s.m.Src.Values), func() bool { return s.m.Src.Values[0].Addr().Is4() }},
		{"-d", len(s.m.Dst.Values), func() bool { return s.m.Dst.Values[0].Addr().Is4() }},
	} {
		if part.set == 0 {
			continue
		}
		family := packet.IPv6
		if part.v4() {
			family = packet.IPv4
		}
		if s.m.Family != packet.Unspec && s.m.Family != family {
			return s.mixed(part.name)
		}
		s.m.Family = family
	}
	return nil
}

func (s *scanner) mixed(name string) *Error {
	if s.family.option != nil {
		return &Error{s.seen[name], "an address of the other family than " + s.family.typed, "leave " + s.family.typed + " away, or change the address"}
	}
	return &Error{s.seen[name], "IPv4 and IPv6 addresses in one MATCH", "run one for each family"}
}

// familyOfProtocol takes the family from ICMP, and refuses protocols that the family does not have.
func (s *scanner) familyOfProtocol() *Error {
	if s.m.Proto.Not {
		return nil
	}
	for _, proto := range s.m.Proto.Values {
		arg := s.protoTyped()
		switch {
		case proto == packet.ProtoICMP && s.m.Family == packet.IPv6:
			return &Error{arg, "icmp is IPv4's, and the rest of MATCH is IPv6", "for IPv6 write -p icmpv6"}
		case proto == packet.ProtoICMPv6 && s.m.Family == packet.IPv4:
			return &Error{arg, "icmpv6 is IPv6's, and the rest of MATCH is IPv4", "for IPv4 write -p icmp"}
		case isExtension(proto) && s.m.Family == packet.IPv6:
			return &Error{arg, "an extension header of IPv6 and never its transport protocol", "name the protocol behind it, such as tcp"}
		}
	}
	switch {
	case s.only(packet.ProtoICMP):
		s.m.Family = packet.IPv4
	case s.only(packet.ProtoICMPv6):
		s.m.Family = packet.IPv6
	}
	return nil
}
