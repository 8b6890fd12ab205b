package xt

import "github.com/pktrail/pktrail/ruleset"

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

func parseMarkTarget(a *arguments, _ Env) Target {
	var t TargetMark
	a.plain(func(g given) bool {
		var ok bool
		t.Mark, t.Mask, ok = a.markOp(g)
		return ok
	})
	return t
}

// markOp reads one way of changing a mark as bits to clear and bits to toggle.
func (a *arguments) markOp(g given) (mark, mask uint32, ok bool) {
	switch g.name {
	case "set-xmark":
		mark, mask = a.masked(g)
	case "set-mark":
		mark, mask = a.masked(g)
		mask |= mark
	case "and-mark":
		mask = ^a.u32(g)
	case "or-mark":
		mark = a.u32(g)
		mask = mark
	case "xor-mark":
		mark = a.u32(g)
	default:
		return 0, 0, false
	}
	return mark, mask, true
}

// affect: of the mark's bits those change that are cleared or toggled
// (net/netfilter/xt_mark.c: mark_tg).
func (t TargetMark) affect(e *ruleset.Effect, _ ruleset.Family) { setsMark(e, t.Mark|t.Mask) }

func setsMark(e *ruleset.Effect, mask uint32) {
	if mask != 0 {
		e.SetsMark = true
		e.MarkMask |= mask
	}
}
