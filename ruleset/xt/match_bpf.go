package xt

import (
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchBPF runs a BPF program over the packet (include/uapi/linux/netfilter/xt_bpf.h).
type MatchBPF struct {
	Mode    uint16 // XT_BPF_MODE_*: 0 bytecode, 1 pinned, 2 a file descriptor
	Program []BPFInstruction
	Path    string
}

// BPFInstruction is struct sock_filter of include/uapi/linux/filter.h.
type BPFInstruction struct {
	Code   uint16
	JT, JF uint8
	K      uint32
}

func decodeBPF0(b info, _ Env) Match { return MatchBPF{Program: b.program(4, b.u16(0))} }

func decodeBPF1(b info, _ Env) Match {
	m := MatchBPF{Mode: b.u16(0)}
	switch m.Mode {
	case 0:
		m.Program = b.program(8, b.u16(2))
	case 1:
		m.Path = b.text(8, 512)
	}
	return m
}

func (b info) program(at int, count uint16) (p []BPFInstruction) {
	for range min(count, 64) {
		p = append(p, BPFInstruction{b.u16(at), b.u8(at + 2), b.u8(at + 3), b.u32(at + 4)})
		at += 8
	}
	return p
}

// Name is "bpf".
func (MatchBPF) Name() string { return "bpf" }

// AppendSave implements [Match]. A program that came as a file descriptor has
// no words in iptables, which refuses to print it.
func (m MatchBPF) AppendSave(dst []byte) []byte {
	switch m.Mode {
	case 0:
		dst = fmt.Appendf(option(dst, false, "bytecode"), ` "%d`, len(m.Program))
		for _, i := range m.Program {
			dst = fmt.Appendf(dst, ",%d %d %d %d", i.Code, i.JT, i.JF, i.K)
		}
		return append(dst, '"')
	case 1:
		return bare(option(dst, false, "object-pinned"), m.Path)
	}
	return fmt.Appendf(dst, " [mode %d]", m.Mode)
}

// when: net/netfilter/xt_bpf.c runs it over the packet.
func (MatchBPF) when(asked) []ruleset.Condition {
	return untold("depends on what a BPF program says")
}
