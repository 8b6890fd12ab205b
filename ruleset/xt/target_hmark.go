package xt

import (
	"net/netip"
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// TargetHMark sets the packet's mark to a hash (include/uapi/linux/netfilter/xt_HMARK.h:
// XT_HMARK_*). Ports and SPIs are in network byte order in the kernel, in the host's here.
type TargetHMark struct {
	Flags                 uint32
	SourceMask, DestMask  netip.Addr
	PortMask, PortSet     [4]byte // two ports or one SPI
	ProtoMask             uint16
	Seed, Modulus, Offset uint32
}

func decodeHMark(b info, e Env) Target {
	return TargetHMark{
		Flags: b.u32(40), SourceMask: b.addr(0, e.Family), DestMask: b.addr(16, e.Family),
		PortMask: [4]byte(b[32:36]), PortSet: [4]byte(b[36:40]), ProtoMask: b.u16(44),
		Seed: b.u32(48), Modulus: b.u32(52), Offset: b.u32(56),
	}
}

// Name is "HMARK".
func (TargetHMark) Name() string { return "HMARK" }

// AppendSave implements [Target].
func (t TargetHMark) AppendSave(dst []byte) []byte {
	for i, mask := range [...]netip.Addr{t.SourceMask, t.DestMask} {
		if t.Flags>>i&1 != 0 {
			dst = option(dst, false, [...]string{"hmark-src-prefix", "hmark-dst-prefix"}[i])
			dst = strconv.AppendInt(append(dst, ' '), int64(prefixLen(mask)), 10)
		}
	}
	for _, o := range t.numbers() {
		if t.Flags>>o.bit&1 == 0 {
			continue
		}
		dst = append(option(dst, false, "hmark-"), o.name...)
		if o.digits > 0 {
			dst = padded(append(dst, " 0x"...), o.value, o.digits)
		} else {
			dst = number(dst, o.value)
		}
	}
	if t.Flags>>12&1 != 0 {
		dst = bare(option(dst, false, "hmark-tuple"), "ct")
	}
	return dst
}

// hmarkNumber is an option with a number, in so many hexadecimal digits or in decimal ones.
type hmarkNumber struct {
	bit    int
	name   string
	value  uint32
	digits int
}

func (t TargetHMark) numbers() []hmarkNumber {
	high := func(b [4]byte) uint32 { return uint32(b[0])<<8 | uint32(b[1]) }
	low := func(b [4]byte) uint32 { return uint32(b[2])<<8 | uint32(b[3]) }
	whole := func(b [4]byte) uint32 { return high(b)<<16 | low(b) }
	return []hmarkNumber{
		{6, "sport-mask", high(t.PortMask), 4}, {7, "dport-mask", low(t.PortMask), 4}, {3, "spi-mask", whole(t.PortMask), 8},
		{4, "sport", high(t.PortSet), 4}, {5, "dport", low(t.PortSet), 4}, {2, "spi", whole(t.PortSet), 8},
		{8, "proto-mask", uint32(t.ProtoMask), 2}, {9, "rnd", t.Seed, 8}, {10, "mod", t.Modulus, 0}, {11, "offset", t.Offset, 0},
	}
}

// prefixLen is a mask's length, or -1 when it has holes.
func prefixLen(mask netip.Addr) int {
	if n, ok := maskLen(mask); ok {
		return n
	}
	return -1
}

func (TargetHMark) affect(e *ruleset.Effect, _ ruleset.Family) { setsMark(e, 0xffffffff) }
