package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchState is the old match on connection tracking's state
// (include/uapi/linux/netfilter/xt_state.h); iptables writes a
// [MatchConntrack] for the same word wherever the kernel has it.
type MatchState struct{ State uint32 }

func decodeState(b info, _ Env) Match { return MatchState{b.u32(0)} }

// Name is "state".
func (MatchState) Name() string { return "state" }

// AppendSave implements [Match].
func (m MatchState) AppendSave(dst []byte) []byte {
	dst = option(dst, false, "state")
	state := uint16(m.State & 0xf)
	if m.State&(1<<6) != 0 { // XT_STATE_UNTRACKED
		state |= 1 << 8
	}
	return ctStateWords(dst, state)
}

func (MatchState) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsCT = true }

// when mirrors net/netfilter/xt_state.c: state_mt, whose bits are those of [ruleset.CTState].
func (m MatchState) when(asked) []ruleset.Condition {
	return []ruleset.Condition{someBit(ruleset.CTState, uint64(m.State), false)}
}
