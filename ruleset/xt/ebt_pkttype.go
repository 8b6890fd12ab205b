package xt

import "github.com/pktrail/pktrail/ruleset"

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
	words := [...]string{"host", "broadcast", "multicast", "otherhost", "outgoing", "loopback", "fastroute"}
	if int(m.Type) < len(words) {
		return bare(dst, words[m.Type])
	}
	return number(dst, m.Type)
}

func (m EbtPktType) when(asked) []ruleset.Condition {
	return []ruleset.Condition{single(ruleset.PktType, m.Not, ruleset.Only(ruleset.Number(uint64(m.Type))))}
}
