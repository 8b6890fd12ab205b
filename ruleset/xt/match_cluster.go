package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchCluster takes the flows of some of a cluster's nodes
// (include/uapi/linux/netfilter/xt_cluster.h).
type MatchCluster struct {
	Nodes, Mask, Seed uint32
	Not               bool
}

func decodeCluster(b info, _ Env) Match {
	return MatchCluster{b.u32(0), b.u32(4), b.u32(8), b.flag(12, 1)}
}

// Name is "cluster".
func (MatchCluster) Name() string { return "cluster" }

// AppendSave implements [Match].
func (m MatchCluster) AppendSave(dst []byte) []byte {
	dst = padded(append(option(dst, m.Not, "cluster-local-nodemask"), " 0x"...), m.Mask, 8)
	dst = number(option(dst, false, "cluster-total-nodes"), m.Nodes)
	return padded(append(option(dst, false, "cluster-hash-seed"), " 0x"...), m.Seed, 8)
}

func (MatchCluster) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsCT = true }

// when: net/netfilter/xt_cluster.c hashes the source of the flow.
func (MatchCluster) when(asked) []ruleset.Condition {
	return untold("depends on a hash of the flow")
}
