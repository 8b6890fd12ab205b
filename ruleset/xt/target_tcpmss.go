package xt

// TargetTCPMSS lowers the maximum segment size of a TCP SYN
// (include/uapi/linux/netfilter/xt_TCPMSS.h).
type TargetTCPMSS struct{ MSS uint16 } // 65535: what the route's MTU leaves

func decodeTCPMSS(b info, _ Env) Target { return TargetTCPMSS{b.u16(0)} }

// Name is "TCPMSS".
func (TargetTCPMSS) Name() string { return "TCPMSS" }

// AppendSave implements [Target].
func (t TargetTCPMSS) AppendSave(dst []byte) []byte {
	if t.MSS == 0xffff {
		return option(dst, false, "clamp-mss-to-pmtu")
	}
	return number(option(dst, false, "set-mss"), t.MSS)
}

func parseTCPMSS(a *arguments, _ Env) Target {
	var t TargetTCPMSS
	a.plain(func(g given) bool {
		switch g.name {
		case "clamp-mss-to-pmtu":
			t.MSS = 0xffff
			return a.flag(g)
		case "set-mss":
			t.MSS = a.u16(g)
			return true
		}
		return false
	})
	return t
}
