package xt

// TargetMark clears the bits of Mask in the packet's mark and toggles those of
// Mark (include/uapi/linux/netfilter/xt_mark.h: struct xt_mark_tginfo2).
type TargetMark struct{ Mark, Mask uint32 }

func decodeMarkTarget(b info, _ Env) Target { return TargetMark{b.u32(0), b.u32(4)} }

// Name is "MARK".
func (TargetMark) Name() string { return "MARK" }

// AppendSave implements [Target].
func (t TargetMark) AppendSave(dst []byte) []byte { return xmark(dst, t.Mark, t.Mask) }

func xmark(dst []byte, mark, mask uint32) []byte {
	return markMask(option(dst, false, "set-xmark"), mark, mask)
}

func markMask(dst []byte, mark, mask uint32) []byte {
	return hexDigits(append(hexadecimal(dst, mark), '/'), mask)
}
