package xt

// TargetTOS clears the bits of Mask in the type of service and toggles those of
// Value (include/uapi/linux/netfilter/xt_DSCP.h: struct xt_tos_target_info).
type TargetTOS struct{ Value, Mask uint8 }

func decodeTOS(b info, _ Env) Target { return TargetTOS{b.u8(0), b.u8(1)} }

// Name is "TOS".
func (TargetTOS) Name() string { return "TOS" }

// AppendSave implements [Target].
func (t TargetTOS) AppendSave(dst []byte) []byte {
	return tosBytes(option(dst, false, "set-tos"), t.Value, t.Mask)
}
