package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchOSF guesses the sender's system by its first TCP packet
// (include/uapi/linux/netfilter/nfnetlink_osf.h: NF_OSF_*).
type MatchOSF struct {
	Genre           string
	Flags, Log, TTL uint32
}

func decodeOSF(b info, _ Env) Match { return MatchOSF{b.text(0, 32), b.u32(36), b.u32(40), b.u32(44)} }

// Name is "osf".
func (MatchOSF) Name() string { return "osf" }

// AppendSave implements [Match].
func (m MatchOSF) AppendSave(dst []byte) []byte {
	dst = bare(option(dst, m.Flags&8 != 0, "genre"), m.Genre)
	if m.Flags&2 != 0 {
		dst = number(option(dst, false, "ttl"), m.TTL)
	}
	if m.Flags&4 != 0 {
		dst = number(option(dst, false, "log"), m.Log)
	}
	return dst
}

// when: net/netfilter/nfnetlink_osf.c compares the packet with each.
func (MatchOSF) when(asked) []ruleset.Condition {
	return untold("depends on the fingerprints that were loaded")
}
