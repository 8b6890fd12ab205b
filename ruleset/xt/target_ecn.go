package xt

// TargetECN clears explicit congestion notification
// (include/uapi/linux/netfilter_ipv4/ipt_ECN.h: IPT_ECN_OP_*).
type TargetECN struct {
	Ops      uint8 // bits: 0 IP, 4 ECE, 5 CWR
	ECT      uint8
	ECE, CWR uint8
}

func decodeECN(b info, _ Env) Target {
	return TargetECN{b.u8(0), b.u8(1), b.u8(2) & 1, b.u8(2) >> 1 & 1}
}

// Name is "ECN".
func (TargetECN) Name() string { return "ECN" }

// AppendSave implements [Target].
func (t TargetECN) AppendSave(dst []byte) []byte {
	if t.Ops == 0x30 && t.ECE == 0 && t.CWR == 0 {
		return option(dst, false, "ecn-tcp-remove")
	}
	if t.Ops&0x10 != 0 {
		dst = number(option(dst, false, "ecn-tcp-ece"), t.ECE)
	}
	if t.Ops&0x20 != 0 {
		dst = number(option(dst, false, "ecn-tcp-cwr"), t.CWR)
	}
	if t.Ops&1 != 0 {
		dst = number(option(dst, false, "ecn-ip-ect"), t.ECT)
	}
	return dst
}
