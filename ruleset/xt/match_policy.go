package xt

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchPolicy looks at the IPsec policy that a packet came or will go by
// (include/uapi/linux/netfilter/xt_policy.h: XT_POLICY_MATCH_*).
type MatchPolicy struct {
	Flags    uint16
	Elements []PolicyElement
}

// PolicyElement is one transformation of an IPsec policy.
type PolicyElement struct {
	Match, Not         uint8 // bits: 0 source, 1 destination, 2 protocol, 3 mode, 4 SPI, 5 reqid
	Source, SourceMask netip.Addr
	Dest, DestMask     netip.Addr
	SPI, ReqID         uint32
	Protocol           uint8
	ProtocolName       string // of /etc/protocols, empty without one
	Mode               uint8  // 0 transport, 1 tunnel
}

func decodePolicy(b info, e Env) Match {
	m := MatchPolicy{Flags: b.u16(304)}
	for i := range min(int(b.u16(306)), 4) {
		m.Elements = append(m.Elements, decodePolicyElement(b[76*i:], e))
	}
	return m
}

func decodePolicyElement(b info, e Env) PolicyElement {
	return PolicyElement{
		Source: b.addr(0, e.Family), SourceMask: b.addr(16, e.Family),
		Dest: b.addr(32, e.Family), DestMask: b.addr(48, e.Family),
		SPI: b.u32(64), ReqID: b.u32(68), Protocol: b.u8(72), ProtocolName: e.names().Protocol[b.u8(72)],
		Mode: b.u8(73), Match: b.u8(74), Not: b.u8(75),
	}
}

// Name is "policy".
func (MatchPolicy) Name() string { return "policy" }

// AppendSave implements [Match].
func (m MatchPolicy) AppendSave(dst []byte) []byte {
	dir, pol := "out", "ipsec"
	if m.Flags&1 != 0 {
		dir = "in"
	}
	if m.Flags&4 != 0 {
		pol = "none"
	}
	dst = bare(option(bare(option(dst, false, "dir"), dir), false, "pol"), pol)
	if m.Flags&8 != 0 {
		dst = option(dst, false, "strict")
	}
	for i, e := range m.Elements {
		if i > 0 {
			dst = option(dst, false, "next")
		}
		dst = e.append(dst)
	}
	return dst
}

func (e PolicyElement) append(dst []byte) []byte {
	if e.Match&0x20 != 0 {
		dst = number(option(dst, e.Not&0x20 != 0, "reqid"), e.ReqID)
	}
	if e.Match&0x10 != 0 {
		dst = hexadecimal(option(dst, e.Not&0x10 != 0, "spi"), e.SPI)
	}
	if e.Match&4 != 0 {
		dst = option(dst, e.Not&4 != 0, "proto")
		if e.ProtocolName != "" {
			dst = bare(dst, e.ProtocolName)
		} else {
			dst = number(dst, e.Protocol)
		}
	}
	if e.Match&8 != 0 {
		mode := [...]string{"transport", "tunnel", "???"}
		dst = bare(option(dst, e.Not&8 != 0, "mode"), mode[min(e.Mode, 2)])
	}
	if e.Match&2 != 0 {
		dst = addressMask(append(option(dst, e.Not&2 != 0, "tunnel-dst"), ' '), e.Dest, e.DestMask)
	}
	if e.Match&1 != 0 {
		dst = addressMask(append(option(dst, e.Not&1 != 0, "tunnel-src"), ' '), e.Source, e.SourceMask)
	}
	return dst
}

// when mirrors net/netfilter/xt_policy.c: policy_mt. Which transformations they
// are is not told, but that there are any.
func (m MatchPolicy) when(asked) []ruleset.Condition {
	transformed := secPath
	if m.Flags&1 == 0 {
		transformed = routeXfrm
	}
	if m.Flags&4 != 0 {
		return []ruleset.Condition{number8(transformed, 0, false)}
	}
	all := []ruleset.Condition{number8(transformed, 1, false)}
	if m.Flags&8 == 0 && len(m.Elements) == 1 && m.Elements[0].Match == 0 {
		return all
	}
	return append(all, untold("depends on which IPsec policy the packet has")...)
}
