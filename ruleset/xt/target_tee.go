package xt

import "net/netip"

// TargetTee sends a copy of the packet elsewhere (include/uapi/linux/netfilter/xt_TEE.h).
type TargetTee struct {
	Gateway netip.Addr
	Out     string // empty for any interface
}

func decodeTee(b info, e Env) Target { return TargetTee{b.addr(0, e.Family), b.text(16, 16)} }

// Name is "TEE".
func (TargetTee) Name() string { return "TEE" }

// AppendSave implements [Target].
func (t TargetTee) AppendSave(dst []byte) []byte {
	dst = address(append(option(dst, false, "gateway"), ' '), t.Gateway)
	if t.Out != "" {
		dst = bare(option(dst, false, "oif"), t.Out)
	}
	return dst
}
