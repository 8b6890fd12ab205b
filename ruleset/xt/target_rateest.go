package xt

import "strconv"

// TargetRateest measures a rate under a name (include/uapi/linux/netfilter/xt_RATEEST.h).
type TargetRateest struct {
	Estimator string
	Interval  int8  // of 1/4 s, as a power of two, less two
	EWMALog   uint8 // weight of the average, as a power of two
}

func decodeRateestTarget(b info, _ Env) Target {
	return TargetRateest{b.text(0, 16), int8(b.u8(16)), b.u8(17)}
}

// Name is "RATEEST".
func (TargetRateest) Name() string { return "RATEEST" }

// AppendSave implements [Target].
func (t TargetRateest) AppendSave(dst []byte) []byte {
	interval := uint32(1_000_000) << ((int(t.Interval) + 2) & 31) / 4
	dst = bare(option(dst, false, "rateest-name"), t.Estimator)
	dst = microseconds(option(dst, false, "rateest-interval"), interval)
	return microseconds(option(dst, false, "rateest-ewmalog"), interval<<(t.EWMALog&31))
}

func microseconds(dst []byte, us uint32) []byte {
	switch {
	case us >= 1_000_000:
		return append(strconv.AppendFloat(append(dst, ' '), float64(us)/1e6, 'f', 1, 64), 's')
	case us >= 1000:
		return append(strconv.AppendFloat(append(dst, ' '), float64(us)/1e3, 'f', 1, 64), "ms"...)
	}
	return append(number(dst, us), "us"...)
}
