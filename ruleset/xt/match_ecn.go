package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchECN looks at explicit congestion notification of IP and TCP
// (include/uapi/linux/netfilter/xt_ecn.h: XT_ECN_OP_*).
type MatchECN struct {
	Ops, Not uint8 // bits: 0 IP, 4 ECE, 5 CWR
	ECT      uint8
}

func decodeECNMatch(b info, _ Env) Match { return MatchECN{b.u8(0), b.u8(1), b.u8(2)} }

// Name is "ecn".
func (MatchECN) Name() string { return "ecn" }

// AppendSave implements [Match].
func (m MatchECN) AppendSave(dst []byte) []byte {
	if m.Ops&0x10 != 0 {
		dst = option(dst, m.Not&0x10 != 0, "ecn-tcp-ece")
	}
	if m.Ops&0x20 != 0 {
		dst = option(dst, m.Not&0x20 != 0, "ecn-tcp-cwr")
	}
	if m.Ops&1 != 0 {
		dst = number(option(dst, m.Not&1 != 0, "ecn-ip-ect"), m.ECT)
	}
	return dst
}

// when mirrors net/netfilter/xt_ecn.c: match_ip, match_tcp.
func (m MatchECN) when(asked) []ruleset.Condition {
	var all []ruleset.Condition
	if m.Ops&1 != 0 {
		all = append(all, number8(ecnField, m.ECT, m.Not&1 != 0))
	}
	if m.Ops&0x10 != 0 {
		all = append(all, someBit(ruleset.TCPFlags, tcpECE, m.Not&0x10 != 0))
	}
	if m.Ops&0x20 != 0 {
		all = append(all, someBit(ruleset.TCPFlags, tcpCWR, m.Not&0x20 != 0))
	}
	return all
}

// Bits of TCP's byte of flags.
const (
	tcpECE = 0x40
	tcpCWR = 0x80
)
