package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchUDP looks at ports of UDP (include/uapi/linux/netfilter/xt_tcpudp.h:
// struct xt_udp).
type MatchUDP struct {
	Source, Destination       Ports
	NotSource, NotDestination bool
}

func decodeUDP(b info, _ Env) Match {
	inv := b.u8(8)
	return MatchUDP{b.ports(0), b.ports(4), inv&1 != 0, inv&2 != 0}
}

// Name is "udp".
func (MatchUDP) Name() string { return "udp" }

// AppendSave implements [Match].
func (m MatchUDP) AppendSave(dst []byte) []byte {
	dst = sourcePorts(dst, m.Source, m.NotSource)
	return destinationPorts(dst, m.Destination, m.NotDestination)
}

func parseUDP(a *arguments, _ Env) Match {
	m := MatchUDP{Source: Ports{0, 0xffff}, Destination: Ports{0, 0xffff}}
	a.each(func(g given) bool {
		switch g.name {
		case "sport", "source-port":
			m.Source, m.NotSource = a.ports(g), g.not
		case "dport", "destination-port":
			m.Destination, m.NotDestination = a.ports(g), g.not
		default:
			return false
		}
		return true
	})
	return m
}

// when mirrors net/netfilter/xt_tcpudp.c: udp_mt.
func (m MatchUDP) when(asked) []ruleset.Condition {
	return portConditions(m.Source, m.Destination, !m.Source.all() || m.NotSource, !m.Destination.all() || m.NotDestination,
		m.NotSource, m.NotDestination)
}

func (m MatchUDP) parts() []Match {
	if m.Source.all() && !m.NotSource || m.Destination.all() && !m.NotDestination {
		return nil
	}
	source, dest := m, m
	source.Destination, source.NotDestination = Ports{0, 0xffff}, false
	dest.Source, dest.NotSource = Ports{0, 0xffff}, false
	return []Match{source, dest}
}
