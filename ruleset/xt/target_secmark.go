package xt

import "fmt"

// TargetSecmark sets the packet's security context
// (include/uapi/linux/netfilter/xt_SECMARK.h).
type TargetSecmark struct {
	Mode    uint8 // 1: a context of SELinux
	Context string
}

func decodeSecmark0(b info, _ Env) Target { return TargetSecmark{b.u8(0), b.text(8, 256)} }
func decodeSecmark1(b info, _ Env) Target { return TargetSecmark{b.u8(0), b.text(1, 256)} }

// Name is "SECMARK".
func (TargetSecmark) Name() string { return "SECMARK" }

// AppendSave implements [Target].
func (t TargetSecmark) AppendSave(dst []byte) []byte {
	if t.Mode != 1 {
		return fmt.Appendf(dst, " [mode %d]", t.Mode)
	}
	return bare(option(dst, false, "selctx"), t.Context)
}

// TargetConnSecmark copies the security context between packet and flow
// (include/uapi/linux/netfilter/xt_CONNSECMARK.h).
type TargetConnSecmark uint8 // 1 save, 2 restore

func decodeConnSecmark(b info, _ Env) Target { return TargetConnSecmark(b.u8(0)) }

// Name is "CONNSECMARK".
func (TargetConnSecmark) Name() string { return "CONNSECMARK" }

// AppendSave implements [Target].
func (t TargetConnSecmark) AppendSave(dst []byte) []byte {
	switch t {
	case 1:
		return option(dst, false, "save")
	case 2:
		return option(dst, false, "restore")
	}
	return fmt.Appendf(dst, " [mode %d]", uint8(t))
}
