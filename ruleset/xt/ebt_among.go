package xt

import (
	"fmt"
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// EbtAmong looks for addresses in a list. In nf_tables it is the lookup in a set
// that has no name (iptables/nft.c: add_nft_among).
type EbtAmong struct {
	Source, Dest       []Pair // sorted; nil where that side is not looked at
	NotSource, NotDest bool
}

// Pair is a hardware address and, unless that is 0.0.0.0, the IPv4 address with it.
type Pair struct {
	MAC [6]byte
	IP  netip.Addr
}

// Name is "among".
func (EbtAmong) Name() string { return "among" }

// AppendSave implements [Match].
func (m EbtAmong) AppendSave(dst []byte) []byte {
	dst = pairs(dst, "among-src", m.Source, m.NotSource)
	return pairs(dst, "among-dst", m.Dest, m.NotDest)
}

func pairs(dst []byte, name string, all []Pair, not bool) []byte {
	if all == nil {
		return dst
	}
	dst = append(ebtOption(dst, name, not), ' ')
	var l list
	for _, p := range all {
		a := p.MAC
		dst = fmt.Appendf(l.next(dst), "%x:%x:%x:%x:%x:%x", a[0], a[1], a[2], a[3], a[4], a[5])
		if p.IP.IsValid() && !p.IP.IsUnspecified() {
			dst = p.IP.AppendTo(append(dst, '='))
		}
	}
	return dst
}

func (EbtAmong) when(asked) []ruleset.Condition { return untold("looks for addresses in a list") }
