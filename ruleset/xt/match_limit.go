package xt

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchLimit matches up to a rate (include/uapi/linux/netfilter/xt_limit.h:
// struct xt_rateinfo).
type MatchLimit struct {
	Period uint32 // between two packets, in 1/10,000 s
	Burst  uint32
}

func decodeLimit(b info, _ Env) Match { return MatchLimit{b.u32(0), b.u32(4)} }

// Name is "limit".
func (MatchLimit) Name() string { return "limit" }

// AppendSave implements [Match].
func (m MatchLimit) AppendSave(dst []byte) []byte {
	dst, _ = appendRate(option(dst, false, "limit"), uint64(m.Period), 10_000)
	if m.Burst != 5 {
		dst = number(option(dst, false, "limit-burst"), m.Burst)
	}
	return dst
}

// appendRate writes a period in parts of a second as a rate, in the largest
// unit that shows it well enough (extensions/libxt_limit.c: print_rate), and
// returns that unit in seconds, or 0 for no period.
func appendRate(dst []byte, period uint64, scale uint64) (_ []byte, unit uint64) {
	if period == 0 {
		return bare(dst, "inf"), 0
	}
	unit = 24 * 60 * 60
	name := "/day"
	for _, next := range [...]struct {
		seconds uint64
		name    string
	}{{60 * 60, "/hour"}, {60, "/min"}, {1, "/sec"}} {
		mult := next.seconds * scale
		if period > mult || mult/period < mult%period {
			break
		}
		unit, name = next.seconds, next.name
	}
	return append(number(dst, unit*scale/period), name...), unit
}

func parseLimit(a *arguments, _ Env) Match {
	m := MatchLimit{Period: 12_000_000, Burst: 5}
	a.plain(func(g given) bool {
		switch g.name {
		case "limit":
			m.Period = a.period(g)
		case "limit-burst":
			m.Burst = a.u32(g)
		default:
			return false
		}
		return true
	})
	return m
}

// period reads a rate such as "3/min" as 1/10,000 s between two packets
// (extensions/libxt_limit.c: parse_rate).
func (a *arguments) period(g given) uint32 {
	count, unit, _ := strings.Cut(a.text(g), "/")
	n, seconds := a.number(g, count, 32), uint64(0)
	for _, u := range [...]struct {
		word    string
		seconds uint64
	}{{"second", 1}, {"minute", 60}, {"hour", 60 * 60}, {"day", 24 * 60 * 60}} {
		if strings.HasPrefix(u.word, unit) {
			seconds = u.seconds
			break
		}
	}
	if n == 0 || seconds == 0 || n > seconds*10_000 {
		a.fail(g, "no rate")
		return 0
	}
	return uint32(seconds * 10_000 / n)
}

// when: net/netfilter/xt_limit.c counts credit.
func (MatchLimit) when(asked) []ruleset.Condition {
	return untold("takes so many packets in a time")
}
