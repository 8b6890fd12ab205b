package xt

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// TargetTProxy hands the packet to a local socket without changing it
// (include/uapi/linux/netfilter/xt_TPROXY.h).
type TargetTProxy struct {
	Port       uint16
	Addr       netip.Addr
	Mark, Mask uint32
}

func decodeTProxy0(b info, _ Env) Target {
	return TargetTProxy{b.be16(12), b.addr(8, ruleset.IP), b.u32(4), b.u32(0)}
}

func decodeTProxy1(b info, e Env) Target {
	return TargetTProxy{b.be16(24), b.addr(8, e.Family), b.u32(4), b.u32(0)}
}

// Name is "TPROXY".
func (TargetTProxy) Name() string { return "TPROXY" }

// AppendSave implements [Target].
func (t TargetTProxy) AppendSave(dst []byte) []byte {
	dst = number(option(dst, false, "on-port"), t.Port)
	dst = address(append(option(dst, false, "on-ip"), ' '), t.Addr)
	return markMask(option(dst, false, "tproxy-mark"), t.Mark, t.Mask)
}

func parseTProxy(a *arguments, e Env) Target {
	t := TargetTProxy{Addr: e.zeroAddr()}
	a.plain(func(g given) bool {
		switch g.name {
		case "on-port":
			t.Port = a.u16(g)
		case "on-ip":
			t.Addr = a.addr(g, a.text(g), e)
		case "tproxy-mark":
			t.Mark, t.Mask = a.masked(g)
		default:
			return false
		}
		return true
	})
	return t
}

func (t TargetTProxy) affect(e *ruleset.Effect, _ ruleset.Family) { setsMark(e, t.Mark|t.Mask) }
