package xt

import (
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
)

// TargetReject drops the packet and answers it
// (include/uapi/linux/netfilter_ipv4/ipt_REJECT.h, netfilter_ipv6/ip6t_REJECT.h).
type TargetReject struct{ With string }

func decodeReject(b info, e Env) Target {
	words := [...]string{
		"icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-port-unreachable",
		"echo-reply", "icmp-net-prohibited", "icmp-host-prohibited", "tcp-reset", "icmp-admin-prohibited",
	}
	if e.Family == ruleset.IP6 {
		words = [...]string{
			"icmp6-no-route", "icmp6-adm-prohibited", "icmp6-not-neighbor", "icmp6-addr-unreachable",
			"icmp6-port-unreachable", "echo-reply", "tcp-reset", "icmp6-policy-fail", "icmp6-reject-route",
		}
	}
	if with := b.u32(0); with < uint32(len(words)) {
		return TargetReject{words[with]}
	}
	return TargetReject{fmt.Sprintf("[%d]", b.u32(0))}
}

// Name is "REJECT".
func (TargetReject) Name() string { return "REJECT" }

// AppendSave implements [Target].
func (t TargetReject) AppendSave(dst []byte) []byte {
	return bare(option(dst, false, "reject-with"), t.With)
}
