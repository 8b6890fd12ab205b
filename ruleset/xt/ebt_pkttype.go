package xt

import (
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// EbtPktType looks at whom the frame is for
// (include/uapi/linux/netfilter_bridge/ebt_pkttype.h).
type EbtPktType struct {
	Type uint8 // PACKET_* of linux/if_packet.h
	Not  bool
}

func decodeEbtPktType(b info, _ Env) Match { return EbtPktType{b.u8(0), b.is(1)} }

// Name is "pkttype".
func (EbtPktType) Name() string { return "pkttype" }

// AppendSave implements [Match].
func (m EbtPktType) AppendSave(dst []byte) []byte {
	dst = ebtOption(dst, "pkttype-type", m.Not)
	if words := packetTypes(); int(m.Type) < len(words) {
		return bare(dst, words[m.Type])
	}
	return number(dst, m.Type)
}

// packetTypes are the words for PACKET_*.
func packetTypes() []string {
	return []string{"host", "broadcast", "multicast", "otherhost", "outgoing", "loopback", "fastroute"}
}

func (m EbtPktType) when(asked) []ruleset.Condition {
	return []ruleset.Condition{single(ruleset.PktType, m.Not, ruleset.Only(ruleset.Number(uint64(m.Type))))}
}

func parseEbtPktType(a *arguments, _ Env) Match {
	var m EbtPktType
	a.each(func(g given) bool {
		s := a.text(g)
		if i := slices.Index(packetTypes(), strings.ToLower(s)); i >= 0 {
			m.Type = uint8(i)
		} else {
			m.Type = uint8(a.number(g, s, 8))
		}
		m.Not = g.not
		return g.name == "pkttype-type"
	})
	return m
}
