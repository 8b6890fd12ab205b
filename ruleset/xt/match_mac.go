package xt

import (
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchMAC looks at the sender's hardware address (include/uapi/linux/netfilter/xt_mac.h).
type MatchMAC struct {
	Source [6]byte
	Not    bool
}

func decodeMAC(b info, _ Env) Match { return MatchMAC{[6]byte(b[:6]), b.u32(8) != 0} }

// Name is "mac".
func (MatchMAC) Name() string { return "mac" }

// AppendSave implements [Match].
func (m MatchMAC) AppendSave(dst []byte) []byte {
	a := m.Source
	dst = option(dst, m.Not, "mac-source")
	return fmt.Appendf(dst, " %02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}

func parseMAC(a *arguments, _ Env) Match {
	var m MatchMAC
	a.each(func(g given) bool {
		n, err := fmt.Sscanf(a.text(g), "%02x:%02x:%02x:%02x:%02x:%02x",
			&m.Source[0], &m.Source[1], &m.Source[2], &m.Source[3], &m.Source[4], &m.Source[5])
		if err != nil || n != 6 || len(a.text(g)) != 17 {
			a.fail(g, "no hardware address")
		}
		m.Not = g.not
		return g.name == "mac-source"
	})
	return m
}

// when mirrors net/netfilter/xt_mac.c: mac_mt. Packets without an Ethernet header
// do not match, negated or not.
func (m MatchMAC) when(asked) []ruleset.Condition {
	var n uint64
	for _, b := range m.Source {
		n = n<<8 | uint64(b)
	}
	return []ruleset.Condition{within(ruleset.EtherSource, m.Not, ruleset.Span(n, n))}
}
