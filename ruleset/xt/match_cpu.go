package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchCPU looks at the processor that handles the packet (include/uapi/linux/netfilter/xt_cpu.h).
type MatchCPU struct {
	CPU uint32
	Not bool
}

func decodeCPU(b info, _ Env) Match { return MatchCPU{b.u32(0), b.u32(4) != 0} }

// Name is "cpu".
func (MatchCPU) Name() string { return "cpu" }

// AppendSave implements [Match].
func (m MatchCPU) AppendSave(dst []byte) []byte { return number(option(dst, m.Not, "cpu"), m.CPU) }

// when mirrors net/netfilter/xt_cpu.c: cpu_mt.
func (m MatchCPU) when(asked) []ruleset.Condition {
	return []ruleset.Condition{number32(cpuField, Span{m.CPU, m.CPU}, m.Not)}
}
