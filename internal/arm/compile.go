package arm

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// Compile turns a Match into the conditions of nft rules for a table of that
// family at that place. A packet is meant when one of the rules holds; no rule
// at all means that this family never sees such a packet. What the place cannot
// judge is left out, so that more packets match, and returned by name. Later
// fragments, which have no transport header, match no rule that asks for ports,
// types or flags.
func Compile(m *match.Match, family ruleset.Family, at match.Place) ([][]nftexpr.Stmt, []match.Reason, error) {
	if !slices.Contains([]match.Place{match.Prerouting, match.Output, match.Ingress}, at) {
		return nil, nil, fmt.Errorf("compile MATCH: %s is not a place of rules", at)
	}
	reasons := m.CannotJudge(at)
	judged := without(m, reasons)
	rules, err := compile(&judged, family)
	return rules, reasons, err
}

// compile is Compile of a Match whose every part the place can judge.
func compile(m *match.Match, family ruleset.Family) ([][]nftexpr.Stmt, error) {
	c := newClauses()
	c.interfaces(m)
	if err := c.family(m.Family, family); err != nil {
		return nil, err
	}
	// What most packets differ in comes first: those that do not match pay for each
	// expression up to the first that says so.
	c.addresses(m.Src, nftexpr.IPSaddr(), nftexpr.IP6Saddr())
	c.addresses(m.Dst, nftexpr.IPDaddr(), nftexpr.IP6Daddr())
	c.mark(m.Mark)
	c.protocols(m.Proto)
	c.ports(m, nftexpr.Sport(), nftexpr.Dport())
	c.icmp(m.ICMP, m.Family)
	c.flags(m.TCPFlags)
	c.transport(m)
	return c.rules, nil
}

// without is the Match less the parts that the reasons name.
func without(m *match.Match, reasons []match.Reason) match.Match {
	left := *m
	for _, r := range reasons {
		switch r.Arg {
		case "-i":
			left.In = match.Set[match.Iface]{}
		case "--out-interface":
			left.Out = match.Set[match.Iface]{}
		case "--mark":
			left.Mark = nil
		}
	}
	return left
}

// family guards the rule where the table sees other families too.
func (c *clauses) family(want packet.Family, table ruleset.Family) error {
	switch table {
	case ruleset.Inet, ruleset.IP, ruleset.IP6, ruleset.Bridge, ruleset.Netdev:
	default:
		return fmt.Errorf("compile MATCH: tables of family %d see no IP packets", table)
	}
	v4 := want == packet.IPv4
	switch {
	case want == packet.Unspec:
	case table == ruleset.IP && !v4, table == ruleset.IP6 && v4:
		c.never()
	case table == ruleset.Inet && v4:
		c.all(nftexpr.Equal(nftexpr.NFProto(), nftexpr.Word("ipv4", uint8(packet.IPv4)), false))
	case table == ruleset.Inet:
		c.all(nftexpr.Equal(nftexpr.NFProto(), nftexpr.Word("ipv6", uint8(packet.IPv6)), false))
	case table == ruleset.IP, table == ruleset.IP6:
	case v4:
		c.all(nftexpr.Equal(nftexpr.Protocol(), nftexpr.EtherType("ip", 0x0800), false))
	default:
		c.all(nftexpr.Equal(nftexpr.Protocol(), nftexpr.EtherType("ip6", 0x86dd), false))
	}
	return nil
}

func (c *clauses) interfaces(m *match.Match) {
	c.names(m.In, nftexpr.IIfname())
	c.names(m.Out, nftexpr.OIfname())
}

// names: whole names together in one set, beginnings one by one.
func (c *clauses) names(set match.Set[match.Iface], f nftexpr.Field) {
	if !set.Given() {
		return
	}
	var stmts []nftexpr.Stmt
	var whole []nftexpr.Interval
	for _, i := range set.Values {
		if i.Wild {
			stmts = append(stmts, nftexpr.Equal(f, nftexpr.IfnamePrefix(i.Name), set.Not))
		} else {
			whole = append(whole, nftexpr.One(nftexpr.Ifname(i.Name)))
		}
	}
	if len(whole) > 0 {
		stmts = append(stmts, nftexpr.OneOf(f, whole, set.Not))
	}
	c.each(set.Not, stmts)
}

func (c *clauses) mark(m *match.Mark) {
	switch {
	case m == nil || m.Mask == 0:
	case m.Mask == 0xffffffff:
		c.all(nftexpr.Equal(nftexpr.MetaMark(), nftexpr.Mark(m.Value), m.Not))
	default:
		c.all(nftexpr.Masked(nftexpr.MetaMark(), nftexpr.Mark(m.Mask), nftexpr.Mark(m.Value), m.Not))
	}
}

func (c *clauses) protocols(set match.Set[uint8]) {
	if !set.Given() {
		return
	}
	of := make([]nftexpr.Interval, len(set.Values))
	for i, proto := range set.Values {
		of[i] = nftexpr.One(protocol(proto))
	}
	c.all(nftexpr.OneOf(nftexpr.L4Proto(), of, set.Not))
}

// protocol in the words that nft has without asking /etc/protocols.
func protocol(n uint8) nftexpr.Value {
	switch n {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDPLite, packet.ProtoESP, packet.ProtoAH,
		packet.ProtoICMP, packet.ProtoICMPv6, packet.ProtoDCCP, packet.ProtoSCTP:
		return nftexpr.Word(packet.ProtoName(n), n)
	}
	return nftexpr.Byte(n)
}

// addresses needs the family's guard before it.
func (c *clauses) addresses(set match.Set[netip.Prefix], v4, v6 nftexpr.Field) {
	if everyAddress(set) {
		return
	}
	f := v6
	if set.Values[0].Addr().Is4() {
		f = v4
	}
	if len(set.Values) == 1 {
		c.all(nftexpr.Prefix(f, set.Values[0], set.Not))
		return
	}
	of := make([]nftexpr.Interval, len(set.Values))
	for i, p := range set.Values {
		of[i] = nftexpr.PrefixInterval(p)
	}
	c.all(nftexpr.OneOf(f, of, set.Not))
}

func everyAddress(set match.Set[netip.Prefix]) bool {
	every := func(p netip.Prefix) bool { return p.Bits() == 0 }
	return !set.Given() || !set.Not && slices.ContainsFunc(set.Values, every)
}

// transport keeps later fragments out where the transport header was asked.
func (c *clauses) transport(m *match.Match) {
	ports := m.SrcPort.Given() || m.DstPort.Given() || m.AnyPort.Given()
	if ports || m.ICMP.Given() || m.TCPFlags != nil {
		c.all(nftexpr.HasTransport())
	}
}

// ports needs the protocol before it, and transport behind it.
func (c *clauses) ports(m *match.Match, src, dst nftexpr.Field) {
	one := func(f nftexpr.Field, set match.Set[match.Range]) []nftexpr.Stmt {
		if everyPort(set) {
			return nil
		}
		return []nftexpr.Stmt{nftexpr.OneOf(f, portIntervals(set), set.Not)}
	}
	c.all(one(src, m.SrcPort)...)
	c.all(one(dst, m.DstPort)...)
	if !everyPort(m.AnyPort) {
		c.each(m.AnyPort.Not, append(one(src, m.AnyPort), one(dst, m.AnyPort)...))
	}
}

func everyPort(set match.Set[match.Range]) bool {
	return !set.Given() || !set.Not && slices.Contains(set.Values, match.Range{Lo: 0, Hi: 65535})
}

func portIntervals(set match.Set[match.Range]) []nftexpr.Interval {
	of := make([]nftexpr.Interval, len(set.Values))
	for i, r := range set.Values {
		of[i] = nftexpr.Interval{Lo: nftexpr.Port(r.Lo), Hi: nftexpr.Port(r.Hi)}
	}
	return of
}

// icmp: types without a code together in one set, a type with its code one by one.
func (c *clauses) icmp(set match.Set[packet.ICMPType], family packet.Family) {
	if !set.Given() {
		return
	}
	kind := nftexpr.ICMPType()
	if family == packet.IPv6 {
		kind = nftexpr.ICMPv6Type()
	}
	var stmts []nftexpr.Stmt
	var whole []nftexpr.Interval
	for _, t := range set.Values {
		if t.AnyCode {
			whole = append(whole, nftexpr.One(nftexpr.Byte(t.Type)))
			continue
		}
		both := nftexpr.Hex([]byte{t.Type, t.Code})
		stmts = append(stmts, nftexpr.Equal(nftexpr.Raw(nftexpr.Transport, 0, 2), both, set.Not))
	}
	if len(whole) > 0 {
		stmts = append(stmts, nftexpr.OneOf(kind, whole, set.Not))
	}
	c.each(set.Not, stmts)
}

func (c *clauses) flags(f *match.TCPFlags) {
	if f != nil && f.Mask != 0 {
		c.all(nftexpr.Masked(nftexpr.TCPFlags(), flagsValue(f.Mask), flagsValue(f.Comp), f.Not))
	}
}

func flagsValue(f packet.TCPFlags) nftexpr.Value {
	var words []string
	for i, word := range []string{"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"} {
		if f&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	text := "0x0"
	if len(words) > 0 {
		text = "(" + strings.Join(words, " | ") + ")"
	}
	return nftexpr.Word(text, uint8(f))
}
