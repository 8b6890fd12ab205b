package xt

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchDCCP looks at ports, type and options of DCCP
// (include/uapi/linux/netfilter/xt_dccp.h: XT_DCCP_*).
type MatchDCCP struct {
	Flags, Not          uint16 // bits: 0 source port, 1 destination port, 2 types, 3 option
	Source, Destination Ports
	Types               uint16
	Option              uint8
}

func decodeDCCP(b info, _ Env) Match {
	return MatchDCCP{
		Flags: b.u16(8), Not: b.u16(10), Source: b.ports(4), Destination: b.ports(0), Types: b.u16(12), Option: b.u8(14),
	}
}

// Name is "dccp".
func (MatchDCCP) Name() string { return "dccp" }

const dccpTypes = "REQUEST,RESPONSE,DATA,ACK,DATAACK,CLOSEREQ,CLOSE,RESET,SYNC,SYNCACK,INVALID"

// AppendSave implements [Match].
func (m MatchDCCP) AppendSave(dst []byte) []byte {
	if m.Flags&1 != 0 {
		dst = reach(option(dst, m.Not&1 != 0, "sport"), m.Source.Low, m.Source.High)
	}
	if m.Flags&2 != 0 {
		dst = reach(option(dst, m.Not&2 != 0, "dport"), m.Destination.Low, m.Destination.High)
	}
	if m.Flags&4 != 0 {
		types := uint32(m.Types)
		if types>>(strings.Count(dccpTypes, ",")+1) != 0 { // all above are invalid too
			types |= 1 << strings.Count(dccpTypes, ",")
		}
		dst = bitWords(append(option(dst, m.Not&4 != 0, "dccp-types"), ' '), types, dccpTypes)
	}
	if m.Flags&8 != 0 {
		dst = number(option(dst, m.Not&8 != 0, "dccp-option"), m.Option)
	}
	return dst
}

// when mirrors net/netfilter/xt_dccp.c: dccp_mt.
func (m MatchDCCP) when(asked) []ruleset.Condition {
	all := portConditions(m.Source, m.Destination, m.Flags&1 != 0, m.Flags&2 != 0, m.Not&1 != 0, m.Not&2 != 0)
	if m.Flags&4 != 0 {
		all = append(all, m.types())
	}
	if m.Flags&8 != 0 {
		all = append(all, untold("searches the options of DCCP")...)
	}
	return all
}

func (m MatchDCCP) types() ruleset.Condition {
	var ranges []ruleset.Range
	for n := range uint64(16) {
		if m.Types>>n&1 != 0 {
			ranges = append(ranges, ruleset.Span(n, n))
		}
	}
	return within(dccpType, m.Not&4 != 0, ranges...)
}
