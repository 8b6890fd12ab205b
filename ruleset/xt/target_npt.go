package xt

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// TargetNPT rewrites an IPv6 prefix without state: SNPT or DNPT
// (include/uapi/linux/netfilter_ipv6/ip6t_NPT.h, RFC 6296).
type TargetNPT struct {
	Word                string
	Source, Destination netip.Addr
	SourceLen, DestLen  uint8
}

func npt(word string) func(info, Env) Target {
	return func(b info, _ Env) Target {
		return TargetNPT{word, b.addr(0, ruleset.IP6), b.addr(16, ruleset.IP6), b.u8(32), b.u8(33)}
	}
}

// Name is "SNPT" or "DNPT".
func (t TargetNPT) Name() string { return t.Word }

// AppendSave implements [Target].
func (t TargetNPT) AppendSave(dst []byte) []byte {
	dst = prefix6(dst, "src-pfx", t.Source, t.SourceLen)
	return prefix6(dst, "dst-pfx", t.Destination, t.DestLen)
}

func prefix6(dst []byte, name string, a netip.Addr, length uint8) []byte {
	if a.IsUnspecified() && length == 0 {
		return dst
	}
	dst = address(append(option(dst, false, name), ' '), a)
	return appendDecimal(append(dst, '/'), uint64(length))
}
