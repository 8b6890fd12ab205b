package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchEUI64 asks whether the source address was made of the hardware address
// (net/ipv6/netfilter/ip6t_eui64.c). It has no options.
type MatchEUI64 struct{}

func decodeEUI64(info, Env) Match { return MatchEUI64{} }

// Name is "eui64".
func (MatchEUI64) Name() string { return "eui64" }

// AppendSave implements [Match].
func (MatchEUI64) AppendSave(dst []byte) []byte { return dst }

// when: net/ipv6/netfilter/ip6t_eui64.c: eui64_mt6 compares one field with another.
func (MatchEUI64) when(asked) []ruleset.Condition {
	return untold("compares the source address with the hardware address")
}
