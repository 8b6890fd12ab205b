package xt

import (
	"math"
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchConnbytes looks at how much a flow has carried
// (include/uapi/linux/netfilter/xt_connbytes.h).
type MatchConnbytes struct {
	From, To  uint64 // From above To is negated
	What      uint8  // 0 packets, 1 bytes, 2 bytes a packet
	Direction uint8  // 0 original, 1 reply, 2 both
}

func decodeConnbytes(b info, _ Env) Match {
	return MatchConnbytes{b.u64(0), b.u64(8), b.u8(16), b.u8(17)}
}

// Name is "connbytes".
func (MatchConnbytes) Name() string { return "connbytes" }

// AppendSave implements [Match].
func (m MatchConnbytes) AppendSave(dst []byte) []byte {
	low, high := min(m.From, m.To), max(m.From, m.To)
	dst = number(option(dst, m.From > m.To, "connbytes"), low)
	if high != 0 && high != math.MaxUint64 {
		dst = strconv.AppendUint(append(dst, ':'), high, 10)
	}
	what := [...]string{"packets", "bytes", "avgpkt", "unknown"}
	dst = bare(option(dst, false, "connbytes-mode"), what[min(m.What, 3)])
	direction := [...]string{"original", "reply", "both", "unknown"}
	return bare(option(dst, false, "connbytes-dir"), direction[min(m.Direction, 3)])
}

func (MatchConnbytes) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsCT = true }

// when: net/netfilter/xt_connbytes.c asks the flow's counters.
func (MatchConnbytes) when(asked) []ruleset.Condition {
	return untold("depends on how much the flow has carried")
}
