package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchDevgroup looks at the groups of the interfaces
// (include/uapi/linux/netfilter/xt_devgroup.h: XT_DEVGROUP_*).
type MatchDevgroup struct {
	Flags                 uint32
	Source, SourceMask    uint32
	Destination, DestMask uint32
	sourceName, destName  string
}

func decodeDevgroup(b info, e Env) Match {
	names := e.names().DeviceGroup
	return MatchDevgroup{
		Flags: b.u32(0), Source: b.u32(4), SourceMask: b.u32(8), Destination: b.u32(12), DestMask: b.u32(16),
		sourceName: names[b.u32(4)], destName: names[b.u32(12)],
	}
}

// Name is "devgroup".
func (MatchDevgroup) Name() string { return "devgroup" }

// AppendSave implements [Match].
func (m MatchDevgroup) AppendSave(dst []byte) []byte {
	if m.Flags&1 != 0 {
		dst = valueMask(option(dst, m.Flags&2 != 0, "src-group"), m.Source, m.SourceMask, m.sourceName)
	}
	if m.Flags&4 != 0 {
		dst = valueMask(option(dst, m.Flags&8 != 0, "dst-group"), m.Destination, m.DestMask, m.destName)
	}
	return dst
}

// when mirrors net/netfilter/xt_devgroup.c: devgroup_mt, which masks both sides.
func (m MatchDevgroup) when(asked) []ruleset.Condition {
	var all []ruleset.Condition
	if m.Flags&1 != 0 {
		all = append(all, masked32(inGroup, m.Source&m.SourceMask, m.SourceMask, m.Flags&2 != 0))
	}
	if m.Flags&4 != 0 {
		all = append(all, masked32(outGroup, m.Destination&m.DestMask, m.DestMask, m.Flags&8 != 0))
	}
	return all
}
