package xt

import "net/netip"

// MatchIPRange looks for addresses between two others
// (include/uapi/linux/netfilter/xt_iprange.h: IPRANGE_*).
type MatchIPRange struct {
	Flags                                                  uint8
	SourceLow, SourceHigh, DestinationLow, DestinationHigh netip.Addr
}

func decodeIPRange(b info, e Env) Match {
	return MatchIPRange{b.u8(64), b.addr(0, e.Family), b.addr(16, e.Family), b.addr(32, e.Family), b.addr(48, e.Family)}
}

// Name is "iprange".
func (MatchIPRange) Name() string { return "iprange" }

// AppendSave implements [Match].
func (m MatchIPRange) AppendSave(dst []byte) []byte {
	if m.Flags&1 != 0 {
		dst = append(option(dst, m.Flags&0x10 != 0, "src-range"), ' ')
		dst = address(append(address(dst, m.SourceLow), '-'), m.SourceHigh)
	}
	if m.Flags&2 != 0 {
		dst = append(option(dst, m.Flags&0x20 != 0, "dst-range"), ' ')
		dst = address(append(address(dst, m.DestinationLow), '-'), m.DestinationHigh)
	}
	return dst
}
