package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchTCPMSS looks at the maximum segment size of a TCP SYN
// (include/uapi/linux/netfilter/xt_tcpmss.h).
type MatchTCPMSS struct {
	MSS Ports
	Not bool
}

func decodeTCPMSSMatch(b info, _ Env) Match { return MatchTCPMSS{b.ports(0), b.is(4)} }

// Name is "tcpmss".
func (MatchTCPMSS) Name() string { return "tcpmss" }

// AppendSave implements [Match].
func (m MatchTCPMSS) AppendSave(dst []byte) []byte {
	return reach(option(dst, m.Not, "mss"), m.MSS.Low, m.MSS.High)
}

func parseTCPMSSMatch(a *arguments, _ Env) Match {
	var m MatchTCPMSS
	a.each(func(g given) bool {
		m = MatchTCPMSS{a.ports(g), g.not}
		return g.name == "mss"
	})
	return m
}

// when mirrors net/netfilter/xt_tcpmss.c: tcpmss_mt.
func (m MatchTCPMSS) when(asked) []ruleset.Condition {
	return []ruleset.Condition{number16(tcpMSS, m.MSS, m.Not)}
}
