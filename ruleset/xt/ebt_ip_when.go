package xt

import "github.com/pktrail/pktrail/ruleset"

func (m EbtIP) parts() []Match {
	return eachBit(uint16(m.Asked), func(bit uint16) Match { m.Asked = uint8(bit); return m })
}

// when mirrors net/bridge/netfilter/ebt_ip.c: ebt_ip_mt, and ebt_ip6.c: ebt_ip6_mt.
func (m EbtIP) when(asked) (all []ruleset.Condition) {
	for bit := uint8(1); bit != 0; bit <<= 1 {
		if m.Asked&bit != 0 {
			all = append(all, m.asks(bit, m.Not&bit != 0)...)
		}
	}
	return all
}

func (m EbtIP) asks(bit uint8, not bool) []ruleset.Condition {
	source, dest := ruleset.IPSource, ruleset.IPDest
	if m.IPv6 {
		source, dest = ruleset.IP6Source, ruleset.IP6Dest
	}
	switch bit {
	case 0x01:
		return Network{m.Source, m.SourceMask, not}.when(source)
	case 0x02:
		return Network{m.Dest, m.DestMask, not}.when(dest)
	case 0x04:
		return MatchTOS{m.Class, 0xff, not}.when(asked{})
	case 0x08:
		return m.protocol(not)
	case 0x10:
		return []ruleset.Condition{number16(ruleset.SourcePort, m.SourcePort, not)}
	case 0x20:
		return []ruleset.Condition{number16(ruleset.DestPort, m.DestPort, not)}
	case 0x40:
		return []ruleset.Condition{m.icmp(not)}
	}
	return []ruleset.Condition{number16(igmpType, Ports{uint16(m.Type[0]), uint16(m.Type[1])}, not)}
}

func (m EbtIP) icmp(not bool) ruleset.Condition {
	kind, code := ruleset.ICMPType, ruleset.ICMPCode
	if m.IPv6 {
		kind, code = ruleset.ICMP6Type, ruleset.ICMP6Code
	}
	row := []ruleset.Range{span8(m.Type), span8(m.Code)}
	if m.Code == [2]uint8{0, 255} {
		row[1] = ruleset.Any() // what has a type has a code
	}
	return ruleset.Condition{Fields: []ruleset.Field{kind, code}, Rows: []ruleset.Row{{Ranges: row}}, Not: not}
}

func span8(n [2]uint8) ruleset.Range { return ruleset.Span(uint64(n[0]), uint64(n[1])) }

// protocol: of IPv6 the kernel looks behind the extension headers, but not of
// later fragments, whose protocol is that of the fragment header; and a packet
// with nothing behind them never matches (net/ipv6/exthdrs_core.c: ipv6_skip_exthdr).
func (m EbtIP) protocol(not bool) []ruleset.Condition {
	const fragment, nothing = 44, 59
	n := uint8(m.Protocol.Number)
	var is ruleset.Condition
	switch {
	case !m.IPv6:
		return []ruleset.Condition{number8(ruleset.L4Proto, n, not)}
	case n == nothing:
		is = never(ruleset.L4Proto)
		is.Not = not
	case n == fragment:
		is = number16(fragOffset, Ports{}, !not)
	default:
		is = wholeWith(n, not)
	}
	if !not {
		return []ruleset.Condition{is}
	}
	return []ruleset.Condition{is, wholeWith(nothing, true)}
}

// wholeWith: the packet is of that protocol and no later fragment. One of those
// has neither ports nor a type.
func wholeWith(proto uint8, not bool) ruleset.Condition {
	is := ruleset.Span(uint64(proto), uint64(proto))
	var ways []ruleset.Condition
	for _, way := range []struct {
		field ruleset.Field
		is    ruleset.Range
	}{
		{fragOffset, ruleset.Span(0, 0)}, {fragHeader, ruleset.Span(0, 0)},
		{ruleset.SourcePort, whole(16)}, {ruleset.DestPort, whole(16)}, {ruleset.TCPFlags, whole(8)}, {ruleset.ICMP6Type, whole(8)},
	} {
		ways = append(ways, ruleset.Condition{
			Fields: []ruleset.Field{ruleset.L4Proto, way.field}, Rows: []ruleset.Row{{Ranges: []ruleset.Range{is, way.is}}},
		})
	}
	return either(not, ways...)
}
