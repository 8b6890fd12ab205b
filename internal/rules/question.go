package rules

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/packet"
	"github.com/pktrail/pktrail/ruleset"
)

// Question is which packets of one family are asked for.
type Question struct {
	Family ruleset.Family // IP or IP6
	// Forms are what is known of the packets: each fits one of them at least. None
	// where there are no such packets.
	Forms   []ruleset.Facts
	in, out bool        // an interface is named
	mark    *match.Mark // with a mask that ranges cannot say
}

// Questions turns a MATCH into questions, one for each family that it leaves open.
func Questions(m *match.Match) []Question {
	var all []Question
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
		if m.Family == packet.IPv4 && fam == ruleset.IP6 || m.Family == packet.IPv6 && fam == ruleset.IP {
			continue
		}
		all = append(all, questionOf(m, fam))
	}
	return all
}

// authentication is AH, of which no fact is told in IPv6: see [ruleset.L4Proto].
const authentication = 51

func questionOf(m *match.Match, fam ruleset.Family) Question {
	q := Question{Family: fam, in: m.In.Given(), out: m.Out.Given()}
	f := ruleset.Facts{}
	if fam != ruleset.IP6 || m.Proto.Not || !slices.Contains(m.Proto.Values, authentication) {
		know(f, ruleset.L4Proto, ranges(m.Proto, func(p uint8) ruleset.Range { return ruleset.Span(uint64(p), uint64(p)) }), 8)
	}
	source, dest := ruleset.IPSource, ruleset.IPDest
	bits := 32
	if fam == ruleset.IP6 {
		source, dest, bits = ruleset.IP6Source, ruleset.IP6Dest, 128
	}
	know(f, source, ranges(m.Src, prefix), bits)
	know(f, dest, ranges(m.Dst, prefix), bits)
	know(f, ruleset.SourcePort, ranges(m.SrcPort, ports), 16)
	know(f, ruleset.DestPort, ranges(m.DstPort, ports), 16)
	know(f, ruleset.InName, ranges(m.In, names), 128)
	know(f, ruleset.OutName, ranges(m.Out, names), 128)
	if m.TCPFlags != nil {
		f[ruleset.TCPFlags] = flagRanges(m.TCPFlags)
	}
	q.setMark(f, m.Mark)
	if m.SrcPort.Given() || m.DstPort.Given() || m.AnyPort.Given() || m.TCPFlags != nil || m.ICMP.Given() {
		f[ruleset.Fragment] = firstFragments()
	}
	if !impossible(f) {
		q.Forms = anyPort(icmpForms(f, m, fam), m.AnyPort)
	}
	return q
}

// impossible reports whether a field is left no value, as by ! --dport 0:65535.
func impossible(f ruleset.Facts) bool {
	for _, known := range f {
		if len(known) == 0 {
			return true
		}
	}
	return false
}

func prefix(p netip.Prefix) ruleset.Range { return ruleset.Prefix(p) }
func ports(r match.Range) ruleset.Range   { return ruleset.Span(uint64(r.Lo), uint64(r.Hi)) }
func names(i match.Iface) ruleset.Range   { return ruleset.Names(i.Name, i.Wild) }

// wanted is ranges of values, or all others.
type wanted struct {
	ranges []ruleset.Range
	not    bool
}

func ranges[T any](s match.Set[T], of func(T) ruleset.Range) wanted {
	w := wanted{not: s.Not}
	for _, v := range s.Values {
		w.ranges = append(w.ranges, of(v))
	}
	return w
}

// know adds what is wanted of a field of so many bits; nothing when nothing is.
func know(f ruleset.Facts, field ruleset.Field, w wanted, bits int) {
	if len(w.ranges) == 0 {
		return
	}
	known := joined(w.ranges)
	if w.not {
		known = others(known, bits)
	}
	f[field] = known
}

// firstFragments are packets that are whole, or the first piece of one: those
// behind it have no ports. The three flags of the field are free.
func firstFragments() (known []ruleset.Range) {
	for flags := range uint64(8) {
		known = append(known, ruleset.Span(flags<<13, flags<<13))
	}
	return known
}

func flagRanges(t *match.TCPFlags) (known []ruleset.Range) {
	for v := range 256 {
		if (packet.TCPFlags(v)&t.Mask == t.Comp) != t.Not {
			known = append(known, ruleset.Span(uint64(v), uint64(v)))
		}
	}
	return joined(known)
}

// setMark keeps a mark under a mask that leaves upper bits free for judge, since
// it would be very many ranges.
func (q *Question) setMark(f ruleset.Facts, m *match.Mark) {
	if m == nil {
		return
	}
	free := uint64(^m.Mask)
	if free&(free+1) != 0 {
		q.mark = m
		return
	}
	know(f, ruleset.Mark, wanted{[]ruleset.Range{ruleset.Span(uint64(m.Value), uint64(m.Value)|free)}, m.Not}, 32)
}

// icmpForms are the facts for each type and code that is asked for.
func icmpForms(f ruleset.Facts, m *match.Match, fam ruleset.Family) []ruleset.Facts {
	if !m.ICMP.Given() {
		return []ruleset.Facts{f}
	}
	kind, code := ruleset.ICMPType, ruleset.ICMPCode
	if fam == ruleset.IP6 {
		kind, code = ruleset.ICMP6Type, ruleset.ICMP6Code
	}
	if m.ICMP.Not {
		return otherICMP(f, m.ICMP.Values, kind, code)
	}
	var forms []ruleset.Facts
	for _, t := range m.ICMP.Values {
		g := with(f, kind, ruleset.Span(uint64(t.Type), uint64(t.Type)))
		if !t.AnyCode {
			g[code] = []ruleset.Range{ruleset.Span(uint64(t.Code), uint64(t.Code))}
		}
		forms = append(forms, g)
	}
	return forms
}

// otherICMP are the facts of packets that have none of the types: other types,
// and other codes of those of which only some codes are meant.
func otherICMP(f ruleset.Facts, types []packet.ICMPType, kind, code ruleset.Field) []ruleset.Facts {
	var listed []ruleset.Range
	codes := map[uint8][]ruleset.Range{}
	for _, t := range types {
		listed = append(listed, ruleset.Span(uint64(t.Type), uint64(t.Type)))
		if t.AnyCode {
			codes[t.Type] = append(codes[t.Type], ruleset.Span(0, 255))
		} else {
			codes[t.Type] = append(codes[t.Type], ruleset.Span(uint64(t.Code), uint64(t.Code)))
		}
	}
	forms := []ruleset.Facts{with(f, kind, others(joined(listed), 8)...)}
	for _, t := range slices.Sorted(maps.Keys(codes)) {
		if left := others(joined(codes[t]), 8); len(left) > 0 {
			forms = append(forms, with(with(f, kind, ruleset.Span(uint64(t), uint64(t))), code, left...))
		}
	}
	return forms
}

// anyPort splits the forms into those with the source port and those with the
// destination port; negated, both must be others.
func anyPort(forms []ruleset.Facts, s match.Set[match.Range]) (split []ruleset.Facts) {
	if !s.Given() {
		return forms
	}
	known := joined(ranges(s, ports).ranges)
	for _, f := range forms {
		if s.Not {
			if g, ok := narrowed(f, ruleset.SourcePort, others(known, 16)); ok {
				split = appendNarrowed(split, g, ruleset.DestPort, others(known, 16))
			}
			continue
		}
		split = appendNarrowed(split, f, ruleset.SourcePort, known)
		split = appendNarrowed(split, f, ruleset.DestPort, known)
	}
	return split
}

func appendNarrowed(forms []ruleset.Facts, f ruleset.Facts, field ruleset.Field, known []ruleset.Range) []ruleset.Facts {
	if g, ok := narrowed(f, field, known); ok {
		return append(forms, g)
	}
	return forms
}

// narrowed is facts with what they and the ranges have in common of a field;
// false where that is nothing.
func narrowed(f ruleset.Facts, field ruleset.Field, known []ruleset.Range) (ruleset.Facts, bool) {
	if had := f[field]; len(had) > 0 {
		known = shared(had, known)
	}
	return with(f, field, known...), len(known) > 0
}

// with is a copy of facts and one more.
func with(f ruleset.Facts, field ruleset.Field, known ...ruleset.Range) ruleset.Facts {
	g := make(ruleset.Facts, len(f)+1)
	for k, v := range f {
		g[k] = v
	}
	g[field] = known
	return g
}

// at is the question as it stands at a hook of a table's family; false where no
// such packet comes by.
func (q *Question) at(fam ruleset.Family, hook ruleset.Hook) (forms []ruleset.Facts, comes bool) {
	if fam == ruleset.ARP || (fam == ruleset.IP || fam == ruleset.IP6) && fam != q.Family {
		return nil, false
	}
	begins := hook == ruleset.Output
	arrives := hook == ruleset.Ingress || hook == ruleset.Prerouting || hook == ruleset.Input
	routed := layerOf(fam, hook) == ipLayer
	if routed && (begins && q.in || hook == ruleset.Input && q.out) {
		return nil, false
	}
	for _, f := range q.Forms {
		g := with(f, ruleset.NFProto, ruleset.Span(uint64(q.Family), uint64(q.Family)))
		if !routed {
			q.asFrame(g)
		}
		if begins {
			none(g, ruleset.InName, ruleset.InIndex)
		}
		if arrives {
			none(g, ruleset.OutName, ruleset.OutIndex)
		}
		forms = append(forms, g)
	}
	return forms, len(forms) > 0
}

// asFrame changes facts to what holds below IP: there the family is the hook's,
// a VLAN's header may be around the packet, and interfaces are the ports of
// bridges, while those asked for may be the bridges.
func (q *Question) asFrame(g ruleset.Facts) {
	delete(g, ruleset.NFProto)
	delete(g, ruleset.InName)
	delete(g, ruleset.OutName)
	g["meta protocol"], g[ruleset.EtherType] = q.etherTypes(), q.etherTypes()
}

// etherTypes are those of the family, and those of a VLAN that may be around it.
func (q *Question) etherTypes() []ruleset.Range {
	family := uint64(0x0800)
	if q.Family == ruleset.IP6 {
		family = 0x86dd
	}
	return joined([]ruleset.Range{ruleset.Span(family, family), ruleset.Span(0x8100, 0x8100), ruleset.Span(0x88a8, 0x88a8)})
}

// none: where a packet has no interface, its name is empty and its index 0
// (net/netfilter/nft_meta.c: nft_meta_store_ifname; legacy tables have nulldevname).
func none(f ruleset.Facts, name, index ruleset.Field) {
	f[name] = []ruleset.Range{ruleset.Only(ruleset.Name(""))}
	f[index] = []ruleset.Range{ruleset.Span(0, 0)}
}
