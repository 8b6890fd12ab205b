package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchDSCP looks at the differentiated services code point
// (include/uapi/linux/netfilter/xt_dscp.h: struct xt_dscp_info).
type MatchDSCP struct {
	DSCP uint8
	Not  bool
}

func decodeDSCPMatch(b info, _ Env) Match { return MatchDSCP{b.u8(0), b.is(1)} }

// Name is "dscp".
func (MatchDSCP) Name() string { return "dscp" }

// AppendSave implements [Match].
func (m MatchDSCP) AppendSave(dst []byte) []byte {
	return padded(append(option(dst, m.Not, "dscp"), " 0x"...), uint32(m.DSCP), 2)
}

// when mirrors net/netfilter/xt_dscp.c: dscp_mt, dscp_mt6.
func (m MatchDSCP) when(asked) []ruleset.Condition {
	return []ruleset.Condition{number8(ruleset.DSCP, m.DSCP, m.Not)}
}
