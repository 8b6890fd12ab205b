package xt

import "github.com/pktrail/pktrail/ruleset"

// TargetCT says how a flow is to be tracked, or that it is not
// (include/uapi/linux/netfilter/xt_CT.h: XT_CT_*).
type TargetCT struct {
	Flags           uint16
	Zone            uint16
	Events, Expects uint32 // bits 1<<IPCT_*, 1<<IPEXP_*
	Helper, Timeout string
	alias           bool // shown as NOTRACK where it was written so: since revision 2
}

// The bits of TargetCT.Flags.
const (
	ctNoTrack      = 1 << 0
	ctNoTrackAlias = 1 << 1
	ctZoneOrig     = 1 << 2
	ctZoneReply    = 1 << 3
	ctZoneMark     = 1 << 4
)

func decodeCT0(b info, _ Env) Target {
	return TargetCT{Flags: b.u16(0), Zone: b.u16(2), Events: b.u32(4), Expects: b.u32(8), Helper: b.text(12, 16)}
}

func decodeCT1(b info, e Env) Target {
	t := decodeCT0(b, e).(TargetCT)
	t.Timeout = b.text(28, 32)
	return t
}

func decodeCT2(b info, e Env) Target {
	t := decodeCT1(b, e).(TargetCT)
	t.alias = true
	return t
}

// Name is "CT" or "NOTRACK".
func (t TargetCT) Name() string {
	if t.alias && t.Flags&ctNoTrackAlias != 0 {
		return "NOTRACK"
	}
	return "CT"
}

// AppendSave implements [Target].
func (t TargetCT) AppendSave(dst []byte) []byte {
	if t.Flags&ctNoTrackAlias != 0 {
		return dst
	}
	if t.Flags&ctNoTrack != 0 {
		dst = option(dst, false, "notrack")
	}
	if t.Helper != "" {
		dst = bare(option(dst, false, "helper"), t.Helper)
	}
	if t.Timeout != "" {
		dst = bare(option(dst, false, "timeout"), t.Timeout)
	}
	if t.Events != 0 {
		dst = ctEvents(option(dst, false, "ctevents"), t.Events)
	}
	if t.Expects != 0 {
		dst = bitWords(append(option(dst, false, "expevents"), ' '), t.Expects, "new")
	}
	if t.Flags&ctZoneMark != 0 || t.Zone != 0 {
		dst = t.appendZone(dst)
	}
	return dst
}

// ctEventWords are the events of enum ip_conntrack_events in their order.
const ctEventWords = "new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark"

func ctEvents(dst []byte, events uint32) []byte {
	return bitWords(append(dst, ' '), events, ctEventWords)
}

func (t TargetCT) appendZone(dst []byte) []byte {
	name := "zone"
	switch t.Flags & (ctZoneOrig | ctZoneReply) {
	case ctZoneOrig:
		name = "zone-orig"
	case ctZoneReply:
		name = "zone-reply"
	}
	dst = option(dst, false, name)
	if t.Flags&ctZoneMark != 0 {
		return bare(dst, "mark")
	}
	return number(dst, t.Zone)
}

func parseNoTrack(a *arguments, _ Env) Target {
	a.plain(func(given) bool { return false })
	return TargetCT{Flags: ctNoTrack | ctNoTrackAlias, alias: true}
}

func parseCT(a *arguments, _ Env) Target {
	t := TargetCT{alias: true}
	a.plain(func(g given) bool {
		switch g.name {
		case "notrack":
			t.Flags |= ctNoTrack
		case "helper":
			t.Helper = a.text(g)
		case "timeout":
			t.Timeout = a.text(g)
		case "ctevents":
			t.Events = a.wordBits(g, ctEventWords)
		case "expevents":
			t.Expects = a.wordBits(g, "new")
		case "zone":
			t.parseZone(a, g)
		case "zone-orig":
			t.Flags |= ctZoneOrig
			t.parseZone(a, g)
		case "zone-reply":
			t.Flags |= ctZoneReply
			t.parseZone(a, g)
		default:
			return false
		}
		return true
	})
	return t
}

func (t *TargetCT) parseZone(a *arguments, g given) {
	if a.text(g) == "mark" {
		t.Flags |= ctZoneMark
		return
	}
	t.Zone = a.u16(g)
}

func (t TargetCT) affect(e *ruleset.Effect, _ ruleset.Family) {
	e.NoTrack = t.Flags&(ctNoTrack|ctNoTrackAlias) != 0
	e.ReadsMark = t.Flags&ctZoneMark != 0
}
