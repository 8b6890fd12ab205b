package xt

import (
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchRecent keeps and asks a list of addresses that were seen lately
// (include/uapi/linux/netfilter/xt_recent.h: XT_RECENT_*).
type MatchRecent struct {
	Seconds, HitCount uint32
	Ops               uint8
	Not               bool
	List              string
	Side              uint8      // 0 source, 1 destination
	Mask              netip.Addr // invalid for revision 0, which has none
}

func decodeRecent0(b info, _ Env) Match {
	return MatchRecent{
		Seconds: b.u32(0), HitCount: b.u32(4), Ops: b.u8(8), Not: b.is(9), List: b.text(10, 200), Side: b.u8(210),
	}
}

func decodeRecent1(b info, e Env) Match {
	m := decodeRecent0(b, e).(MatchRecent)
	m.Mask = b.addr(212, e.Family)
	return m
}

// Name is "recent".
func (MatchRecent) Name() string { return "recent" }

// AppendSave implements [Match].
func (m MatchRecent) AppendSave(dst []byte) []byte {
	if m.Not {
		dst = append(dst, " !"...)
	}
	dst = m.appendOps(dst)
	dst = bare(option(dst, false, "name"), m.List)
	if m.Mask.IsValid() {
		dst = address(append(option(dst, false, "mask"), ' '), m.Mask)
	}
	switch m.Side {
	case 0:
		dst = option(dst, false, "rsource")
	case 1:
		dst = option(dst, false, "rdest")
	}
	return dst
}

func (m MatchRecent) appendOps(dst []byte) []byte {
	for _, op := range [...]struct {
		bit  uint8
		name string
	}{{2, "set"}, {1, "rcheck"}, {4, "update"}, {8, "remove"}} {
		if m.Ops&op.bit != 0 {
			dst = option(dst, false, op.name)
		}
	}
	dst = unless(dst, m.Seconds, 0, "seconds")
	if m.Ops&0x20 != 0 {
		dst = option(dst, false, "reap")
	}
	dst = unless(dst, m.HitCount, 0, "hitcount")
	if m.Ops&0x10 != 0 {
		dst = option(dst, false, "rttl")
	}
	return dst
}

func parseRecent(a *arguments, e Env) Match {
	m := MatchRecent{List: "DEFAULT", Mask: maskOf(e.zeroAddr(), e.zeroAddr().BitLen())}
	a.each(func(g given) bool {
		switch g.name {
		case "set":
			m.Ops, m.Not = m.Ops|2, g.not
		case "rcheck":
			m.Ops, m.Not = m.Ops|1, g.not
		case "update":
			m.Ops, m.Not = m.Ops|4, g.not
		case "remove":
			m.Ops, m.Not = m.Ops|8, g.not
		default:
			return !g.not && m.parseModifier(a, g, e)
		}
		return a.flag(g)
	})
	return m
}

func (m *MatchRecent) parseModifier(a *arguments, g given, e Env) bool {
	switch g.name {
	case "seconds":
		m.Seconds = a.u32(g)
	case "hitcount":
		m.HitCount = a.u32(g)
	case "reap":
		m.Ops |= 0x20
	case "rttl":
		m.Ops |= 0x10
	case "name":
		m.List = a.text(g)
	case "mask":
		m.Mask = a.addr(g, a.text(g), e)
	case "rsource":
		m.Side = 0
	case "rdest":
		m.Side = 1
	default:
		return false
	}
	return true
}

func (m MatchRecent) affect(e *ruleset.Effect, _ ruleset.Family) {
	if m.Ops&(2|4|8) != 0 {
		e.WritesSets = append(e.WritesSets, m.List)
	}
	if m.Ops&(1|4|8) != 0 {
		e.ReadsSets = append(e.ReadsSets, m.List)
	}
}

// when: net/netfilter/xt_recent.c asks and changes the list.
func (MatchRecent) when(asked) []ruleset.Condition {
	return untold("depends on a list of addresses seen lately")
}
