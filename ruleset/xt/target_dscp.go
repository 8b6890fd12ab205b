package xt

// TargetDSCP sets the differentiated services code point
// (include/uapi/linux/netfilter/xt_DSCP.h).
type TargetDSCP uint8

func decodeDSCP(b info, _ Env) Target { return TargetDSCP(b.u8(0)) }

// Name is "DSCP".
func (TargetDSCP) Name() string { return "DSCP" }

// AppendSave implements [Target].
func (t TargetDSCP) AppendSave(dst []byte) []byte {
	return padded(append(option(dst, false, "set-dscp"), " 0x"...), uint32(t), 2)
}
