package xt

import (
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchConnlabel looks at a label of the flow
// (include/uapi/linux/netfilter/xt_connlabel.h: XT_CONNLABEL_OP_*).
type MatchConnlabel struct {
	Bit   uint16
	Label string // empty without a name
	Not   bool
	Set   bool // set it first
}

func decodeConnlabel(b info, e Env) Match {
	return MatchConnlabel{b.u16(0), e.names().ConnLabel[b.u16(0)], b.u16(2)&1 != 0, b.u16(2)&2 != 0}
}

// Name is "connlabel".
func (MatchConnlabel) Name() string { return "connlabel" }

// AppendSave implements [Match].
func (m MatchConnlabel) AppendSave(dst []byte) []byte {
	dst = option(dst, m.Not, "label")
	if m.Label != "" {
		dst = append(append(append(dst, ` "`...), m.Label...), '"')
	} else {
		dst = fmt.Appendf(dst, ` "%d"`, m.Bit)
	}
	if m.Set {
		dst = option(dst, false, "set")
	}
	return dst
}

func (MatchConnlabel) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsCT = true }

// when mirrors net/netfilter/xt_connlabel.c: connlabel_mt. A packet without a
// flow has no label.
func (m MatchConnlabel) when(asked) []ruleset.Condition {
	if m.Set || m.Bit > 127 {
		return untold("sets the label, which takes a flow with room for it")
	}
	bit := ruleset.Number(1 << m.Bit)
	if m.Bit >= 64 {
		bit = ruleset.Value{High: 1 << (m.Bit - 64)}
	}
	return []ruleset.Condition{masked(ctLabel, bit, bit, 128, m.Not)}
}
