package xt

import "github.com/pktrail/pktrail/ruleset"

// Verdict is a rule's end of its own: ACCEPT, DROP, QUEUE or RETURN.
type Verdict string

// Name is the verdict.
func (v Verdict) Name() string { return string(v) }

// AppendSave implements [Target]: there are no options.
func (Verdict) AppendSave(dst []byte) []byte { return dst }

// Jump sends the packet through another chain.
type Jump struct {
	Chain string
	Goto  bool // does not come back to this chain
}

// Name is the chain.
func (j Jump) Name() string { return j.Chain }

// AppendSave implements [Target]: there are no options.
func (Jump) AppendSave(dst []byte) []byte { return dst }

// Plain is a target without options: TRACE, and NOTRACK in its oldest revision.
type Plain string

func plain(name string) func(info, Env) Target {
	return func(info, Env) Target { return Plain(name) }
}

// Name is the target's word.
func (p Plain) Name() string { return string(p) }

// AppendSave implements [Target]: there are no options.
func (Plain) AppendSave(dst []byte) []byte { return dst }

// verdictOfNumber reads the number of a standard target: -1 less the verdict
// of include/uapi/linux/netfilter.h, or XT_RETURN (include/uapi/linux/netfilter/x_tables.h).
func verdictOfNumber(n int32) (Verdict, bool) {
	switch n {
	case -1:
		return "DROP", true
	case -2:
		return "ACCEPT", true
	case -4:
		return "QUEUE", true
	case -5:
		return "RETURN", true
	}
	return "", false
}

func (p Plain) affect(e *ruleset.Effect, _ ruleset.Family) { e.NoTrack = p == "NOTRACK" }
