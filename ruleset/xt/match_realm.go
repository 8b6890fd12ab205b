package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchRealm looks at the realm of the packet's route (include/uapi/linux/netfilter/xt_realm.h).
type MatchRealm struct {
	Realm, Mask uint32
	Not         bool
	name        string
}

func decodeRealm(b info, e Env) Match {
	return MatchRealm{b.u32(0), b.u32(4), b.is(8), e.names().Realm[b.u32(0)]}
}

// Name is "realm".
func (MatchRealm) Name() string { return "realm" }

// AppendSave implements [Match].
func (m MatchRealm) AppendSave(dst []byte) []byte {
	return valueMask(option(dst, m.Not, "realm"), m.Realm, m.Mask, m.name)
}

// when mirrors net/netfilter/xt_realm.c: realm_mt.
func (m MatchRealm) when(asked) []ruleset.Condition {
	return []ruleset.Condition{masked32(realmField, m.Realm, m.Mask, m.Not)}
}
