package xt

import "fmt"

// TargetClusterIP shares an address among nodes, in kernels before 6.9
// (include/uapi/linux/netfilter_ipv4/ipt_CLUSTERIP.h).
type TargetClusterIP struct {
	Flags     uint32 // 1: this rule made it
	MAC       [6]byte
	Nodes     uint16
	LocalNode uint16 // the first of them
	HashMode  uint32
	HashInit  uint32
}

func decodeClusterIP(b info, _ Env) Target {
	return TargetClusterIP{b.u32(0), [6]byte(b[4:10]), b.u16(10), b.u16(14), b.u32(48), b.u32(52)}
}

// Name is "CLUSTERIP".
func (TargetClusterIP) Name() string { return "CLUSTERIP" }

// AppendSave implements [Target].
func (t TargetClusterIP) AppendSave(dst []byte) []byte {
	if t.Flags&1 == 0 {
		return dst
	}
	modes := [...]string{"sourceip", "sourceip-sourceport", "sourceip-sourceport-destport", "unknown-error"}
	dst = bare(option(option(dst, false, "new"), false, "hashmode"), modes[min(t.HashMode, 3)])
	a := t.MAC
	dst = fmt.Appendf(option(dst, false, "clustermac"), " %02X:%02X:%02X:%02X:%02X:%02X", a[0], a[1], a[2], a[3], a[4], a[5])
	dst = number(option(dst, false, "total-nodes"), t.Nodes)
	dst = number(option(dst, false, "local-node"), t.LocalNode)
	return number(option(dst, false, "hash-init"), t.HashInit)
}
