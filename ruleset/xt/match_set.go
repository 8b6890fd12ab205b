package xt

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchSet looks the packet up in an ipset (include/uapi/linux/netfilter/xt_set.h).
type MatchSet struct {
	Set            SetRef
	ReturnNoMatch  bool
	NoCounters     bool // the entry's counters stay as they are
	NoSubCounters  bool // so do those of the members of a list
	Packets, Bytes SetCounter
}

// SetRef names an ipset and the parts of a packet that are looked up in it.
type SetRef struct {
	Index uint16 // in the kernel; 65535 is none
	Name  string // empty when the set's name is not known
	Dim   uint8
	Flags uint8 // bit 0: negated; bit i: part i is the source
}

// SetCounter compares a counter of a set's entry.
type SetCounter struct {
	Op    uint8 // IPSET_COUNTER_*: 0 none, 1 equal, 2 not equal, 3 less, 4 greater
	Value uint64
}

const noSet = 0xffff

func (b info) setRef(at int, e Env) SetRef {
	index := b.u16(at)
	return SetRef{index, e.setName(index), b.u8(at + 2), b.u8(at + 3)}
}

func decodeSet1(b info, e Env) Match { return MatchSet{Set: b.setRef(0, e)} }

func decodeSet2(b info, e Env) Match {
	return MatchSet{Set: b.setRef(0, e), ReturnNoMatch: b.u8(3)&0x80 != 0}
}

func decodeSet3(b info, e Env) Match {
	m := MatchSet{Packets: SetCounter{b.u8(8), b.u64(16)}, Bytes: SetCounter{b.u8(24), b.u64(32)}}
	return m.withFlags(b, e)
}

func decodeSet4(b info, e Env) Match {
	m := MatchSet{Packets: SetCounter{b.u8(16), b.u64(8)}, Bytes: SetCounter{b.u8(32), b.u64(24)}}
	return m.withFlags(b, e)
}

func (m MatchSet) withFlags(b info, e Env) Match {
	m.Set = b.setRef(0, e)
	m.ReturnNoMatch, m.NoCounters, m.NoSubCounters = b.flag(40, 1<<7), b.flag(40, 1<<3), b.flag(40, 1<<4)
	return m
}

// Name is "set".
func (MatchSet) Name() string { return "set" }

// AppendSave implements [Match].
func (m MatchSet) AppendSave(dst []byte) []byte {
	dst = m.Set.append(option(dst, m.Set.Flags&1 != 0, "match-set"))
	if m.ReturnNoMatch {
		dst = option(dst, false, "return-nomatch")
	}
	if m.NoCounters {
		dst = option(dst, true, "update-counters")
	}
	if m.NoSubCounters {
		dst = option(dst, true, "update-subcounters")
	}
	return m.Bytes.append(m.Packets.append(dst, "packets"), "bytes")
}

// append writes the set's name and parts; a set without a known name by its index.
func (s SetRef) append(dst []byte) []byte {
	dst = bare(dst, s.name())
	sep := byte(' ')
	for i := 1; i <= int(s.Dim) && i < 8; i++ {
		word := "dst"
		if s.Flags>>i&1 != 0 {
			word = "src"
		}
		dst = append(append(dst, sep), word...)
		sep = ','
	}
	return dst
}

func (c SetCounter) append(dst []byte, name string) []byte {
	suffix := [...]string{"", "-eq", "-eq", "-lt", "-gt"}
	if c.Op == 0 || int(c.Op) >= len(suffix) {
		return dst
	}
	dst = append(option(dst, c.Op == 2, name), suffix[c.Op]...)
	return number(dst, c.Value)
}

func parseSet(a *arguments, _ Env) Match {
	var m MatchSet
	a.each(func(g given) bool {
		switch g.name {
		case "match-set":
			if m.Set = a.setRef(g); g.not {
				m.Set.Flags |= 1
			}
		case "return-nomatch":
			m.ReturnNoMatch = a.flag(g) && !g.not
		case "update-counters":
			m.NoCounters = a.flag(g) && g.not
		case "update-subcounters":
			m.NoSubCounters = a.flag(g) && g.not
		default:
			return a.setCounter(g, "packets", &m.Packets) || a.setCounter(g, "bytes", &m.Bytes)
		}
		return true
	})
	return m
}

// setRef reads a set's name and the parts of a packet; the kernel's index of
// the set is not in the text and stays 0.
func (a *arguments) setRef(g given) SetRef {
	if len(g.args) != 2 {
		a.fail(g, "it takes a set's name and src or dst")
		return SetRef{}
	}
	s := SetRef{Name: g.args[0]}
	for part := range strings.SplitSeq(g.args[1], ",") {
		if s.Dim++; s.Dim > 6 {
			a.fail(g, "no set has so many parts")
			break
		}
		s.Flags |= uint8(a.word(g, part, "dst,src")) << s.Dim
	}
	return s
}

func (a *arguments) setCounter(g given, name string, c *SetCounter) bool {
	suffix, ok := strings.CutPrefix(g.name, name+"-")
	ops := map[string]uint8{"eq": 1, "lt": 3, "gt": 4}
	if !ok || ops[suffix] == 0 || g.not && suffix != "eq" {
		return false
	}
	if *c = (SetCounter{ops[suffix], a.number(g, a.text(g), 64)}); g.not {
		c.Op = 2
	}
	return true
}

func (m MatchSet) affect(e *ruleset.Effect, _ ruleset.Family) {
	e.ReadsSets = append(e.ReadsSets, m.Set.name())
}

// name is the set's name, or its index where that is not known.
func (s SetRef) name() string {
	if s.Name == "" {
		return fmt.Sprintf("[set %d]", s.Index)
	}
	return s.Name
}

// when mirrors net/netfilter/xt_set.c: set_match_v4.
func (m MatchSet) when(a asked) []ruleset.Condition {
	source := make([]bool, min(m.Set.Dim, 6))
	for i := range source {
		source[i] = m.Set.Flags>>(i+1)&1 != 0
	}
	c := ruleset.Condition{Why: "the members of the set were not read", Set: m.Set.name()}
	switch {
	case m.ReturnNoMatch:
		c.Why = "asks for the set's entries that are no match"
	case a.members != nil:
		c = a.members(m.Set.name(), source)
	}
	c.Not = m.Set.Flags&1 != 0
	all := []ruleset.Condition{c}
	if m.Packets.Op != 0 || m.Bytes.Op != 0 {
		all = append(all, untold("compares the counters of the set's entry")...)
	}
	return all
}
