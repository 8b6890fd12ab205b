package flows

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/packet"
)

// Expect is the form in which an expectation is shown. It shares no memory with e.
// Netns is the caller's to fill.
func Expect(e *conntrack.Expect) *journey.Expect {
	e = e.Clone()
	out := &journey.Expect{
		Schema: journey.ExpectSchema, Family: familyName(&conntrack.Flow{Family: e.Family, Orig: e.Tuple}),
		ID: hasExpect(e, conntrack.HasExpectID, &e.ID), Timeout: hasExpect(e, conntrack.HasExpectTimeout, &e.Timeout),
		Zone: hasExpect(e, conntrack.HasExpectZone, &e.Zone), Class: hasExpect(e, conntrack.HasExpectClass, &e.Class),
		Helper: e.Helper, Func: e.Func, NAT: expectNAT(e), Unknown: attributes(e.Unknown),
	}
	if e.Tuple.Has&conntrack.HasProto != 0 {
		out.Proto = packet.ProtoName(e.Tuple.Proto)
	}
	if e.Has&conntrack.HasExpectFlags != 0 {
		out.Flags = expectFlags(e.Flags)
	}
	var m Maker
	for _, side := range [...]struct {
		to *journey.FlowSide
		t  *conntrack.Tuple
	}{{&out.Tuple, &e.Tuple}, {&out.Mask, &e.Mask}, {&out.Master, &e.Master}} {
		m.side(side.to, side.t, &journey.FlowICMP{})
	}
	return out
}

func hasExpect[T any](e *conntrack.Expect, bit conntrack.ExpectFields, v *T) *T {
	if e.Has&bit == 0 {
		return nil
	}
	return v
}

// expectFlags is never nil: none that is set is known to be none.
func expectFlags(flags uint32) []string {
	words := []string{}
	for _, f := range [...]struct {
		bit  uint32
		word string
	}{{conntrack.ExpectPermanent, "PERMANENT"}, {conntrack.ExpectInactive, "INACTIVE"}, {conntrack.ExpectUserspace, "USERSPACE"}} {
		if flags&f.bit != 0 {
			words = append(words, f.word)
			flags &^= f.bit
		}
	}
	if flags != 0 {
		words = append(words, "0x"+strconv.FormatUint(uint64(flags), 16))
	}
	return words
}

func expectNAT(e *conntrack.Expect) *journey.ExpectNAT {
	if e.Has&conntrack.HasExpectNATDir == 0 {
		return nil
	}
	n := &journey.ExpectNAT{Direction: "orig", SrcPort: hasTuple(&e.NATTuple, conntrack.HasSrcPort, &e.NATTuple.SrcPort)}
	if e.NATDir != 0 {
		n.Direction = "reply"
	}
	if e.NATTuple.Src.IsValid() {
		n.Src = &e.NATTuple.Src
	}
	return n
}

// JudgeExpect tells whether the flow that is expected is one that MATCH means. Of
// an end that the expectation leaves open that is not known.
func JudgeExpect(m *match.Match, e *conntrack.Expect) match.Verdict {
	asked, open := *m, []string{}
	for _, end := range [...]struct {
		what  string
		given bool
		whole bool
		strip func()
	}{
		{"source", m.Src.Given(), wholeAddr(e.Tuple.Src, e.Mask.Src), func() { asked.Src = match.Set[netip.Prefix]{} }},
		{"destination", m.Dst.Given(), wholeAddr(e.Tuple.Dst, e.Mask.Dst), func() { asked.Dst = match.Set[netip.Prefix]{} }},
		{"source port", m.SrcPort.Given(), e.Mask.SrcPort == 0xffff, func() { asked.SrcPort = match.Set[match.Range]{} }},
		{"destination port", m.DstPort.Given(), e.Mask.DstPort == 0xffff, func() { asked.DstPort = match.Set[match.Range]{} }},
	} {
		if end.given && !end.whole {
			open = append(open, end.what)
			end.strip()
		}
	}
	v := judgeTuple(&asked, &conntrack.Flow{Family: e.Family}, &e.Tuple)
	if v.Answer == match.Yes && len(open) > 0 {
		return unknown("the expectation leaves open the " + strings.Join(open, " and the "))
	}
	return v
}

func wholeAddr(a, mask netip.Addr) bool {
	return a.IsValid() && mask.IsValid() && !slices.ContainsFunc(mask.AsSlice(), func(b byte) bool { return b != 0xff })
}
