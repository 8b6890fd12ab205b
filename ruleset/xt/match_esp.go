package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchESP looks at the SPI of ESP (include/uapi/linux/netfilter/xt_esp.h).
type MatchESP struct {
	SPI Span
	Not bool
}

func decodeESP(b info, _ Env) Match { return MatchESP{b.span(0), b.u8(8)&1 != 0} }

// Name is "esp".
func (MatchESP) Name() string { return "esp" }

// AppendSave implements [Match].
func (m MatchESP) AppendSave(dst []byte) []byte { return spis(dst, "espspi", m.SPI, m.Not) }

func spis(dst []byte, name string, s Span, not bool) []byte {
	if s.all() {
		return dst
	}
	return reach(option(dst, not, name), s.Low, s.High)
}

// when mirrors net/netfilter/xt_esp.c: esp_mt.
func (m MatchESP) when(asked) []ruleset.Condition {
	return []ruleset.Condition{number32(espSPI, m.SPI, m.Not)}
}
