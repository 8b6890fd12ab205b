package xt

// MatchPktType looks at whom the link says the packet is for
// (include/uapi/linux/netfilter/xt_pkttype.h, PACKET_* of linux/if_packet.h).
type MatchPktType struct {
	Type uint32
	Not  bool
}

func decodePktType(b info, _ Env) Match { return MatchPktType{b.u32(0), b.u32(4) != 0} }

// Name is "pkttype".
func (MatchPktType) Name() string { return "pkttype" }

// AppendSave implements [Match].
func (m MatchPktType) AppendSave(dst []byte) []byte {
	dst = option(dst, m.Not, "pkt-type")
	words := [...]string{"unicast", "broadcast", "multicast", "otherhost"}
	if int(m.Type) < len(words) {
		return bare(dst, words[m.Type])
	}
	return number(dst, m.Type)
}

func parsePktType(a *arguments, _ Env) Match {
	var m MatchPktType
	a.each(func(g given) bool {
		m = MatchPktType{uint32(a.word(g, a.text(g), "unicast,broadcast,multicast,otherhost")), g.not}
		return g.name == "pkt-type"
	})
	return m
}
