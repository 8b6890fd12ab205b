package arm

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// CompileReverse is Compile of the replies where no address is translated.
func CompileReverse(m *match.Match, family ruleset.Family, at match.Place) ([][]nftexpr.Stmt, []match.Reason, error) {
	r := m.Reverse()
	return Compile(&r, family, at)
}

// CompileReset is Compile of the TCP resets that answer a packet that is meant.
func CompileReset(m *match.Match, family ruleset.Family, at match.Place) ([][]nftexpr.Stmt, []match.Reason, error) {
	if m.Proto.Given() && slices.Contains(m.Proto.Values, packet.ProtoTCP) == m.Proto.Not || m.ICMP.Given() {
		return nil, nil, nil
	}
	r := m.Reverse()
	r.Proto = match.Set[uint8]{Values: []uint8{packet.ProtoTCP}}
	r.TCPFlags = &match.TCPFlags{Mask: packet.RST, Comp: packet.RST}
	return Compile(&r, family, at)
}

// CompileOriginal is the packets of both directions of connections whose
// original tuple is meant, whatever NAT made of them. It looks at addresses,
// protocol and ports: interfaces, mark, TCP flags and ICMP types are one
// packet's and not a connection's. Its rules start connection tracking, and
// hold only behind it, at a priority above -200.
func CompileOriginal(m *match.Match, family ruleset.Family) ([][]nftexpr.Stmt, error) {
	if family == ruleset.Netdev {
		return nil, errors.New("compile MATCH for connections: tables of family netdev stand before connection tracking")
	}
	c := newClauses()
	if err := c.family(m.Family, family); err != nil {
		return nil, err
	}
	c.protocolsApart(m.Proto)
	d := nftexpr.Original
	c.addresses(m.Src, nftexpr.CTSaddr(d), nftexpr.CTSaddr6(d))
	c.addresses(m.Dst, nftexpr.CTDaddr(d), nftexpr.CTDaddr6(d))
	c.ports(m, nftexpr.CTSport(d), nftexpr.CTDport(d))
	return c.rules, nil
}

// protocolsApart makes one rule a protocol, since nft has words for
// connections' ports only where it knows the one protocol.
func (c *clauses) protocolsApart(set match.Set[uint8]) {
	var stmts []nftexpr.Stmt
	for _, proto := range set.Values {
		stmts = append(stmts, nftexpr.Equal(nftexpr.L4Proto(), protocol(proto), set.Not))
	}
	if len(stmts) > 0 {
		c.each(set.Not, stmts)
	}
}

// CompileQuoted is the ICMP and ICMPv6 errors that quote a packet that is
// meant. It looks at the quoted addresses, protocol, ports and ICMP type:
// interfaces and mark are the error's own, and TCP flags need not be quoted
// (RFC 792). Ports and types are found where the quoted header has no options,
// extension headers or fragment offset.
func CompileQuoted(m *match.Match, family ruleset.Family) ([][]nftexpr.Stmt, error) {
	var rules [][]nftexpr.Stmt
	for _, q := range []quote{quote4(), quote6()} {
		if m.Family != packet.Unspec && m.Family != q.family {
			continue
		}
		c := newClauses()
		if err := c.family(q.family, family); err != nil {
			return nil, err
		}
		q.match(c, m)
		rules = append(rules, c.rules...)
	}
	return rules, nil
}

// quote is where the parts of a quoted packet stand, counted from the error's
// transport header, whose first eight bytes are the error's own.
type quote struct {
	family                     packet.Family
	outer                      []nftexpr.Stmt // the error
	plain                      []nftexpr.Stmt // the transport header follows the fixed one
	proto, src, dst, transport int
	size                       int // of an address
}

const errorHeader = 8

func quote4() quote {
	const at = errorHeader
	fragment := nftexpr.Raw(nftexpr.Transport, at+6, 2)
	return quote{
		family: packet.IPv4,
		outer:  errorTypes(packet.ProtoICMP, nftexpr.ICMPType(), 3, 4, 5, 11, 12),
		plain: []nftexpr.Stmt{
			nftexpr.Equal(nftexpr.Raw(nftexpr.Transport, at, 1), nftexpr.Hex([]byte{0x45}), false),
			nftexpr.Masked(fragment, nftexpr.Hex([]byte{0x1f, 0xff}), nftexpr.Hex([]byte{0, 0}), false),
		},
		proto: at + 9, src: at + 12, dst: at + 16, transport: at + 20, size: 4,
	}
}

func quote6() quote {
	const at = errorHeader
	return quote{
		family: packet.IPv6,
		outer:  errorTypes(packet.ProtoICMPv6, nftexpr.ICMPv6Type(), 1, 2, 3, 4),
		proto:  at + 6, src: at + 8, dst: at + 24, transport: at + 40, size: 16,
	}
}

func errorTypes(proto uint8, f nftexpr.Field, types ...uint8) []nftexpr.Stmt {
	of := make([]nftexpr.Interval, len(types))
	for i, t := range types {
		of[i] = nftexpr.One(nftexpr.Byte(t))
	}
	return []nftexpr.Stmt{nftexpr.Equal(nftexpr.L4Proto(), protocol(proto), false), nftexpr.HasTransport(), nftexpr.OneOf(f, of, false)}
}

func (q quote) match(c *clauses, m *match.Match) {
	c.all(q.outer...)
	var protos []nftexpr.Stmt
	for _, proto := range m.Proto.Values {
		protos = append(protos, nftexpr.Equal(q.field(q.proto, 1), nftexpr.Hex([]byte{proto}), m.Proto.Not))
	}
	if len(protos) > 0 {
		c.each(m.Proto.Not, protos)
	}
	q.addresses(c, m.Src, q.src)
	q.addresses(c, m.Dst, q.dst)
	if m.SrcPort.Given() || m.DstPort.Given() || m.AnyPort.Given() || m.ICMP.Given() {
		c.all(q.plain...)
	}
	q.ports(c, m)
	q.icmp(c, m.ICMP)
}

func (q quote) field(at, size int) nftexpr.Field { return nftexpr.Raw(nftexpr.Transport, at, size) }

func (q quote) addresses(c *clauses, set match.Set[netip.Prefix], at int) {
	if everyAddress(set) {
		return
	}
	f := q.field(at, q.size)
	var stmts []nftexpr.Stmt
	for _, p := range set.Values {
		addr := nftexpr.Hex(p.Masked().Addr().AsSlice())
		if p.IsSingleIP() {
			stmts = append(stmts, nftexpr.Equal(f, addr, set.Not))
			continue
		}
		mask := make([]byte, q.size)
		for i := range p.Bits() {
			mask[i/8] |= 0x80 >> (i % 8)
		}
		stmts = append(stmts, nftexpr.Masked(f, nftexpr.Hex(mask), addr, set.Not))
	}
	c.each(set.Not, stmts)
}

func (q quote) ports(c *clauses, m *match.Match) {
	src, dst := q.field(q.transport, 2), q.field(q.transport+2, 2)
	one := func(f nftexpr.Field, set match.Set[match.Range]) []nftexpr.Stmt {
		if everyPort(set) {
			return nil
		}
		stmts := make([]nftexpr.Stmt, len(set.Values))
		for i, r := range portIntervals(set) {
			stmts[i] = nftexpr.Within(f, nftexpr.Interval{Lo: nftexpr.Hex(r.Lo.Bytes), Hi: nftexpr.Hex(r.Hi.Bytes)}, set.Not)
		}
		return stmts
	}
	for _, part := range []struct {
		stmts []nftexpr.Stmt
		not   bool
	}{
		{one(src, m.SrcPort), m.SrcPort.Not},
		{one(dst, m.DstPort), m.DstPort.Not},
		{append(one(src, m.AnyPort), one(dst, m.AnyPort)...), m.AnyPort.Not},
	} {
		if len(part.stmts) > 0 {
			c.each(part.not, part.stmts)
		}
	}
}

func (q quote) icmp(c *clauses, set match.Set[packet.ICMPType]) {
	var stmts []nftexpr.Stmt
	for _, t := range set.Values {
		if t.AnyCode {
			stmts = append(stmts, nftexpr.Equal(q.field(q.transport, 1), nftexpr.Hex([]byte{t.Type}), set.Not))
		} else {
			stmts = append(stmts, nftexpr.Equal(q.field(q.transport, 2), nftexpr.Hex([]byte{t.Type, t.Code}), set.Not))
		}
	}
	if len(stmts) > 0 {
		c.each(set.Not, stmts)
	}
}
