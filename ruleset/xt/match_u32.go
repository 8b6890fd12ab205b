package xt

import (
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchU32 computes numbers from a packet's bytes and compares them
// (include/uapi/linux/netfilter/xt_u32.h).
type MatchU32 struct {
	Tests []U32Test
	Not   bool
}

// U32Test is one sum of a MatchU32; all must hold.
type U32Test struct {
	Location []U32Step
	Values   []Span // one of which must hold the result
}

// U32Step is an offset in bytes or what is done with the number read so far.
type U32Step struct {
	Number uint32
	Op     uint8 // XT_U32_*: 0 and, 1 shift left, 2 shift right, 3 read again behind; not in the first step
}

const (
	u32Max      = 11 // XT_U32_MAXSIZE + 1
	u32TestSize = 180
)

func decodeU32(b info, _ Env) Match {
	m := MatchU32{Not: b.is(u32Max*u32TestSize + 1)}
	for i := range min(int(b.u8(u32Max*u32TestSize)), u32Max) {
		m.Tests = append(m.Tests, decodeU32Test(b[i*u32TestSize:]))
	}
	return m
}

func decodeU32Test(b info) (t U32Test) {
	for i := range min(int(b.u8(176)), u32Max) {
		t.Location = append(t.Location, U32Step{b.u32(8 * i), b.u8(8*i + 4)})
	}
	for i := range min(int(b.u8(177)), u32Max) {
		t.Values = append(t.Values, b.span(88+8*i))
	}
	return t
}

// Name is "u32".
func (MatchU32) Name() string { return "u32" }

// AppendSave implements [Match].
func (m MatchU32) AppendSave(dst []byte) []byte {
	dst = append(option(dst, m.Not, "u32"), ` "`...)
	for i, t := range m.Tests {
		if i > 0 {
			dst = append(dst, "&&"...)
		}
		dst = t.append(dst)
	}
	return append(dst, '"')
}

func (t U32Test) append(dst []byte) []byte {
	for i, step := range t.Location {
		if op := [...]string{"&", "<<", ">>", "@"}; i > 0 && int(step.Op) < len(op) {
			dst = append(dst, op[step.Op]...)
		}
		dst = hexDigits(dst, step.Number)
	}
	dst = append(dst, '=')
	var l list
	for _, v := range t.Values {
		dst = hexDigits(l.next(dst), v.Low)
		if v.High != v.Low {
			dst = hexDigits(append(dst, ':'), v.High)
		}
	}
	return dst
}

func hexDigits(dst []byte, n uint32) []byte {
	return strconv.AppendUint(append(dst, "0x"...), uint64(n), 16)
}

// when: net/netfilter/xt_u32.c: u32_match_it.
func (MatchU32) when(asked) []ruleset.Condition {
	return untold("computes numbers from the packet's bytes")
}
