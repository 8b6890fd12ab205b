package xt

import (
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

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

func parseIPRange(a *arguments, e Env) Match {
	none := e.zeroAddr()
	m := MatchIPRange{0, none, none, none, none}
	a.each(func(g given) bool {
		low, high, ranged := strings.Cut(a.text(g), "-")
		if !ranged {
			high = low
		}
		flag := uint8(1)
		switch g.name {
		case "src-range":
			m.SourceLow, m.SourceHigh = a.addr(g, low, e), a.addr(g, high, e)
		case "dst-range":
			flag = 2
			m.DestinationLow, m.DestinationHigh = a.addr(g, low, e), a.addr(g, high, e)
		default:
			return false
		}
		if m.Flags |= flag; g.not {
			m.Flags |= flag << 4
		}
		return true
	})
	return m
}

// when mirrors net/netfilter/xt_iprange.c: iprange_mt4, iprange_mt6.
func (m MatchIPRange) when(a asked) []ruleset.Condition {
	var all []ruleset.Condition
	add := func(f ruleset.Field, low, high netip.Addr, not bool) {
		all = append(all, within(f, not, ruleset.Range{From: ruleset.Addr(low), To: ruleset.Addr(high)}))
	}
	if m.Flags&1 != 0 {
		add(sourceOf(a.fam), m.SourceLow, m.SourceHigh, m.Flags&0x10 != 0)
	}
	if m.Flags&2 != 0 {
		add(destOf(a.fam), m.DestinationLow, m.DestinationHigh, m.Flags&0x20 != 0)
	}
	return all
}

func (m MatchIPRange) parts() []Match {
	if m.Flags&3 != 3 {
		return nil
	}
	source, dest := m, m
	source.Flags &= 0x11
	dest.Flags &= 0x22
	return []Match{source, dest}
}
