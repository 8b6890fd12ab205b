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

func parseNFLog(a *arguments, _ Env) Target {
	var t TargetNFLog
	a.plain(func(g given) bool {
		switch g.name {
		case "nflog-prefix":
			t.Prefix = a.text(g)
		case "nflog-group":
			t.Group = a.u16(g)
		case "nflog-range":
			t.Length = a.u32(g)
		case "nflog-size":
			t.Length, t.CopyLen = a.u32(g), true
		case "nflog-threshold":
			t.Threshold = a.u16(g)
		default:
			return false
		}
		return true
	})
	return t
}
