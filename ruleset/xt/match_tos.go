package xt

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
