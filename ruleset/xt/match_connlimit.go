package xt

import (
	"math/bits"
	"net/netip"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchConnlimit counts the flows of a network
// (include/uapi/linux/netfilter/xt_connlimit.h: XT_CONNLIMIT_*).
type MatchConnlimit struct {
	Limit uint32
	Flags uint32 // bit 0: up to Limit, not above; bit 1: by destination
	Mask  netip.Addr
	sided bool // revision 1 says by which address
}

func decodeConnlimit0(b info, e Env) Match {
	return MatchConnlimit{Limit: b.u32(16), Flags: b.u32(20), Mask: b.addr(0, e.Family)}
}

func decodeConnlimit1(b info, e Env) Match {
	m := decodeConnlimit0(b, e).(MatchConnlimit)
	m.sided = true
	return m
}

// Name is "connlimit".
func (MatchConnlimit) Name() string { return "connlimit" }

// AppendSave implements [Match].
func (m MatchConnlimit) AppendSave(dst []byte) []byte {
	name := "connlimit-above"
	if m.Flags&1 != 0 {
		name = "connlimit-upto"
	}
	dst = number(option(dst, false, name), m.Limit)
	dst = number(option(dst, false, "connlimit-mask"), m.prefix())
	if !m.sided {
		return dst
	}
	if m.Flags&2 != 0 {
		return option(dst, false, "connlimit-daddr")
	}
	return option(dst, false, "connlimit-saddr")
}

// prefix is the mask's length, word by word of 32 bits
// (extensions/libxt_connlimit.c: count_bits6).
func (m MatchConnlimit) prefix() (n uint32) {
	for word := range slices.Chunk(m.Mask.AsSlice(), 4) {
		free := ^(uint32(word[0])<<24 | uint32(word[1])<<16 | uint32(word[2])<<8 | uint32(word[3]))
		n += 32 - uint32(bits.Len32(free))
	}
	return n
}

func (MatchConnlimit) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsCT = true }

// when: net/netfilter/xt_connlimit.c counts what is in the table of flows.
func (MatchConnlimit) when(asked) []ruleset.Condition {
	return untold("counts the flows there are")
}
