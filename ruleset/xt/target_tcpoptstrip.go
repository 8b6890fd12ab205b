package xt

// TargetTCPOptStrip blanks options of TCP (include/uapi/linux/netfilter/xt_TCPOPTSTRIP.h).
type TargetTCPOptStrip struct{ Options [8]uint32 } // bit n of the whole: option n

func decodeTCPOptStrip(b info, _ Env) Target {
	var t TargetTCPOptStrip
	for i := range t.Options {
		t.Options[i] = b.u32(4 * i)
	}
	return t
}

// Name is "TCPOPTSTRIP".
func (TargetTCPOptStrip) Name() string { return "TCPOPTSTRIP" }

// AppendSave implements [Target].
func (t TargetTCPOptStrip) AppendSave(dst []byte) []byte {
	if t.Options == [8]uint32{} {
		return dst
	}
	dst = append(option(dst, false, "strip-options"), ' ')
	var l list
	for n := range uint64(256) {
		if t.Options[n/32]>>(n%32)&1 != 0 {
			dst = appendDecimal(l.next(dst), n)
		}
	}
	return dst
}
