package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchTOS looks at the byte with the type of service or traffic class
// (include/uapi/linux/netfilter/xt_dscp.h: struct xt_tos_match_info).
type MatchTOS struct {
	Value, Mask uint8
	Not         bool
}

func decodeTOSMatch(b info, _ Env) Match { return MatchTOS{b.u8(1), b.u8(0), b.is(2)} }

// Name is "tos".
func (MatchTOS) Name() string { return "tos" }

// AppendSave implements [Match].
func (m MatchTOS) AppendSave(dst []byte) []byte {
	return tosBytes(option(dst, m.Not, "tos"), m.Value, m.Mask)
}

func tosBytes(dst []byte, value, mask uint8) []byte {
	dst = padded(append(dst, " 0x"...), uint32(value), 2)
	return padded(append(dst, "/0x"...), uint32(mask), 2)
}

// when mirrors net/netfilter/xt_dscp.c: tos_mt, which looks at the byte that the
// code point and the two bits of congestion notification share.
func (m MatchTOS) when(asked) []ruleset.Condition {
	number := func(n uint8) ruleset.Value { return ruleset.Number(uint64(n)) }
	dscp := masked(ruleset.DSCP, number(m.Value>>2), number(m.Mask>>2), 6, false)
	ecn := masked(ecnField, number(m.Value&3), number(m.Mask&3), 2, false)
	both := []ruleset.Condition{dscp, ecn}
	switch used := m.Value | m.Mask; {
	case used&3 == 0:
		both = both[:1]
	case used>>2 == 0:
		both = both[1:]
	}
	if !m.Not {
		return both
	}
	for i := range both {
		both[i].Not = true
	}
	return []ruleset.Condition{either(false, both...)}
}
