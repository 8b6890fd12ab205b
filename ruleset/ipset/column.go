package ipset

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// column is one field that a set is looked up by, and what a member says of it.
type column struct {
	field ruleset.Field
	mask  ruleset.Value // zero: all bits
	net   bool          // of networks, among which the longest that fits decides
	of    func(*Element) ruleset.Range
}

// columns are the fields of a set's dimensions; why says why they do not tell.
func (s *Set) columns(dims []string, source []bool, fam ruleset.Family) (cols []column, why string) {
	second := false
	for i, word := range dims {
		switch word {
		case "ip", "net":
			cols = append(cols, s.addressColumn(word, second, addressField(fam, source[i])))
			if slices.ContainsFunc(s.Elements, func(e Element) bool { return !e.address(second).IsValid() }) {
				return nil, "has members without an address"
			}
			second = true
		case "port":
			cols = append(cols, s.portColumns(source[i])...)
		case "mac":
			cols = append(cols, macColumn(source[i]))
		case "mark":
			cols = append(cols, s.markColumn())
		case "iface":
			if slices.ContainsFunc(s.Elements, func(e Element) bool { return e.Physdev }) {
				return nil, "has members for ports of a bridge"
			}
			cols = append(cols, interfaceColumn(source[i]))
		default:
			return nil, "is of the type " + s.Type + ", which is not known"
		}
	}
	return cols, ""
}

func addressField(fam ruleset.Family, source bool) ruleset.Field {
	switch {
	case fam == ruleset.IP6 && source:
		return ruleset.IP6Source
	case fam == ruleset.IP6:
		return ruleset.IP6Dest
	case source:
		return ruleset.IPSource
	}
	return ruleset.IPDest
}

// addressColumn heeds the mask under which the kernel keeps addresses of the
// types with "ip".
func (s *Set) addressColumn(word string, second bool, field ruleset.Field) column {
	col := column{field: field, net: word == "net"}
	length := -1
	if word == "ip" && !second {
		col.mask, length = s.addressMask()
	}
	col.of = func(e *Element) ruleset.Range {
		p := e.address(second)
		if length >= 0 {
			p = netip.PrefixFrom(p.Addr(), min(length, p.Addr().BitLen()))
		}
		return ruleset.Prefix(p)
	}
	return col
}

func (e *Element) address(second bool) netip.Prefix {
	if second {
		return e.Addr2
	}
	return e.Addr
}

// addressMask is the set's mask, or its length where it is one of a network;
// -1 where all bits are looked at.
func (s *Set) addressMask() (mask ruleset.Value, length int) {
	if s.Netmask != 0 {
		return mask, int(s.Netmask)
	}
	if !s.Bitmask.IsValid() {
		return mask, -1
	}
	mask = ruleset.Addr(s.Bitmask)
	for n := range s.addressBits() + 1 {
		if ruleset.Prefix(netip.PrefixFrom(allOnes(s.addressBits()), n)).From == mask {
			return ruleset.Value{}, n
		}
	}
	return mask, -1
}

func allOnes(n int) netip.Addr {
	b := slices.Repeat([]byte{0xff}, n/8)
	a, _ := netip.AddrFromSlice(b)
	return a
}

// portColumns are the protocol and the port, and where the set has members of
// ICMP its type and code. A bitmap:port is for TCP and UDP alike
// (net/netfilter/ipset/ip_set_getport.c).
func (s *Set) portColumns(source bool) []column {
	field := ruleset.DestPort
	if source {
		field = ruleset.SourcePort
	}
	cols := []column{
		{field: ruleset.L4Proto, of: func(e *Element) ruleset.Range { return only(uint64(e.Proto)) }},
		{field: field, of: func(e *Element) ruleset.Range {
			if s.Type != "bitmap:port" && !hasPorts(e.Proto) {
				return ruleset.Any()
			}
			return only(uint64(e.Port))
		}},
	}
	if s.hasProto(protoICMP) {
		cols = append(cols, icmpColumns(protoICMP, ruleset.ICMPType, ruleset.ICMPCode)...)
	}
	if s.hasProto(protoICMP6) {
		cols = append(cols, icmpColumns(protoICMP6, ruleset.ICMP6Type, ruleset.ICMP6Code)...)
	}
	return cols
}

func (s *Set) hasProto(proto uint8) bool {
	return slices.ContainsFunc(s.Elements, func(e Element) bool { return e.Proto == proto })
}

func icmpColumns(proto uint8, typeField, codeField ruleset.Field) []column {
	of := func(number func(port uint16) uint64) func(*Element) ruleset.Range {
		return func(e *Element) ruleset.Range {
			if e.Proto != proto {
				return ruleset.Any()
			}
			return only(number(e.Port))
		}
	}
	return []column{
		{field: typeField, of: of(func(port uint16) uint64 { return uint64(port >> 8) })},
		{field: codeField, of: of(func(port uint16) uint64 { return uint64(port & 0xff) })},
	}
}

func hasPorts(proto uint8) bool {
	return proto == protoTCP || proto == protoUDP || proto == protoUDPLite || proto == protoSCTP
}

func only(n uint64) ruleset.Range { return ruleset.Only(ruleset.Number(n)) }

func macColumn(source bool) column {
	field := ruleset.EtherDest
	if source {
		field = ruleset.EtherSource
	}
	return column{field: field, of: func(e *Element) ruleset.Range {
		if !e.HasMAC {
			return ruleset.Any()
		}
		return only(binary.BigEndian.Uint64(append([]byte{0, 0}, e.MAC[:]...)))
	}}
}

// markColumn turns a mask of leading bits into ranges.
func (s *Set) markColumn() column {
	mask := s.MarkMask
	if mask == 0 {
		mask = ^uint32(0)
	}
	col := column{field: ruleset.Mark}
	if bits.LeadingZeros32(^mask) == bits.OnesCount32(mask) {
		col.of = func(e *Element) ruleset.Range { return ruleset.Span(uint64(e.Mark&mask), uint64(e.Mark|^mask)) }
		return col
	}
	col.mask = ruleset.Number(uint64(mask))
	col.of = func(e *Element) ruleset.Range { return only(uint64(e.Mark & mask)) }
	return col
}

func interfaceColumn(in bool) column {
	field := ruleset.OutName
	if in {
		field = ruleset.InName
	}
	return column{field: field, of: func(e *Element) ruleset.Range { return ruleset.Names(e.Name, e.Wildcard) }}
}
