package xt

import (
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchRateest compares rates that the target RATEEST measures
// (include/uapi/linux/netfilter/xt_rateest.h: XT_RATEEST_MATCH_*).
type MatchRateest struct {
	First, Second string
	Flags         uint16
	Mode          uint16    // 1 equal, 2 less, 3 greater
	Bytes         [2]uint32 // bytes a second
	Packets       [2]uint32 // packets a second
}

func decodeRateest(b info, _ Env) Match {
	return MatchRateest{
		First: b.text(0, 16), Second: b.text(16, 16), Flags: b.u16(32), Mode: b.u16(34),
		Bytes: [2]uint32{b.u32(36), b.u32(44)}, Packets: [2]uint32{b.u32(40), b.u32(48)},
	}
}

// The bits of MatchRateest.Flags.
const (
	rateNot     = 1 << 0
	rateAbs     = 1 << 1
	rateRel     = 1 << 2
	rateDelta   = 1 << 3
	rateBytes   = 1 << 4
	ratePackets = 1 << 5
)

// Name is "rateest".
func (MatchRateest) Name() string { return "rateest" }

// AppendSave implements [Match].
func (m MatchRateest) AppendSave(dst []byte) []byte {
	if m.Flags&rateDelta != 0 {
		dst = option(dst, false, "rateest-delta")
	}
	if m.Flags&rateRel == 0 {
		return m.appendRates(bare(option(dst, false, "rateest"), m.First))
	}
	dst = m.appendRates(bare(option(dst, false, "rateest1"), m.First))
	return bare(option(dst, false, "rateest2"), m.Second)
}

func (m MatchRateest) appendRates(dst []byte) []byte {
	if m.Flags&rateBytes != 0 {
		dst = m.appendComparison(dst, "rateest-bps", m.Bytes, byteRate)
	}
	if m.Flags&ratePackets != 0 {
		dst = m.appendComparison(dst, "rateest-pps", m.Packets, number[uint32])
	}
	return dst
}

func (m MatchRateest) appendComparison(dst []byte, name string, rates [2]uint32, show func([]byte, uint32) []byte) []byte {
	if m.Flags&rateDelta != 0 {
		dst = m.appendMode(show(append(option(dst, false, name), '1'), rates[0]))
		dst = append(option(dst, false, name), '2')
	} else {
		dst = option(m.appendMode(dst), false, name)
	}
	if m.Flags&(rateAbs|rateDelta) != 0 {
		dst = show(dst, rates[1])
	}
	return dst
}

func (m MatchRateest) appendMode(dst []byte) []byte {
	modes := [...]string{"", "eq", "lt", "gt"}
	if int(m.Mode) >= len(modes) {
		return dst
	}
	return append(option(dst, m.Flags&rateNot != 0, "rateest-"), modes[m.Mode]...)
}

// byteRate writes bytes a second as bits (extensions/libxt_rateest.c: rateest_print_rate).
func byteRate(dst []byte, bytes uint32) []byte {
	bits, unit := float64(bytes)*8, "bit"
	switch {
	case bits >= 1e9:
		bits, unit = bits/1e6, "Mbit"
	case bits >= 1e6:
		bits, unit = bits/1e3, "Kbit"
	}
	return append(strconv.AppendFloat(append(dst, ' '), bits, 'f', 0, 64), unit...)
}

// when: net/netfilter/xt_rateest.c asks estimators.
func (MatchRateest) when(asked) []ruleset.Condition {
	return untold("compares rates that are measured")
}
