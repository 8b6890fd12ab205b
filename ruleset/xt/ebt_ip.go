package xt

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// EbtIP looks at the IP header in a frame, and behind it
// (include/uapi/linux/netfilter_bridge/ebt_ip.h, ebt_ip6.h).
type EbtIP struct {
	IPv6                               bool
	Asked, Not                         uint8 // EBT_IP_*, EBT_IP6_*
	Source, SourceMask, Dest, DestMask netip.Addr
	Class                              uint8 // type of service or traffic class
	Protocol                           Protocol
	SourcePort, DestPort               Ports
	Type, Code                         [2]uint8 // of ICMP, from and to; types of IGMP
}

func decodeEbtIP(b info, e Env) Match {
	return EbtIP{
		Asked: b.u8(18), Not: b.u8(19), Source: b.addr(0, ip4), Dest: b.addr(4, ip4), SourceMask: b.addr(8, ip4),
		DestMask: b.addr(12, ip4), Class: b.u8(16), Protocol: e.ebtProtocol(b.u8(17)), SourcePort: b.ports(20),
		DestPort: b.ports(24), Type: [2]uint8(b[20:]), Code: [2]uint8(b[24:]),
	}
}

func decodeEbtIP6(b info, e Env) Match {
	return EbtIP{
		IPv6: true, Asked: b.u8(66), Not: b.u8(67), Source: b.addr(0, ip6), Dest: b.addr(16, ip6), SourceMask: b.addr(32, ip6),
		DestMask: b.addr(48, ip6), Class: b.u8(64), Protocol: e.ebtProtocol(b.u8(65)), SourcePort: b.ports(68),
		DestPort: b.ports(72), Type: [2]uint8(b[68:]), Code: [2]uint8(b[72:]),
	}
}

// ebtProtocol: ebtables knows the names of /etc/protocols only.
func (e Env) ebtProtocol(n uint8) Protocol {
	return Protocol{Number: uint16(n), Name: e.names().Protocol[n]}
}

// Name is "ip" or "ip6".
func (m EbtIP) Name() string {
	if m.IPv6 {
		return "ip6"
	}
	return "ip"
}

// AppendSave implements [Match].
func (m EbtIP) AppendSave(dst []byte) []byte {
	for bit := uint8(1); bit != 0; bit <<= 1 {
		if m.Asked&bit != 0 {
			dst = m.appendOne(dst, bit)
		}
	}
	return dst
}

func (m EbtIP) appendOne(dst []byte, bit uint8) []byte {
	word := func(name string) []byte { return ebtOption(dst, m.Name()+"-"+name, m.Not&bit != 0) }
	switch bit {
	case 0x01:
		return addressMask(append(word("src"), ' '), m.Source, m.SourceMask)
	case 0x02:
		return addressMask(append(word("dst"), ' '), m.Dest, m.DestMask)
	case 0x04:
		return m.appendClass(word)
	case 0x08:
		return m.appendProtocol(word("proto"))
	case 0x10:
		return reach(word("sport"), m.SourcePort.Low, m.SourcePort.High)
	case 0x20:
		return reach(word("dport"), m.DestPort.Low, m.DestPort.High)
	case 0x40:
		return m.appendICMP(word("icmp-type"))
	}
	return m.appendIGMP(word("igmp-type"))
}

func (m EbtIP) appendClass(word func(string) []byte) []byte {
	name := "tos"
	if m.IPv6 {
		name = "tclass"
	}
	return fmt.Appendf(word(name), " 0x%02X", m.Class)
}

func (m EbtIP) appendProtocol(dst []byte) []byte {
	if m.Protocol.Name != "" {
		return bare(dst, m.Protocol.Name)
	}
	return number(dst, m.Protocol.Number)
}

func (m EbtIP) appendICMP(dst []byte) []byte {
	names := icmpNames()
	if m.IPv6 {
		names = icmp6Names()
	}
	if m.Type[0] == m.Type[1] {
		for _, n := range names {
			if n.kind == m.Type[0] && n.from == m.Code[0] && n.to == m.Code[1] {
				return bare(dst, n.name)
			}
		}
	}
	dst = append(reach(dst, m.Type[0], m.Type[1]), '/')
	return append(dst, reach(nil, m.Code[0], m.Code[1])[1:]...)
}

func (m EbtIP) appendIGMP(dst []byte) []byte {
	if name := igmpNames()[m.Type[0]]; name != "" && m.Type[0] == m.Type[1] {
		return bare(dst, name)
	}
	return reach(dst, m.Type[0], m.Type[1])
}

func igmpNames() map[uint8]string {
	return map[uint8]string{
		0x11: "membership-query", 0x12: "membership-report-v1", 0x16: "membership-report-v2", 0x17: "leave-group",
		0x22: "membership-report-v3",
	}
}

func parseEbtIP(a *arguments, e Env) Match {
	e.Family = ip4
	return parseEbtNetwork(a, e, []string{
		"ip-src ip-source", "ip-dst ip-destination", "ip-tos", "ip-proto ip-protocol", "ip-sport ip-source-port",
		"ip-dport ip-destination-port", "ip-icmp-type", "ip-igmp-type",
	})
}

func parseEbtIP6(a *arguments, e Env) Match {
	e.Family = ip6
	return parseEbtNetwork(a, e, []string{
		"ip6-src ip6-source", "ip6-dst ip6-destination", "ip6-tclass", "ip6-proto ip6-protocol", "ip6-sport ip6-source-port",
		"ip6-dport ip6-destination-port", "ip6-icmp-type",
	})
}

// parseEbtNetwork reads options by the bits of EBT_IP_* or EBT_IP6_*.
func parseEbtNetwork(a *arguments, e Env, options []string) Match {
	m := EbtIP{IPv6: e.Family == ip6}
	a.each(func(g given) bool {
		bit, ok := oneOf(g, options)
		if !ok {
			return false
		}
		m.Asked, m.Not = ask(m.Asked, m.Not, 1<<bit, g)
		m.parse(a, bit, g, e)
		return true
	})
	return m
}

func (m *EbtIP) parse(a *arguments, bit int, g given, e Env) {
	switch bit {
	case 0:
		m.Source, m.SourceMask = a.network(g, e)
	case 1:
		m.Dest, m.DestMask = a.network(g, e)
	case 2:
		m.Class = a.u8(g)
	case 3:
		m.Protocol = e.parseProtocol(a, given{name: g.name, args: []string{a.text(g)}, at: g.at})
		if _, err := strconv.ParseUint(a.text(g), 0, 8); err == nil {
			m.Protocol = e.ebtProtocol(uint8(m.Protocol.Number))
		}
	case 4:
		m.SourcePort = a.range16(g)
	case 5:
		m.DestPort = a.range16(g)
	case 6:
		m.parseICMP(a, g)
	case 7:
		m.parseIGMP(a, g)
	}
}

// parseICMP reads a name, or a type or a range of them, behind which "/" and codes
// may stand.
func (m *EbtIP) parseICMP(a *arguments, g given) {
	names := icmpNames()
	if m.IPv6 {
		names = icmp6Names()
	}
	s := strings.ToLower(a.text(g))
	for _, n := range names {
		if strings.ToLower(n.name) == icmpWord(s) {
			m.Type, m.Code = [2]uint8{n.kind, n.kind}, [2]uint8{n.from, n.to}
			return
		}
	}
	kinds, codes, hasCodes := strings.Cut(s, "/")
	m.Type, m.Code = a.range8(g, kinds), [2]uint8{0, 255}
	if hasCodes {
		m.Code = a.range8(g, codes)
	}
}

func (m *EbtIP) parseIGMP(a *arguments, g given) {
	for kind, name := range igmpNames() {
		if strings.EqualFold(name, a.text(g)) {
			m.Type = [2]uint8{kind, kind}
			return
		}
	}
	m.Type = a.range8(g, a.text(g))
}
