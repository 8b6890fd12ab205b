package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchNFAcct counts a packet on a named object (include/uapi/linux/netfilter/xt_nfacct.h).
type MatchNFAcct struct{ Object string }

func decodeNFAcct(b info, _ Env) Match { return MatchNFAcct{b.text(0, 32)} }

// Name is "nfacct".
func (MatchNFAcct) Name() string { return "nfacct" }

// AppendSave implements [Match]. Its two blanks are iptables' own.
func (m MatchNFAcct) AppendSave(dst []byte) []byte {
	return quoted(append(option(dst, false, "nfacct-name"), ' '), m.Object)
}

func parseNFAcct(a *arguments, _ Env) Match {
	var m MatchNFAcct
	a.plain(func(g given) bool {
		m.Object = a.text(g)
		return g.name == "nfacct-name"
	})
	return m
}

// when: net/netfilter/xt_nfacct.c: nfacct_mt matches unless a quota is not reached yet.
func (MatchNFAcct) when(asked) []ruleset.Condition {
	return untold("depends on the quota that the object may have")
}
