package xt

import (
	"fmt"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchSCTP looks at ports and chunks of SCTP (include/uapi/linux/netfilter/xt_sctp.h).
type MatchSCTP struct {
	Flags, Not          uint32 // XT_SCTP_*: bits 0 source port, 1 destination port, 2 chunks
	Source, Destination Ports
	Chunks              [64]uint32 // bit n of the whole: chunk type n; the kernel has room for eight times as many
	How                 uint32     // SCTP_CHUNK_MATCH_*: 1 any, 2 all, 4 only
	ChunkFlags          []SCTPChunkFlags
}

// SCTPChunkFlags says which flags of a chunk must be set or not.
type SCTPChunkFlags struct{ Type, Flags, Mask uint8 }

func decodeSCTP(b info, _ Env) Match {
	m := MatchSCTP{Destination: b.ports(0), Source: b.ports(4), How: b.u32(264), Flags: b.u32(284), Not: b.u32(288)}
	for i := range m.Chunks {
		m.Chunks[i] = b.u32(8 + 4*i)
	}
	for i := range int(min(b.u32(280), 4)) {
		m.ChunkFlags = append(m.ChunkFlags, SCTPChunkFlags{b.u8(268 + 3*i), b.u8(269 + 3*i), b.u8(270 + 3*i)})
	}
	return m
}

// Name is "sctp".
func (MatchSCTP) Name() string { return "sctp" }

// AppendSave implements [Match].
func (m MatchSCTP) AppendSave(dst []byte) []byte {
	if m.Flags&1 != 0 {
		dst = reach(option(dst, m.Not&1 != 0, "sport"), m.Source.Low, m.Source.High)
	}
	if m.Flags&2 != 0 {
		dst = reach(option(dst, m.Not&2 != 0, "dport"), m.Destination.Low, m.Destination.High)
	}
	if m.Flags&4 != 0 {
		dst = m.appendChunks(option(dst, m.Not&4 != 0, "chunk-types"))
	}
	return dst
}

func (m MatchSCTP) appendChunks(dst []byte) []byte {
	switch m.How {
	case 1:
		dst = bare(dst, "any")
	case 2:
		dst = bare(dst, "all")
	case 4:
		dst = bare(dst, "only")
	}
	var none, all [64]uint32
	for i := range all {
		all[i] = ^none[i]
	}
	switch m.Chunks {
	case none:
		return bare(dst, "NONE")
	case all:
		return bare(dst, "ALL")
	}
	dst = append(dst, ' ')
	var l list
	for i := range 256 {
		if m.Chunks[i/32]>>(i%32)&1 != 0 {
			dst = m.appendChunk(l.next(dst), uint8(i))
		}
	}
	return dst
}

// sctpChunk is a chunk's type, its word, and letters for its flags from bit 7 down.
type sctpChunk struct {
	kind  uint8
	name  string
	flags string
}

func sctpChunks() []sctpChunk {
	return []sctpChunk{
		{0, "DATA", "----IUBE"}, {1, "INIT", ""}, {2, "INIT_ACK", ""}, {3, "SACK", ""}, {4, "HEARTBEAT", ""},
		{5, "HEARTBEAT_ACK", ""}, {6, "ABORT", "-------T"}, {7, "SHUTDOWN", ""}, {8, "SHUTDOWN_ACK", ""},
		{9, "ERROR", ""}, {10, "COOKIE_ECHO", ""}, {11, "COOKIE_ACK", ""}, {12, "ECN_ECNE", ""}, {13, "ECN_CWR", ""},
		{14, "SHUTDOWN_COMPLETE", "-------T"}, {64, "I_DATA", "----IUBE"}, {130, "RE_CONFIG", ""}, {132, "PAD", ""},
		{193, "ASCONF", ""}, {128, "ASCONF_ACK", ""}, {192, "FORWARD_TSN", ""}, {194, "I_FORWARD_TSN", ""},
	}
}

// appendChunk writes a chunk's word, or its number, which iptables leaves out.
func (m MatchSCTP) appendChunk(dst []byte, kind uint8) []byte {
	all := sctpChunks()
	c := sctpChunk{name: fmt.Sprint(kind)}
	if i := slices.IndexFunc(all, func(c sctpChunk) bool { return c.kind == kind }); i >= 0 {
		c = all[i]
	}
	dst = append(dst, c.name...)
	for _, f := range m.ChunkFlags {
		if f.Type == kind && f.Mask != 0 {
			dst = c.appendFlags(append(dst, ':'), f)
		}
	}
	return dst
}

// appendFlags writes flags that must be set large, those that must not small.
func (c sctpChunk) appendFlags(dst []byte, f SCTPChunkFlags) []byte {
	for bit := 7; bit >= 0; bit-- {
		if f.Mask>>bit&1 == 0 {
			continue
		}
		letter := byte('-')
		if len(c.flags) == 8 {
			letter = c.flags[7-bit]
		}
		if f.Flags>>bit&1 == 0 && letter != '-' {
			letter |= 'a' - 'A'
		}
		dst = append(dst, letter)
	}
	return dst
}

// when mirrors net/netfilter/xt_sctp.c: sctp_mt.
func (m MatchSCTP) when(asked) []ruleset.Condition {
	all := portConditions(m.Source, m.Destination, m.Flags&1 != 0, m.Flags&2 != 0, m.Not&1 != 0, m.Not&2 != 0)
	if m.Flags&4 != 0 {
		all = append(all, untold("looks through the chunks of SCTP")...)
	}
	return all
}
