package xt

import (
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchMultiport looks for a port among up to fifteen
// (include/uapi/linux/netfilter/xt_multiport.h).
type MatchMultiport struct {
	Side  uint8 // XT_MULTIPORT_*: 0 source, 1 destination, 2 either
	Ports []Ports
	Not   bool
}

func decodeMultiport0(b info, _ Env) Match {
	m := MatchMultiport{Side: b.u8(0)}
	for i := range min(int(b.u8(1)), 15) {
		p := b.u16(2 + 2*i)
		m.Ports = append(m.Ports, Ports{p, p})
	}
	return m
}

// decodeMultiport1 reads a list in which a flag says that a port and the next are a range.
func decodeMultiport1(b info, _ Env) Match {
	m := MatchMultiport{Side: b.u8(0), Not: b.is(47)}
	count := min(int(b.u8(1)), 15)
	for i := 0; i < count; i++ {
		p := Ports{b.u16(2 + 2*i), b.u16(2 + 2*i)}
		if b.is(32+i) && i+1 < 15 {
			i++
			p.High = b.u16(2 + 2*i)
		}
		m.Ports = append(m.Ports, p)
	}
	return m
}

// Name is "multiport".
func (MatchMultiport) Name() string { return "multiport" }

// AppendSave implements [Match].
func (m MatchMultiport) AppendSave(dst []byte) []byte {
	name := "ports"
	switch m.Side {
	case 0:
		name = "sports"
	case 1:
		name = "dports"
	}
	dst = append(option(dst, m.Not, name), ' ')
	var l list
	for _, p := range m.Ports {
		dst = appendDecimal(l.next(dst), uint64(p.Low))
		if p.High != p.Low {
			dst = strconv.AppendUint(append(dst, ':'), uint64(p.High), 10)
		}
	}
	return dst
}

func parseMultiport(a *arguments, _ Env) Match {
	m := MatchMultiport{Side: 3}
	a.each(func(g given) bool {
		switch g.name {
		case "sports", "source-ports":
			m.Side = 0
		case "dports", "destination-ports":
			m.Side = 1
		case "ports":
			m.Side = 2
		default:
			return false
		}
		m.Not = g.not
		for s := range strings.SplitSeq(a.text(g), ",") {
			m.Ports = append(m.Ports, a.portsOf(g, s, ":"))
		}
		return true
	})
	if m.Side == 3 {
		a.fail(given{name: "ports"}, "it needs ports")
	}
	return m
}

// when mirrors net/netfilter/xt_multiport.c: ports_match_v1.
func (m MatchMultiport) when(asked) []ruleset.Condition {
	ranges := make([]ruleset.Range, len(m.Ports))
	for i, p := range m.Ports {
		ranges[i] = ruleset.Span(uint64(p.Low), uint64(p.High))
	}
	switch m.Side {
	case 0:
		return []ruleset.Condition{within(ruleset.SourcePort, m.Not, ranges...)}
	case 1:
		return []ruleset.Condition{within(ruleset.DestPort, m.Not, ranges...)}
	}
	return []ruleset.Condition{
		either(m.Not, within(ruleset.SourcePort, false, ranges...), within(ruleset.DestPort, false, ranges...)),
	}
}
