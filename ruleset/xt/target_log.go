package xt

// TargetLog writes a line to the kernel's log
// (include/uapi/linux/netfilter/xt_LOG.h: XT_LOG_*).
type TargetLog struct {
	Level, Flags uint8
	Prefix       string
}

func decodeLog(b info, _ Env) Target { return TargetLog{b.u8(0), b.u8(1), b.text(2, 30)} }

// Name is "LOG".
func (TargetLog) Name() string { return "LOG" }

// AppendSave implements [Target].
func (t TargetLog) AppendSave(dst []byte) []byte {
	if t.Prefix != "" {
		dst = quoted(option(dst, false, "log-prefix"), t.Prefix)
	}
	dst = unless(dst, uint32(t.Level), 4, "log-level")
	for _, f := range [...]struct {
		bit  uint8
		name string
	}{{1, "log-tcp-sequence"}, {2, "log-tcp-options"}, {4, "log-ip-options"}, {8, "log-uid"}, {0x20, "log-macdecode"}} {
		if t.Flags&f.bit != 0 {
			dst = option(dst, false, f.name)
		}
	}
	return dst
}
