package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchCgroup looks at the control group of the socket that sent the packet
// (include/uapi/linux/netfilter/xt_cgroup.h).
type MatchCgroup struct {
	HasPath, HasClass bool
	NotPath, NotClass bool
	Path              string
	Class             uint32
}

func decodeCgroup0(b info, _ Env) Match {
	return MatchCgroup{HasClass: true, Class: b.u32(0), NotClass: b.u32(4) != 0}
}

func decodeCgroup1(b info, _ Env) Match { return decodeCgroup(b, 4096, 4100) }
func decodeCgroup2(b info, _ Env) Match { return decodeCgroup(b, 512, 4) }

func decodeCgroup(b info, pathSize, class int) MatchCgroup {
	m := MatchCgroup{HasPath: b.is(0), HasClass: b.is(1), NotPath: b.is(2), NotClass: b.is(3)}
	if m.HasPath {
		m.Path = b.text(4, pathSize)
	}
	if m.HasClass {
		m.Class = b.u32(class)
	}
	return m
}

// Name is "cgroup".
func (MatchCgroup) Name() string { return "cgroup" }

// AppendSave implements [Match].
func (m MatchCgroup) AppendSave(dst []byte) []byte {
	if m.HasPath {
		dst = quoted(option(dst, m.NotPath, "path"), m.Path)
	}
	if m.HasClass {
		dst = number(option(dst, m.NotClass, "cgroup"), m.Class)
	}
	return dst
}

// when mirrors net/netfilter/xt_cgroup.c: cgroup_mt_v2.
func (m MatchCgroup) when(asked) []ruleset.Condition {
	var all []ruleset.Condition
	if m.HasPath {
		all = untold("depends on the control group of the socket that sent the packet")
	}
	if m.HasClass {
		all = append(all, number32(cgroupField, Span{m.Class, m.Class}, m.NotClass))
	}
	return all
}
