package xt

// TargetIdletimer restarts a timer that tells when an interface is idle
// (include/uapi/linux/netfilter/xt_IDLETIMER.h).
type TargetIdletimer struct {
	Seconds uint32
	Label   string
	Alarm   bool // runs on while the machine sleeps
}

func decodeIdletimer0(b info, _ Env) Target { return TargetIdletimer{b.u32(0), b.text(4, 28), false} }
func decodeIdletimer1(b info, _ Env) Target {
	return TargetIdletimer{b.u32(0), b.text(4, 28), b.u8(33) == 1}
}

// Name is "IDLETIMER".
func (TargetIdletimer) Name() string { return "IDLETIMER" }

// AppendSave implements [Target].
func (t TargetIdletimer) AppendSave(dst []byte) []byte {
	dst = number(option(dst, false, "timeout"), t.Seconds)
	dst = bare(option(dst, false, "label"), t.Label)
	if t.Alarm {
		dst = option(dst, false, "alarm")
	}
	return dst
}
