package xt

// TargetNFLog hands the packet to listeners of nfnetlink_log
// (include/uapi/linux/netfilter/xt_NFLOG.h).
type TargetNFLog struct {
	Prefix    string
	Group     uint16
	Length    uint32 // bytes of the packet
	CopyLen   bool   // Length is heeded
	Threshold uint16
}

func decodeNFLog(b info, _ Env) Target {
	return TargetNFLog{b.text(12, 64), b.u16(4), b.u32(0), b.u16(8)&1 != 0, b.u16(6)}
}

// Name is "NFLOG".
func (TargetNFLog) Name() string { return "NFLOG" }

// AppendSave implements [Target].
func (t TargetNFLog) AppendSave(dst []byte) []byte {
	if t.Prefix != "" {
		dst = quoted(option(dst, false, "nflog-prefix"), t.Prefix)
	}
	dst = unless(dst, uint32(t.Group), 0, "nflog-group")
	if t.CopyLen {
		dst = number(option(dst, false, "nflog-size"), t.Length)
	} else {
		dst = unless(dst, t.Length, 0, "nflog-range")
	}
	return unless(dst, uint32(t.Threshold), 0, "nflog-threshold")
}
