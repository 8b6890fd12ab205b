package xt

// TargetAudit writes a record to the audit log (include/uapi/linux/netfilter/xt_AUDIT.h).
type TargetAudit uint8 // XT_AUDIT_TYPE_*: 0 accept, 1 drop, 2 reject

func decodeAudit(b info, _ Env) Target { return TargetAudit(b.u8(0)) }

// Name is "AUDIT".
func (TargetAudit) Name() string { return "AUDIT" }

// AppendSave implements [Target].
func (t TargetAudit) AppendSave(dst []byte) []byte {
	if words := [...]string{"accept", "drop", "reject"}; int(t) < len(words) {
		return bare(option(dst, false, "type"), words[t])
	}
	return dst
}
