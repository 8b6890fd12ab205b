package xt

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
