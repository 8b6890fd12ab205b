package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchQuota matches until so many bytes have come (include/uapi/linux/netfilter/xt_quota.h).
type MatchQuota struct {
	Bytes uint64
	Not   bool
}

func decodeQuota(b info, _ Env) Match { return MatchQuota{b.u64(8), b.flag(0, 1)} }

// Name is "quota".
func (MatchQuota) Name() string { return "quota" }

// AppendSave implements [Match].
func (m MatchQuota) AppendSave(dst []byte) []byte {
	return number(option(dst, m.Not, "quota"), m.Bytes)
}

// when: net/netfilter/xt_quota.c counts them.
func (MatchQuota) when(asked) []ruleset.Condition {
	return untold("depends on how many bytes have come")
}
