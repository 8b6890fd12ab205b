package xt

import (
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchMH looks at the type of a mobility header
// (include/uapi/linux/netfilter_ipv6/ip6t_mh.h).
type MatchMH struct {
	Low, High uint8
	Not       bool
}

func decodeMH(b info, _ Env) Match { return MatchMH{b.u8(0), b.u8(1), b.u8(2)&1 != 0} }

// Name is "mh".
func (MatchMH) Name() string { return "mh" }

// AppendSave implements [Match].
func (m MatchMH) AppendSave(dst []byte) []byte {
	if m.Low == 0 && m.High == 255 {
		return dst
	}
	dst = number(option(dst, m.Not, "mh-type"), m.Low)
	if m.High != m.Low {
		dst = strconv.AppendUint(append(dst, ':'), uint64(m.High), 10)
	}
	return dst
}

// when mirrors net/ipv6/netfilter/ip6t_mh.c: mh_mt6.
func (m MatchMH) when(asked) []ruleset.Condition {
	return []ruleset.Condition{number16(mhType, Ports{uint16(m.Low), uint16(m.High)}, m.Not)}
}
