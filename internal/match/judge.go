package match

import (
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/packet"
)

// Answer is whether a packet is meant.
type Answer uint8

// The three answers.
const (
	No Answer = iota
	Yes
	Unknown
)

// Verdict is an answer; Why says what is missing for an Unknown one.
type Verdict struct {
	Answer Answer
	Why    string
}

func yesOrNo(holds bool) Verdict {
	if holds {
		return Verdict{Answer: Yes}
	}
	return Verdict{Answer: No}
}

func unknown(why string) Verdict { return Verdict{Unknown, why} }

// Judge tells whether the packet is meant. The interfaces are empty and the
// mark nil where they are not known. One part that says no decides, whatever
// else is unknown.
func (m *Match) Judge(p *packet.Packet, in, out string, mark *uint32) Verdict {
	answer := Verdict{Answer: Yes}
	for _, part := range []func() Verdict{
		func() Verdict { return m.judgeFamily(p) },
		func() Verdict { return m.judgeProto(p) },
		func() Verdict { return judgeAddr(m.Src, p, p.Src) },
		func() Verdict { return judgeAddr(m.Dst, p, p.Dst) },
		func() Verdict { return m.judgePorts(p) },
		func() Verdict { return m.judgeICMP(p) },
		func() Verdict { return m.judgeFlags(p) },
		func() Verdict { return judgeIface(m.In, in, "the interface it came in by") },
		func() Verdict { return judgeIface(m.Out, out, "the interface it leaves by") },
		func() Verdict { return judgeMark(m.Mark, mark) },
	} {
		v := part()
		if v.Answer == No {
			return v
		}
		if v.Answer == Unknown && answer.Answer == Yes {
			answer = v
		}
	}
	return answer
}

// judge asks a set; an empty one takes everything.
func judge[T any](set Set[T], holds func(T) bool) Verdict {
	if !set.Given() {
		return Verdict{Answer: Yes}
	}
	for _, v := range set.Values {
		if holds(v) {
			return yesOrNo(!set.Not)
		}
	}
	return yesOrNo(set.Not)
}

func (m *Match) judgeFamily(p *packet.Packet) Verdict {
	switch {
	case m.Family == packet.Unspec:
		return Verdict{Answer: Yes}
	case p.Family == packet.Unspec:
		return unknown("the packet's family is not known")
	}
	return yesOrNo(p.Family == m.Family)
}

func (m *Match) judgeProto(p *packet.Packet) Verdict {
	if !m.Proto.Given() {
		return Verdict{Answer: Yes}
	}
	if v, ok := hasIP(p); !ok {
		return v
	}
	if p.Family == packet.IPv6 && isExtension(p.Proto) {
		return unknown("the transport protocol lies behind headers that are out of reach")
	}
	return judge(m.Proto, func(proto uint8) bool { return proto == p.Proto })
}

// hasIP answers for a packet without an IP header.
func hasIP(p *packet.Packet) (Verdict, bool) {
	switch {
	case p.Has&packet.HasIP != 0:
		return Verdict{}, true
	case p.Family == packet.ARP:
		return Verdict{Answer: No}, false
	}
	return unknown("the IP header is not known"), false
}

func judgeAddr(set Set[netip.Prefix], p *packet.Packet, addr netip.Addr) Verdict {
	if !set.Given() {
		return Verdict{Answer: Yes}
	}
	if v, ok := hasIP(p); !ok {
		return v
	}
	return judge(set, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

func (m *Match) judgePorts(p *packet.Packet) Verdict {
	if !m.SrcPort.Given() && !m.DstPort.Given() && !m.AnyPort.Given() {
		return Verdict{Answer: Yes}
	}
	if p.Has&packet.HasPorts == 0 {
		return noTransport(p, "ports")
	}
	src := judge(m.SrcPort, func(r Range) bool { return r.has(p.SrcPort) })
	dst := judge(m.DstPort, func(r Range) bool { return r.has(p.DstPort) })
	either := judge(m.AnyPort, func(r Range) bool { return r.has(p.SrcPort) || r.has(p.DstPort) })
	return yesOrNo(src.Answer == Yes && dst.Answer == Yes && either.Answer == Yes)
}

func (r Range) has(port uint16) bool { return r.Lo <= port && port <= r.Hi }

func noTransport(p *packet.Packet, what string) Verdict {
	if p.FragOffset != 0 {
		return unknown("a later fragment does not carry the " + what)
	}
	return unknown("the " + what + " are not known")
}

func (m *Match) judgeICMP(p *packet.Packet) Verdict {
	if !m.ICMP.Given() {
		return Verdict{Answer: Yes}
	}
	if p.Has&packet.HasICMP == 0 {
		return noTransport(p, "ICMP type and code")
	}
	return judge(m.ICMP, func(t packet.ICMPType) bool {
		return t.Type == p.ICMP.Type && (t.AnyCode || t.Code == p.ICMP.Code)
	})
}

func (m *Match) judgeFlags(p *packet.Packet) Verdict {
	f := m.TCPFlags
	if f == nil {
		return Verdict{Answer: Yes}
	}
	if p.Has&packet.HasTCP == 0 {
		return noTransport(p, "TCP flags")
	}
	return yesOrNo((p.TCP.Flags&f.Mask == f.Comp) != f.Not)
}

func judgeIface(set Set[Iface], name, what string) Verdict {
	if set.Given() && name == "" {
		return unknown(what + " is not known")
	}
	return judge(set, func(i Iface) bool {
		return i.Name == name || i.Wild && strings.HasPrefix(name, i.Name)
	})
}

func judgeMark(want *Mark, mark *uint32) Verdict {
	switch {
	case want == nil:
		return Verdict{Answer: Yes}
	case mark == nil:
		return unknown("the mark is not known")
	}
	return yesOrNo((*mark&want.Mask == want.Value) != want.Not)
}
