package xt

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Fields that only matches of iptables look at, in nft's words where it has some.
const (
	ecnField     ruleset.Field = "ip ecn" // of either family, as [ruleset.DSCP]
	ahSPI        ruleset.Field = "ah spi"
	ahLength     ruleset.Field = "ah hdrlength"
	ahReserved   ruleset.Field = "ah reserved"
	espSPI       ruleset.Field = "esp spi"
	compCPI      ruleset.Field = "comp cpi"
	hopHeader    ruleset.Field = "exthdr hbh" // 1 where the packet has that header of IPv6, else 0
	destHeader   ruleset.Field = "exthdr dst"
	routeHeader  ruleset.Field = "exthdr rt"
	fragHeader   ruleset.Field = "exthdr frag"
	authHeader   ruleset.Field = "exthdr ah"
	hopLength    ruleset.Field = "hbh hdrlength"
	destLength   ruleset.Field = "dst hdrlength"
	fragID       ruleset.Field = "frag id"
	fragOffset   ruleset.Field = "frag frag-off"
	fragMore     ruleset.Field = "frag more-fragments"
	fragReserved ruleset.Field = "frag reserved"
	fragRes2     ruleset.Field = "frag reserved2"
	rtType       ruleset.Field = "rt type"
	rtSegsLeft   ruleset.Field = "rt seg-left"
	rtLength     ruleset.Field = "rt hdrlength"
	rtNextHeader ruleset.Field = "rt nexthdr"
	srhLast      ruleset.Field = "srh last-entry"
	srhTag       ruleset.Field = "srh tag"
	mhType       ruleset.Field = "mh type"
	dccpType     ruleset.Field = "dccp type"
	tcpMSS       ruleset.Field = "tcp option maxseg size"
	igmpType     ruleset.Field = "igmp type"
	heldProtocol ruleset.Field = "meta protocol" // of a frame of a virtual LAN, what is in it
	vlanID       ruleset.Field = "vlan id"
	vlanPriority ruleset.Field = "vlan pcp"
	vlanType     ruleset.Field = "vlan type"
	llcSource    ruleset.Field = "llc ssap"
	llcDest      ruleset.Field = "llc dsap"
	snapType     ruleset.Field = "snap type"
	stpVersion   ruleset.Field = "stp version"
	stpType      ruleset.Field = "stp type"
	cpuField     ruleset.Field = "meta cpu"
	cgroupField  ruleset.Field = "meta cgroup"
	inGroup      ruleset.Field = "iifgroup"
	outGroup     ruleset.Field = "oifgroup"
	realmField   ruleset.Field = "rt classid"
	secPath      ruleset.Field = "meta ipsec" // 1 where IPsec was taken off the packet, else 0
	routeXfrm    ruleset.Field = "rt ipsec"   // 1 where the packet will get it
	ctLabel      ruleset.Field = "ct label"
	ctReplySrc   ruleset.Field = "ct reply ip saddr"
	ctReplyDst   ruleset.Field = "ct reply ip daddr"
	ctReplySrc6  ruleset.Field = "ct reply ip6 saddr"
	ctReplyDst6  ruleset.Field = "ct reply ip6 daddr"
	ctSourcePort ruleset.Field = "ct original proto-src"
	ctReplySport ruleset.Field = "ct reply proto-src"
	ctReplyDport ruleset.Field = "ct reply proto-dst"
)

// asked is what conditions depend on beside the rule.
type asked struct {
	fam     ruleset.Family
	members ruleset.Members
}

// Conditions tells what a packet must be for the rule to match, in a table of
// that family. All its packets are of that family, so there is no condition on
// it. members says what ipsets hold; nil where they were not read.
//
// A fact about a field says that the packet has it: one about a port, that it is
// no later fragment; one about the flow's mark, that there is a flow. So where
// the kernel's match fails for want of a header it is enough that the facts do
// not tell the field.
func (r *Rule) Conditions(fam ruleset.Family, members ruleset.Members) []ruleset.Condition {
	return r.conditions(&told{}, asked{fam, members})
}

// conditions is Conditions with room that was used before.
func (r *Rule) conditions(all *told, a asked) []ruleset.Condition {
	switch {
	case r.Unread != "":
		return []ruleset.Condition{{Why: "is not known to this version", Text: r.Unread}}
	case r.Frame != nil:
		return r.frameConditions(a)
	case r.ARP != nil:
		return r.arpConditions(a)
	}
	all.begin()
	all.add(r.Source.append(all.words, " -s "), r.Source.when(sourceOf(a.fam)))
	all.add(r.Dest.append(all.words, " -d "), r.Dest.when(destOf(a.fam)))
	all.add(r.In.append(all.words, " -i "), r.In.when(ruleset.InName))
	all.add(r.Out.append(all.words, " -o "), r.Out.when(ruleset.OutName))
	all.add(r.Protocol.append(all.words), r.Protocol.when(a.fam))
	if r.Fragment {
		all.add(append(negation(all.words, r.NotFragment), " -f"...), r.fragments())
	}
	for _, m := range r.Matches {
		all.match(m, a)
	}
	return all.finish()
}

// MatchConditions is [Rule.Conditions] for one match that stands in a rule of
// another dialect.
func MatchConditions(m Match, fam ruleset.Family, members ruleset.Members) []ruleset.Condition {
	var all told
	if a := (asked{fam, members}); fam == ruleset.Bridge {
		all.frameMatch(m, a)
	} else {
		all.match(m, a)
	}
	return all.finish()
}

// parted is what matches implement whose options are conditions each of its own.
type parted interface {
	// parts are matches of one option each, or none.
	parts() []Match
}

// match adds a match, part by part where it has several, so that each condition
// has its own words.
func (t *told) match(m Match, a asked) {
	if p, ok := m.(parted); ok {
		if parts := p.parts(); len(parts) > 1 {
			for _, part := range parts {
				t.match(part, a)
			}
			return
		}
	}
	if conditions := m.when(a); len(conditions) > 0 {
		t.add(m.AppendSave(append(append(t.words, " -m "...), m.Name()...)), conditions)
	}
}

func sourceOf(fam ruleset.Family) ruleset.Field {
	if fam == ip6 {
		return ruleset.IP6Source
	}
	return ruleset.IPSource
}

func destOf(fam ruleset.Family) ruleset.Field {
	if fam == ip6 {
		return ruleset.IP6Dest
	}
	return ruleset.IPDest
}

// when mirrors net/ipv4/netfilter/ip_tables.c: ip_packet_match, which masks the
// packet's address alone, and ip6_tables.c: ip6_packet_match, which masks both.
func (n Network) when(f ruleset.Field) []ruleset.Condition {
	if n = newNetwork(n.Addr, n.Mask, n.Not); !n.Addr.IsValid() || !n.Mask.IsValid() {
		return nil
	}
	if n.Addr.Is6() {
		n.Addr = and(n.Addr, n.Mask)
	}
	return []ruleset.Condition{addressUnder(f, n.Addr, n.Mask, n.Not)}
}

// addressUnder: the address under the mask is that one.
func addressUnder(f ruleset.Field, a, mask netip.Addr, not bool) ruleset.Condition {
	if length, ok := maskLen(mask); ok && and(a, mask) == a {
		return within(f, not, ruleset.Prefix(netip.PrefixFrom(a, length)))
	}
	return masked(f, ruleset.Addr(a), ruleset.Addr(mask), a.BitLen(), not)
}

// when mirrors include/linux/netfilter/x_tables.h: ifname_compare_aligned. A
// hook without such an interface has the empty name.
func (i Interface) when(f ruleset.Field) []ruleset.Condition {
	switch {
	case i.Name == "", i.Name == "+" && !i.Not:
		return nil
	case i.Name == "+":
		return []ruleset.Condition{never(f)}
	}
	return []ruleset.Condition{within(f, i.Not, namesOf(i.Name))}
}

func namesOf(name string) ruleset.Range {
	begin, wild := strings.CutSuffix(name, "+")
	return ruleset.Names(begin, wild)
}

func (p Protocol) when(fam ruleset.Family) []ruleset.Condition {
	const authentication = 51
	switch {
	case p.Number == 0:
		return nil
	case p.Number == authentication && fam == ip6:
		return untold("legacy tables look behind an authentication header, nf_tables stops at it")
	}
	return []ruleset.Condition{number16(ruleset.L4Proto, Ports{p.Number, p.Number}, p.Not)}
}

const offsetMask = 0x1fff // IP_OFFSET

func (r *Rule) fragments() []ruleset.Condition {
	c := within(ruleset.Fragment, !r.NotFragment, ruleset.Span(0, 0))
	c.Mask = ruleset.Number(offsetMask)
	return []ruleset.Condition{c}
}

// within: the field lies in one of the ranges, which may come in any order.
func within(f ruleset.Field, not bool, ranges ...ruleset.Range) ruleset.Condition {
	if len(ranges) == 1 && ranges[0].From.Compare(ranges[0].To) <= 0 {
		return single(f, not, ranges[0])
	}
	sorted := slices.DeleteFunc(slices.Clone(ranges), func(r ruleset.Range) bool { return r.From.Compare(r.To) > 0 })
	slices.SortFunc(sorted, func(a, b ruleset.Range) int { return a.From.Compare(b.From) })
	n := 0
	for _, r := range sorted {
		if n > 0 && sorted[n-1].Meets(r) {
			if sorted[n-1].To.Compare(r.To) < 0 {
				sorted[n-1].To = r.To
			}
			continue
		}
		sorted[n] = r
		n++
	}
	if n == 0 && not {
		return there(f, 128)
	}
	c := ruleset.Condition{Fields: []ruleset.Field{f}, Not: not, Rows: make([]ruleset.Row, n)}
	for i := range n {
		c.Rows[i].Ranges = sorted[i : i+1 : i+1]
	}
	return c
}

// single is within for one range, in one allocation: most conditions are so. The
// range of all values is told in two halves, since as one it would hold for a
// packet without the field.
func single(f ruleset.Field, not bool, r ruleset.Range) ruleset.Condition {
	if r == ruleset.Any() {
		return ruleset.Condition{Fields: []ruleset.Field{f}, Not: not, Rows: []ruleset.Row{
			{Ranges: []ruleset.Range{{To: ruleset.Value{Low: ^uint64(0)}}}},
			{Ranges: []ruleset.Range{{From: ruleset.Value{High: 1}, To: r.To}}},
		}}
	}
	room := &struct {
		fields [1]ruleset.Field
		rows   [1]ruleset.Row
		ranges [1]ruleset.Range
	}{fields: [1]ruleset.Field{f}, ranges: [1]ruleset.Range{r}}
	room.rows[0].Ranges = room.ranges[:]
	return ruleset.Condition{Fields: room.fields[:], Not: not, Rows: room.rows[:]}
}

// never does not hold, whatever the field is.
func never(f ruleset.Field) ruleset.Condition { return ruleset.Condition{Fields: []ruleset.Field{f}} }

// there: the packet has a field of so many bits.
func there(f ruleset.Field, bits int) ruleset.Condition { return single(f, false, whole(bits)) }

func whole(bits int) ruleset.Range {
	if bits > 64 {
		return ruleset.Range{To: ruleset.Value{High: ^uint64(0) >> (128 - bits), Low: ^uint64(0)}}
	}
	return ruleset.Span(0, ^uint64(0)>>(64-bits))
}

// masked: of a field of so many bits, those under the mask are the value.
func masked(f ruleset.Field, value, mask ruleset.Value, bits int, not bool) ruleset.Condition {
	can, must := value.And(mask) == value, mask == ruleset.Value{}
	switch {
	case !can && !not, can && must && not:
		return never(f)
	case !can, must:
		return there(f, bits)
	}
	c := single(f, not, ruleset.Only(value))
	if mask != whole(bits).To {
		c.Mask = mask
	}
	return c
}

func masked32(f ruleset.Field, value, mask uint32, not bool) ruleset.Condition {
	return masked(f, ruleset.Number(uint64(value)), ruleset.Number(uint64(mask)), 32, not)
}

// someBit: one of the bits is set, or with not none.
func someBit(f ruleset.Field, bits uint64, not bool) ruleset.Condition {
	switch {
	case bits == 0 && !not:
		return never(f)
	case bits == 0:
		return there(f, 64)
	}
	c := single(f, !not, ruleset.Span(0, 0))
	c.Mask = ruleset.Number(bits)
	return c
}

func number8(f ruleset.Field, n uint8, not bool) ruleset.Condition {
	return single(f, not, ruleset.Span(uint64(n), uint64(n)))
}

func number16(f ruleset.Field, p Ports, not bool) ruleset.Condition {
	return within(f, not, ruleset.Span(uint64(p.Low), uint64(p.High)))
}

func number32(f ruleset.Field, s Span, not bool) ruleset.Condition {
	return within(f, not, ruleset.Span(uint64(s.Low), uint64(s.High)))
}

// either holds where one of the conditions does, or with not where none does.
func either(not bool, conditions ...ruleset.Condition) ruleset.Condition {
	return ruleset.Condition{Any: conditions, Not: not}
}

// untold is a condition that cannot be told from a packet alone.
func untold(why string) []ruleset.Condition { return []ruleset.Condition{{Why: why}} }

// when of an extension whose options are only text. Of some no option matters.
func (v Verbatim) when(a asked) []ruleset.Condition {
	for _, m := range []Match{
		MatchBPF{}, MatchCluster{}, MatchConnbytes{}, MatchConnlimit{}, MatchEUI64{}, MatchHashlimit{}, MatchHelper{}, MatchIPVS{},
		MatchNFAcct{}, MatchOSF{}, MatchQuota{}, MatchRateest{}, MatchRPFilter{}, MatchString{}, MatchTime{}, MatchU32{},
	} {
		if m.Name() == v.Extension {
			return m.when(a)
		}
	}
	return untold("its options are not understood by this version")
}

// when of an extension whose data is only bytes.
func (Unknown) when(asked) []ruleset.Condition { return untold("is not known to this version") }
