package flows

import (
	"net/netip"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/packet"
)

// Filter is the query for a listing or a deletion: as much of it as kernels can
// look at as values, the rest as a function. unjudged, unless it is nil, is told
// of entries of which it is not known whether they are meant, and why; they are
// left out.
func (q *Query) Filter(unjudged func(why string)) conntrack.Filter {
	c := compiler{q: q}
	c.packets()
	c.entry()
	if c.rest {
		c.out.Also = func(f *conntrack.Flow) bool {
			v := q.Judge(f)
			if v.Answer == match.Unknown && unjudged != nil {
				unjudged(v.Why)
			}
			return v.Answer == match.Yes
		}
	}
	return c.out
}

// compiler turns a query into a filter.
type compiler struct {
	q    *Query
	out  conntrack.Filter
	rest bool // something is left to Judge
}

// packets takes what MATCH says of packets. What it says of addresses and ports
// holds for one direction with Both, of which a filter cannot tell either.
func (c *compiler) packets() {
	m := &c.q.Match
	c.out.Family = m.Family
	if c.out.Family == packet.Unspec {
		c.out.Family = c.q.Reply.Family
	}
	c.rest = c.rest || m.AnyPort.Given()
	c.direction(m, &c.out.Orig)
	c.direction(&c.q.Reply, &c.out.Reply)
	if c.q.ICMPID == nil {
		return
	}
	t := &c.out.Orig
	t.ICMPID = *c.q.ICMPID
	t.Has |= conntrack.HasICMPID
}

// direction takes what holds of one direction's packets.
func (c *compiler) direction(m *match.Match, t *conntrack.Tuple) {
	proto, one := single(m.Proto)
	if one {
		t.Proto = proto
		t.Has |= conntrack.HasProto
	}
	c.rest = c.rest || m.Proto.Given() && !one
	if m.Both {
		c.rest = c.rest || m.Src.Given() || m.Dst.Given() || m.SrcPort.Given() || m.DstPort.Given() || m.ICMP.Given()
		return
	}
	c.address(m.Src, &t.Src)
	c.address(m.Dst, &t.Dst)
	// Of other protocols than these an entry may have no ports, which is unknown.
	plain := one && (proto == packet.ProtoTCP || proto == packet.ProtoUDP)
	c.port(m.SrcPort, plain, t, &t.SrcPort, conntrack.HasSrcPort)
	c.port(m.DstPort, plain, t, &t.DstPort, conntrack.HasDstPort)
	c.icmp(m.ICMP, t)
}

// single is the one value that a set means.
func single[T any](s match.Set[T]) (v T, ok bool) {
	if s.Not || len(s.Values) != 1 {
		return v, false
	}
	return s.Values[0], true
}

func (c *compiler) address(s match.Set[netip.Prefix], to *netip.Addr) {
	prefix, one := single(s)
	if one && prefix.IsSingleIP() {
		*to = prefix.Addr()
		return
	}
	c.rest = c.rest || s.Given()
}

func (c *compiler) port(s match.Set[match.Range], plain bool, t *conntrack.Tuple, to *uint16, has conntrack.TupleFields) {
	r, one := single(s)
	if one && plain && r.Lo == r.Hi {
		*to = r.Lo
		t.Has |= has
		return
	}
	c.rest = c.rest || s.Given()
}

func (c *compiler) icmp(s match.Set[packet.ICMPType], t *conntrack.Tuple) {
	typ, one := single(s)
	if !one {
		c.rest = c.rest || s.Given()
		return
	}
	t.ICMPType = typ.Type
	t.Has |= conntrack.HasICMPType
	if !typ.AnyCode {
		t.ICMPCode = typ.Code
		t.Has |= conntrack.HasICMPCode
	}
}

// entry takes what is asked of the entry itself.
func (c *compiler) entry() {
	q, f := c.q, &c.out
	if q.Zone != nil {
		f.HasZone, f.Zone = true, *q.Zone
	}
	if k := q.Mark; k != nil && !k.Not && k.Mask != 0 && k.Value&^k.Mask == 0 {
		f.Mark, f.MarkMask = k.Value, k.Mask
	} else {
		c.rest = c.rest || k != nil
	}
	bits := q.Status
	c.rest = c.rest || !bits.takeNAT(q.NAT) || !bits.takeState(q.State)
	f.Status, f.StatusMask = bits.Set, bits.Set|bits.Unset
	c.rest = c.rest || bits.Set&bits.Unset != 0 || len(q.Labels) > 0 || q.Older != 0 || q.ExpiresWithin != nil
}

// takeNAT reports whether the bits tell all that is asked for.
func (b *Bits) takeNAT(n NAT) bool {
	switch n {
	case SourceNAT:
		b.Set |= conntrack.SrcNAT
	case DestinationNAT:
		b.Set |= conntrack.DstNAT
	case NoNAT:
		b.Unset |= conntrack.SrcNAT | conntrack.DstNAT
	case AnyNAT:
		return false
	}
	return true
}

func (b *Bits) takeState(w Words) bool {
	if len(w.Any) == 0 {
		return true
	}
	if len(w.Any) != 1 {
		return false
	}
	set, unset := &b.Set, &b.Unset
	if w.Not {
		set, unset = unset, set
	}
	switch w.Any[0] {
	case stateNew, stateUnreplied:
		*unset |= conntrack.SeenReply
	case stateAssured:
		*set |= conntrack.Assured
	default:
		return false
	}
	return true
}
