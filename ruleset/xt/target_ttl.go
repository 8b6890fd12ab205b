package xt

// TargetTTL changes the time to live, for IPv6 the hop limit
// (include/uapi/linux/netfilter_ipv4/ipt_TTL.h, netfilter_ipv6/ip6t_HL.h).
type TargetTTL struct {
	IPv6 bool
	Mode uint8 // 0 set, 1 increase, 2 decrease
	TTL  uint8
}

func decodeTTL(b info, _ Env) Target { return TargetTTL{false, b.u8(0), b.u8(1)} }
func decodeHL(b info, _ Env) Target  { return TargetTTL{true, b.u8(0), b.u8(1)} }

// Name is "TTL" or "HL".
func (t TargetTTL) Name() string {
	if t.IPv6 {
		return "HL"
	}
	return "TTL"
}

// AppendSave implements [Target].
func (t TargetTTL) AppendSave(dst []byte) []byte {
	name := "ttl"
	if t.IPv6 {
		name = "hl"
	}
	if suffix := [...]string{"-set", "-inc", "-dec"}; int(t.Mode) < len(suffix) {
		dst = append(option(dst, false, name), suffix[t.Mode]...)
	}
	return number(dst, t.TTL)
}

func parseTTL(a *arguments, _ Env) Target { return TargetTTL{}.parse(a, "ttl-set,ttl-inc,ttl-dec") }
func parseHL(a *arguments, _ Env) Target {
	return TargetTTL{IPv6: true}.parse(a, "hl-set,hl-inc,hl-dec")
}

func (t TargetTTL) parse(a *arguments, words string) Target {
	a.plain(func(g given) bool {
		t.Mode, t.TTL = uint8(a.word(g, g.name, words)), a.u8(g)
		return true
	})
	return t
}
