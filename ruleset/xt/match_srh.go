package xt

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchSRH looks at the segment routing header of IPv6
// (include/uapi/linux/netfilter_ipv6/ip6t_srh.h: IP6T_SRH_*).
type MatchSRH struct {
	Flags, Not                                  uint16
	NextHeader, Length, SegmentsLeft, LastEntry uint8
	Tag                                         uint16
	// SIDs are the previous, the next and the last segment, of revision 1.
	SIDs, Masks [3]netip.Addr
}

func decodeSRH0(b info, _ Env) Match { return decodeSRH(b, 6) }

func decodeSRH1(b info, _ Env) Match {
	m := decodeSRH(b, 104)
	for i := range 3 {
		m.SIDs[i], m.Masks[i] = b.addr(8+16*i, ruleset.IP6), b.addr(56+16*i, ruleset.IP6)
	}
	return m
}

func decodeSRH(b info, flags int) MatchSRH {
	return MatchSRH{
		NextHeader: b.u8(0), Length: b.u8(1), SegmentsLeft: b.u8(2), LastEntry: b.u8(3), Tag: b.u16(4),
		Flags: b.u16(flags), Not: b.u16(flags + 2),
	}
}

// Name is "srh".
func (MatchSRH) Name() string { return "srh" }

// AppendSave implements [Match].
func (m MatchSRH) AppendSave(dst []byte) []byte {
	for i, n := range [...]struct {
		name  string
		value uint16
	}{
		{"next-hdr", uint16(m.NextHeader)},
		{"hdr-len-eq", uint16(m.Length)}, {"hdr-len-gt", uint16(m.Length)}, {"hdr-len-lt", uint16(m.Length)},
		{"segs-left-eq", uint16(m.SegmentsLeft)}, {"segs-left-gt", uint16(m.SegmentsLeft)}, {"segs-left-lt", uint16(m.SegmentsLeft)},
		{"last-entry-eq", uint16(m.LastEntry)}, {"last-entry-gt", uint16(m.LastEntry)}, {"last-entry-lt", uint16(m.LastEntry)},
		{"tag", m.Tag},
	} {
		if m.Flags>>i&1 != 0 {
			dst = number(append(option(dst, m.Not>>i&1 != 0, "srh-"), n.name...), n.value)
		}
	}
	for i, name := range [...]string{"srh-psid", "srh-nsid", "srh-lsid"} {
		if m.Flags>>(11+i)&1 == 0 || !m.SIDs[i].IsValid() {
			continue
		}
		dst = address(append(option(dst, m.Not>>(11+i)&1 != 0, name), ' '), m.SIDs[i])
		n := prefixLen(m.Masks[i])
		dst = strconv.AppendInt(append(dst, '/'), int64(n), 10)
	}
	return dst
}

// when mirrors net/ipv6/netfilter/ip6t_srh.c: srh1_mt6, which passes no header
// whose segments left are more than it has.
func (m MatchSRH) when(asked) []ruleset.Condition {
	const segments = 4 // IPV6_SRCRT_TYPE_4
	all := []ruleset.Condition{number8(routeHeader, 1, false), number8(rtType, segments, false), segmentsWithin()}
	for i, f := range [...]ruleset.Field{
		rtNextHeader, rtLength, rtLength, rtLength, rtSegsLeft, rtSegsLeft, rtSegsLeft, srhLast, srhLast, srhLast, srhTag,
	} {
		if m.Flags>>i&1 != 0 {
			all = append(all, m.compare(f, i, m.Not>>i&1 != 0))
		}
	}
	if m.Flags&0x3800 != 0 {
		all = append(all, untold("looks at segments of the header")...)
	}
	return all
}

// compare is the condition of one bit of Flags: equal, greater or less for each
// number but the first and the last.
func (m MatchSRH) compare(f ruleset.Field, i int, not bool) ruleset.Condition {
	if f == srhTag { // the kernel compares the machine's number with the packet's bytes
		tag := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, m.Tag))
		return number16(f, Ports{tag, tag}, not)
	}
	n := map[ruleset.Field]uint8{rtNextHeader: m.NextHeader, rtLength: m.Length, rtSegsLeft: m.SegmentsLeft, srhLast: m.LastEntry}[f]
	switch {
	case i == 0 || i%3 == 1:
		return number8(f, n, not)
	case i%3 == 2 && n == 255, i%3 == 0 && n == 0:
		c := never(f)
		if not {
			c = there(f, 8)
		}
		return c
	case i%3 == 2:
		return single(f, not, ruleset.Span(uint64(n)+1, 255))
	}
	return single(f, not, ruleset.Span(0, uint64(n)-1))
}

func segmentsWithin() ruleset.Condition {
	c := ruleset.Condition{Fields: []ruleset.Field{rtSegsLeft, srhLast}, Rows: make([]ruleset.Row, 256)}
	for last := range uint64(256) {
		c.Rows[last].Ranges = []ruleset.Range{ruleset.Span(0, last), ruleset.Span(last, last)}
	}
	return c
}
