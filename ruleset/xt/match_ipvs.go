package xt

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchIPVS looks at the packet's entry in IPVS
// (include/uapi/linux/netfilter/xt_ipvs.h: XT_IPVS_*).
type MatchIPVS struct {
	Ops, Not    uint8
	Addr, Mask  netip.Addr
	Port        uint16
	Protocol    uint8
	Method      uint8 // IP_VS_CONN_F_*
	ControlPort uint16
}

func decodeIPVS(b info, e Env) Match {
	return MatchIPVS{
		Addr: b.addr(0, e.Family), Mask: b.addr(16, e.Family), Port: b.be16(32), Protocol: b.u8(34),
		Method: b.u8(35), ControlPort: b.be16(36), Not: b.u8(38), Ops: b.u8(39),
	}
}

// Name is "ipvs".
func (MatchIPVS) Name() string { return "ipvs" }

// AppendSave implements [Match].
func (m MatchIPVS) AppendSave(dst []byte) []byte {
	not := func(bit uint8) bool { return m.Not&bit != 0 }
	if m.Ops == 1 {
		dst = option(dst, not(1), "ipvs")
	}
	if m.Ops&2 != 0 {
		dst = number(option(dst, not(2), "vproto"), m.Protocol)
	}
	if m.Ops&4 != 0 {
		dst = addressMask(append(option(dst, not(4), "vaddr"), ' '), m.Addr, m.Mask)
	}
	if m.Ops&8 != 0 {
		dst = number(option(dst, not(8), "vport"), m.Port)
	}
	if m.Ops&16 != 0 {
		dst = ctDirectionWord(option(dst, false, "vdir"), not(16))
	}
	if m.Ops&32 != 0 {
		dst = bare(option(dst, not(32), "vmethod"), m.method())
	}
	if m.Ops&64 != 0 {
		dst = number(option(dst, not(64), "vportctl"), m.ControlPort)
	}
	return dst
}

// method is the word for a way of forwarding (include/uapi/linux/ip_vs.h).
func (m MatchIPVS) method() string {
	switch m.Method {
	case 0:
		return "MASQ"
	case 2:
		return "IPIP"
	case 3:
		return "GATE"
	}
	return "UNKNOWN"
}

// when: net/netfilter/xt_ipvs.c asks the table of IPVS.
func (MatchIPVS) when(asked) []ruleset.Condition {
	return untold("depends on the entry of IPVS")
}
