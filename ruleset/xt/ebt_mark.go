package xt

import (
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// EbtMark looks at the packet's mark (include/uapi/linux/netfilter_bridge/ebt_mark_m.h).
type EbtMark struct {
	Mark, Mask uint64
	Any        bool // any bit of Mask, instead of all as in Mark
	Not        bool
}

func decodeEbtMark(b info, _ Env) Match {
	return EbtMark{b.u64(0), b.u64(8), b.u8(17) == 2, b.is(16)}
}

// Name is "mark_m", of which the options do not tell.
func (EbtMark) Name() string { return "mark_m" }

// AppendSave implements [Match].
func (m EbtMark) AppendSave(dst []byte) []byte {
	dst = append(ebtOption(dst, "mark", m.Not), ' ')
	if !m.Any {
		dst = hexDigits64(dst, m.Mark)
	}
	if m.Any || m.Mask != 0xffffffff {
		dst = hexDigits64(append(dst, '/'), m.Mask)
	}
	return dst
}

func (m EbtMark) when(asked) []ruleset.Condition {
	if m.Any {
		return []ruleset.Condition{masked32(ruleset.Mark, 0, uint32(m.Mask), !m.Not)}
	}
	return []ruleset.Condition{masked32(ruleset.Mark, uint32(m.Mark), uint32(m.Mask), m.Not)}
}

func hexDigits64(dst []byte, n uint64) []byte { return strconv.AppendUint(append(dst, "0x"...), n, 16) }

func parseEbtMark(a *arguments, _ Env) Match {
	var m EbtMark
	a.each(func(g given) bool {
		value, mask, masked := strings.Cut(a.text(g), "/")
		m.Mask, m.Not = 0xffffffff, g.not
		if m.Any = masked && value == ""; !m.Any {
			m.Mark = a.number(g, value, 64)
		}
		if masked {
			m.Mask = a.number(g, mask, 64)
		}
		return g.name == "mark"
	})
	return m
}

func (EbtMark) affect(e *ruleset.Effect, _ ruleset.Family) { e.ReadsMark = true }

// EbtSetMark changes the packet's mark, and then ends
// (include/uapi/linux/netfilter_bridge/ebt_mark_t.h).
type EbtSetMark struct {
	Mark uint64
	Ends int32 // EBT_*, and above its four bits MARK_*_VALUE
}

func decodeEbtSetMark(b info, _ Env) Target { return EbtSetMark{b.u64(0), int32(b.u32(8))} }

// Name is "mark".
func (EbtSetMark) Name() string { return "mark" }

// The ways of changing it, beside setting it.
const (
	ebtMarkOr  = -32
	ebtMarkAnd = -48
	ebtMarkXor = -64
)

// AppendSave implements [Target].
func (t EbtSetMark) AppendSave(dst []byte) []byte {
	word := "mark-set"
	switch t.Ends &^ 0xf {
	case ebtMarkOr:
		word = "mark-or"
	case ebtMarkAnd:
		word = "mark-and"
	case ebtMarkXor:
		word = "mark-xor"
	}
	dst = hexDigits64(append(ebtOption(dst, word, false), ' '), t.Mark)
	return bare(ebtOption(dst, "mark-target", false), ebtVerdict(t.Ends))
}

func parseEbtSetMark(a *arguments, _ Env) Target {
	t := EbtSetMark{Ends: -1}
	operation, verdict := int32(-16), int32(-1)
	a.plain(func(g given) bool {
		switch g.name {
		case "mark-set", "set-mark":
			operation = -16
		case "mark-or":
			operation = ebtMarkOr
		case "mark-and":
			operation = ebtMarkAnd
		case "mark-xor":
			operation = ebtMarkXor
		case "mark-target":
			verdict = a.ebtVerdict(g)
			return true
		default:
			return false
		}
		t.Mark = a.number(g, a.text(g), 64)
		return true
	})
	t.Ends = operation | verdict&0xf
	return t
}

func (t EbtSetMark) affect(e *ruleset.Effect, _ ruleset.Family) {
	ebtEnds(e, t.Ends)
	mask := ^uint32(0)
	switch t.Ends &^ 0xf {
	case ebtMarkOr, ebtMarkXor:
		mask = uint32(t.Mark)
	case ebtMarkAnd:
		mask = ^uint32(t.Mark)
	}
	setsMark(e, mask)
}
