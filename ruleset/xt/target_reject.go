package xt

import (
	"fmt"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// TargetReject drops the packet and answers it
// (include/uapi/linux/netfilter_ipv4/ipt_REJECT.h, netfilter_ipv6/ip6t_REJECT.h).
type TargetReject struct{ With string }

func decodeReject(b info, e Env) Target {
	words := e.rejectWords()
	if with := b.u32(0); with < uint32(len(words)) {
		return TargetReject{words[with]}
	}
	return TargetReject{fmt.Sprintf("[%d]", b.u32(0))}
}

// rejectWords are the answers in the order of the kernel's numbers.
func (e Env) rejectWords() [9]string {
	if e.Family == ruleset.IP6 {
		return [...]string{
			"icmp6-no-route", "icmp6-adm-prohibited", "icmp6-not-neighbor", "icmp6-addr-unreachable",
			"icmp6-port-unreachable", "echo-reply", "tcp-reset", "icmp6-policy-fail", "icmp6-reject-route",
		}
	}
	return [...]string{
		"icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-port-unreachable",
		"echo-reply", "icmp-net-prohibited", "icmp-host-prohibited", "tcp-reset", "icmp-admin-prohibited",
	}
}

// Name is "REJECT".
func (TargetReject) Name() string { return "REJECT" }

// AppendSave implements [Target].
func (t TargetReject) AppendSave(dst []byte) []byte {
	return bare(option(dst, false, "reject-with"), t.With)
}

func parseReject(a *arguments, e Env) Target {
	t := TargetReject{"icmp-port-unreachable"}
	if e.Family == ruleset.IP6 {
		t.With = "icmp6-port-unreachable"
	}
	a.plain(func(g given) bool {
		t.With = a.text(g)
		known := e.rejectWords()
		if !slices.Contains(known[:], t.With) {
			a.fail(g, "no answer of iptables-save's")
		}
		return g.name == "reject-with"
	})
	return t
}

func (t TargetReject) affect(e *ruleset.Effect, fam ruleset.Family) {
	e.RejectWith = rejectWith(t.With, fam)
}
