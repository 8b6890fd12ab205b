package xt

// TargetSynproxy answers a TCP SYN in the server's place
// (include/uapi/linux/netfilter/nf_synproxy.h: NF_SYNPROXY_OPT_*).
type TargetSynproxy struct {
	Options, WScale uint8
	MSS             uint16
}

func decodeSynproxy(b info, _ Env) Target { return TargetSynproxy{b.u8(0), b.u8(1), b.u16(2)} }

// Name is "SYNPROXY".
func (TargetSynproxy) Name() string { return "SYNPROXY" }

// AppendSave implements [Target].
func (t TargetSynproxy) AppendSave(dst []byte) []byte {
	if t.Options&4 != 0 {
		dst = option(dst, false, "sack-perm")
	}
	if t.Options&8 != 0 {
		dst = option(dst, false, "timestamp")
	}
	if t.Options&2 != 0 {
		dst = number(option(dst, false, "wscale"), t.WScale)
	}
	if t.Options&1 != 0 {
		dst = number(option(dst, false, "mss"), t.MSS)
	}
	if t.Options&16 != 0 {
		dst = option(dst, false, "ecn")
	}
	return dst
}
