package xt

import (
	"math"

	"github.com/pktrail/pktrail/ruleset"
)

// TargetSet adds to, deletes from or maps by ipsets
// (include/uapi/linux/netfilter/xt_set.h: struct xt_set_info_target_v1 to v3).
type TargetSet struct {
	Add, Del, Map SetRef
	Flags         uint32 // IPSET_FLAG_*
	Timeout       uint32 // in seconds; the largest number for none
}

// The bits of TargetSet.Flags.
const (
	setExist    = 1 << 0
	setMapMark  = 1 << 8
	setMapPrio  = 1 << 9
	setMapQueue = 1 << 10
)

func decodeSetTarget1(b info, e Env) Target {
	return TargetSet{Add: b.setRef(0, e), Del: b.setRef(4, e), Map: SetRef{Index: noSet}, Timeout: math.MaxUint32}
}

func decodeSetTarget2(b info, e Env) Target {
	return TargetSet{b.setRef(0, e), b.setRef(4, e), SetRef{Index: noSet}, b.u32(8), b.u32(12)}
}

func decodeSetTarget3(b info, e Env) Target {
	return TargetSet{b.setRef(0, e), b.setRef(4, e), b.setRef(8, e), b.u32(12), b.u32(16)}
}

// Name is "SET".
func (TargetSet) Name() string { return "SET" }

// AppendSave implements [Target].
func (t TargetSet) AppendSave(dst []byte) []byte {
	dst = t.Add.appendUnlessNone(dst, "add-set")
	if t.Flags&setExist != 0 {
		dst = option(dst, false, "exist")
	}
	dst = unless(dst, t.Timeout, math.MaxUint32, "timeout")
	dst = t.Del.appendUnlessNone(dst, "del-set")
	dst = t.Map.appendUnlessNone(dst, "map-set")
	if t.Flags&setMapMark != 0 {
		dst = option(dst, false, "map-mark")
	}
	if t.Flags&setMapPrio != 0 {
		dst = option(dst, false, "map-prio")
	}
	if t.Flags&setMapQueue != 0 {
		dst = option(dst, false, "map-queue")
	}
	return dst
}

func (s SetRef) appendUnlessNone(dst []byte, name string) []byte {
	if s.Index == noSet {
		return dst
	}
	return s.append(option(dst, false, name))
}

func parseSetTarget(a *arguments, _ Env) Target {
	none := SetRef{Index: noSet}
	t := TargetSet{Add: none, Del: none, Map: none, Timeout: math.MaxUint32}
	a.plain(func(g given) bool {
		switch g.name {
		case "add-set":
			t.Add = a.setRef(g)
		case "del-set":
			t.Del = a.setRef(g)
		case "map-set":
			t.Map = a.setRef(g)
		case "exist":
			t.Flags |= setExist
		case "timeout":
			t.Timeout = a.u32(g)
		case "map-mark":
			t.Flags |= setMapMark
		case "map-prio":
			t.Flags |= setMapPrio
		case "map-queue":
			t.Flags |= setMapQueue
		default:
			return false
		}
		return true
	})
	return t
}

func (t TargetSet) affect(e *ruleset.Effect, _ ruleset.Family) {
	for _, s := range [...]SetRef{t.Add, t.Del} {
		if s.Index != noSet {
			e.WritesSets = append(e.WritesSets, s.name())
		}
	}
	if t.Map.Index != noSet {
		e.ReadsSets = append(e.ReadsSets, t.Map.name())
	}
	e.SetsMark = t.Flags&setMapMark != 0 // which bits, the set's entry says
}
