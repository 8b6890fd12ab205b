package match

import (
	"slices"

	"github.com/pktrail/pktrail/packet"
)

// Reverse is the Match of the answers where no address is translated: ends and
// interfaces are swapped, a request's ICMP type becomes its reply's. What an
// answer need not share with its question is left out: the mark and TCP's flags.
func (m *Match) Reverse() Match {
	r := *m
	r.Src, r.Dst = m.Dst, m.Src
	r.SrcPort, r.DstPort = m.DstPort, m.SrcPort
	r.In, r.Out = m.Out, m.In
	r.Mark, r.TCPFlags = nil, nil
	r.ICMP.Values = slices.Clone(m.ICMP.Values)
	for i, t := range r.ICMP.Values {
		r.ICMP.Values[i].Type = answering(t.Type, m.Family == packet.IPv6)
	}
	return r
}

// answering is the ICMP type that answers a query, and the other way round
// (net/netfilter/nf_conntrack_proto_icmp.c: invmap). A type that nobody
// answers stays.
func answering(t uint8, v6 bool) uint8 {
	pairs := [][2]uint8{{8, 0}, {13, 14}, {15, 16}, {17, 18}}
	if v6 {
		pairs = [][2]uint8{{128, 129}}
	}
	for _, p := range pairs {
		switch t {
		case p[0]:
			return p[1]
		case p[1]:
			return p[0]
		}
	}
	return t
}
