package xt

// TargetChecksum computes the checksum that a device would
// (include/uapi/linux/netfilter/xt_CHECKSUM.h).
type TargetChecksum struct{ Fill bool }

func decodeChecksum(b info, _ Env) Target { return TargetChecksum{b.u8(0)&1 != 0} }

// Name is "CHECKSUM".
func (TargetChecksum) Name() string { return "CHECKSUM" }

// AppendSave implements [Target].
func (t TargetChecksum) AppendSave(dst []byte) []byte {
	if t.Fill {
		dst = option(dst, false, "checksum-fill")
	}
	return dst
}

func parseChecksum(a *arguments, _ Env) Target {
	var t TargetChecksum
	a.plain(func(g given) bool {
		t.Fill = a.flag(g)
		return g.name == "checksum-fill"
	})
	return t
}
