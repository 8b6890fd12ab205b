package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchIPComp looks at the header of compressed packets (include/uapi/linux/netfilter/xt_ipcomp.h).
type MatchIPComp struct {
	SPI      Span
	Not      bool
	Reserved bool // the reserved field must be zero
}

func decodeIPComp(b info, _ Env) Match { return MatchIPComp{b.span(0), b.u8(8)&1 != 0, b.is(9)} }

// Name is "ipcomp".
func (MatchIPComp) Name() string { return "ipcomp" }

// AppendSave implements [Match].
func (m MatchIPComp) AppendSave(dst []byte) []byte {
	dst = spis(dst, "ipcompspi", m.SPI, m.Not)
	if m.Reserved {
		dst = option(dst, false, "compres")
	}
	return dst
}

// when mirrors net/netfilter/xt_ipcomp.c: comp_mt, which does not look at the
// reserved field.
func (m MatchIPComp) when(asked) []ruleset.Condition {
	return []ruleset.Condition{number32(compCPI, m.SPI, m.Not)}
}
