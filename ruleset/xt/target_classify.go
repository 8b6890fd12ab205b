package xt

// TargetClassify sets the packet's priority, which names a class of a queueing
// discipline (include/uapi/linux/netfilter/xt_CLASSIFY.h).
type TargetClassify struct{ Priority uint32 }

func decodeClassify(b info, _ Env) Target { return TargetClassify{b.u32(0)} }

// Name is "CLASSIFY".
func (TargetClassify) Name() string { return "CLASSIFY" }

// AppendSave implements [Target].
func (t TargetClassify) AppendSave(dst []byte) []byte {
	dst = padded(append(option(dst, false, "set-class"), ' '), t.Priority>>16, 4)
	return padded(append(dst, ':'), t.Priority&0xffff, 4)
}
