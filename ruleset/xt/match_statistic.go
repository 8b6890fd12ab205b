package xt

import (
	"math"
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchStatistic takes packets by chance or every so many
// (include/uapi/linux/netfilter/xt_statistic.h).
type MatchStatistic struct {
	Mode        uint16 // XT_STATISTIC_MODE_*: 0 random, 1 nth
	Not         bool
	Probability uint32 // of 1<<31
	Every       uint32 // less one, as the kernel counts
	Packet      uint32
}

func decodeStatistic(b info, _ Env) Match {
	m := MatchStatistic{Mode: b.u16(0), Not: b.u16(2)&1 != 0}
	switch m.Mode {
	case 0:
		m.Probability = b.u32(4)
	case 1:
		m.Every, m.Packet = b.u32(4), b.u32(8)
	}
	return m
}

// Name is "statistic".
func (MatchStatistic) Name() string { return "statistic" }

// AppendSave implements [Match].
func (m MatchStatistic) AppendSave(dst []byte) []byte {
	switch m.Mode {
	case 0:
		dst = option(bare(option(dst, false, "mode"), "random"), m.Not, "probability")
		return strconv.AppendFloat(append(dst, ' '), float64(m.Probability)/(1<<31), 'f', 11, 64)
	case 1:
		dst = option(bare(option(dst, false, "mode"), "nth"), m.Not, "every")
		return number(option(number(dst, m.Every+1), false, "packet"), m.Packet)
	}
	return dst
}

func parseStatistic(a *arguments, _ Env) Match {
	var m MatchStatistic
	a.each(func(g given) bool {
		switch g.name {
		case "mode":
			m.Mode = uint16(a.word(g, a.text(g), "random,nth"))
			return !g.not
		case "probability":
			f, err := strconv.ParseFloat(a.text(g), 64)
			if err != nil || !(f >= 0 && f <= 1) {
				a.fail(g, "no number from 0 to 1")
				return true
			}
			m.Probability, m.Not = uint32(math.Round(f*(1<<31))), g.not
		case "every":
			if m.Every, m.Not = a.u32(g)-1, g.not; m.Every == math.MaxUint32 {
				a.fail(g, "it begins at 1")
			}
		case "packet":
			m.Packet = a.u32(g)
			return !g.not
		default:
			return false
		}
		return true
	})
	return m
}

// when mirrors net/netfilter/xt_statistic.c: statistic_mt. What always happens,
// or never, is neither chance nor count.
func (m MatchStatistic) when(asked) []ruleset.Condition {
	switch {
	case m.Mode == 0 && m.Probability > 0 && m.Probability < 1<<31:
		return untold("depends on a random number")
	case m.Mode == 1 && m.Every > 0:
		return untold("takes one packet of so many")
	case m.Mode > 1:
		return untold("is of a mode that is not known to this version")
	case (m.Mode == 0 && m.Probability == 0) != m.Not:
		return []ruleset.Condition{never(ruleset.L4Proto)}
	}
	return nil
}
