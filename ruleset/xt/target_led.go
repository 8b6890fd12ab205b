package xt

import (
	"math"
	"strings"
)

// TargetLED lights a lamp (include/uapi/linux/netfilter/xt_LED.h).
type TargetLED struct {
	Trigger string // without its prefix "netfilter-"
	Delay   uint32 // in ms before it goes out; the largest number for never
	Blink   bool   // on a packet while it is on, too
}

func decodeLED(b info, _ Env) Target {
	return TargetLED{strings.TrimPrefix(b.text(0, 27), "netfilter-"), b.u32(28), b.is(27)}
}

// Name is "LED".
func (TargetLED) Name() string { return "LED" }

// AppendSave implements [Target].
func (t TargetLED) AppendSave(dst []byte) []byte {
	dst = append(option(dst, false, "led-trigger-id"), ` "`...)
	dst = append(dst, escaped(t.Trigger)...)
	dst = append(dst, '"')
	switch {
	case t.Delay == math.MaxUint32:
		dst = bare(option(dst, false, "led-delay"), "inf")
	case t.Delay > 0:
		dst = number(option(dst, false, "led-delay"), t.Delay)
	}
	if t.Blink {
		dst = option(dst, false, "led-always-blink")
	}
	return dst
}
