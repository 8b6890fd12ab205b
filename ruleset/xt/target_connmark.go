package xt

import "github.com/pktrail/pktrail/ruleset"

// TargetConnmark sets the flow's mark, or copies it from or to the packet's
// (include/uapi/linux/netfilter/xt_connmark.h: struct xt_connmark_tginfo1, xt_connmark_tginfo2).
type TargetConnmark struct {
	Mode                 uint8 // XT_CONNMARK_*: 0 set, 1 save, 2 restore
	Mark, CTMask, NFMask uint32
	ShiftRight           bool
	ShiftBits            uint8
}

func decodeConnmark1(b info, _ Env) Target {
	return TargetConnmark{Mode: b.u8(12), Mark: b.u32(0), CTMask: b.u32(4), NFMask: b.u32(8)}
}

func decodeConnmark2(b info, _ Env) Target {
	return TargetConnmark{b.u8(14), b.u32(0), b.u32(4), b.u32(8), b.is(12), b.u8(13)}
}

// Name is "CONNMARK".
func (TargetConnmark) Name() string { return "CONNMARK" }

// AppendSave implements [Target].
func (t TargetConnmark) AppendSave(dst []byte) []byte {
	switch t.Mode {
	case 0:
		dst = xmark(dst, t.Mark, t.CTMask)
	case 1:
		dst = t.appendMasks(option(dst, false, "save-mark"))
	case 2:
		dst = t.appendMasks(option(dst, false, "restore-mark"))
	default:
		return append(dst, " ERROR: UNKNOWN CONNMARK MODE"...)
	}
	if t.ShiftBits == 0 {
		return dst
	}
	name := "left-shift-mark"
	if t.ShiftRight {
		name = "right-shift-mark"
	}
	return number(option(dst, false, name), t.ShiftBits)
}

func (t TargetConnmark) appendMasks(dst []byte) []byte {
	dst = hexadecimal(option(dst, false, "nfmask"), t.NFMask)
	return hexadecimal(option(dst, false, "ctmask"), t.CTMask)
}

func parseConnmarkTarget(a *arguments, _ Env) Target {
	t := TargetConnmark{CTMask: 0xffffffff, NFMask: 0xffffffff}
	a.plain(func(g given) bool {
		switch g.name {
		case "save-mark":
			t.Mode = 1
		case "restore-mark":
			t.Mode = 2
		case "nfmask":
			t.NFMask = a.u32(g)
		case "ctmask":
			t.CTMask = a.u32(g)
		case "mask":
			t.NFMask = a.u32(g)
			t.CTMask = t.NFMask
		case "left-shift-mark":
			t.ShiftBits = a.u8(g)
		case "right-shift-mark":
			t.ShiftBits, t.ShiftRight = a.u8(g), true
		default:
			var ok bool
			t.Mark, t.CTMask, ok = a.markOp(g)
			return ok
		}
		return true
	})
	return t
}

// affect mirrors net/netfilter/xt_connmark.c: connmark_tg_shift.
func (t TargetConnmark) affect(e *ruleset.Effect, _ ruleset.Family) {
	switch t.Mode {
	case 1:
		e.ReadsMark = true
	case 2:
		e.ReadsCT = true
		setsMark(e, t.NFMask|t.shifted(t.CTMask))
	}
}

func (t TargetConnmark) shifted(mark uint32) uint32 {
	if t.ShiftRight {
		return mark >> t.ShiftBits
	}
	return mark << t.ShiftBits
}
