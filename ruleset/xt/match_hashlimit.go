package xt

import (
	"math"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchHashlimit matches up to or above a rate for each of many flows
// (include/uapi/linux/netfilter/xt_hashlimit.h).
type MatchHashlimit struct {
	Table                string
	Mode                 uint32 // XT_HASHLIMIT_*
	Average, Burst       uint64 // in the units of the revision
	Size, Max            uint32 // buckets, entries; 0 when left to the kernel
	GCInterval, Expire   uint32 // in ms
	Interval             uint32 // in s, of a rate match
	SourceMask, DestMask uint8  // lengths of prefixes
	scale                uint64 // parts of a second that Average counts
	fullMask             uint8
	rateMatch            bool
}

func decodeHashlimit1(b info, e Env) Match {
	m := MatchHashlimit{
		Table: b.text(0, 16), Mode: b.u32(16), Average: uint64(b.u32(20)), Burst: uint64(b.u32(24)), scale: 10_000,
	}
	return m.sized(b, 28, 44, e)
}

func decodeHashlimit2(b info, e Env) Match {
	m := MatchHashlimit{Table: b.text(0, 255), Average: b.u64(256), Burst: b.u64(264), Mode: b.u32(272), scale: 1_000_000}
	return m.sized(b, 276, 292, e)
}

func decodeHashlimit3(b info, e Env) Match {
	m := MatchHashlimit{Table: b.text(0, 255), Average: b.u64(256), Burst: b.u64(264), Mode: b.u32(272), scale: 1_000_000}
	m.Interval, m.rateMatch = b.u32(292), m.Mode&hashRateMatch != 0
	return m.sized(b, 276, 296, e)
}

// sized reads the part that all revisions have alike: sizes and times, and the masks.
func (m MatchHashlimit) sized(b info, sizes, masks int, e Env) Match {
	m.Size, m.Max, m.GCInterval, m.Expire = b.u32(sizes), b.u32(sizes+4), b.u32(sizes+8), b.u32(sizes+12)
	m.SourceMask, m.DestMask, m.fullMask = b.u8(masks), b.u8(masks+1), 32
	if e.Family == ruleset.IP6 {
		m.fullMask = 128
	}
	return m
}

// The bits of MatchHashlimit.Mode.
const (
	hashDestIP     = 1 << 0
	hashDestPort   = 1 << 1
	hashSourceIP   = 1 << 2
	hashSourcePort = 1 << 3
	hashAbove      = 1 << 4
	hashBytes      = 1 << 5
	hashRateMatch  = 1 << 6
)

// Name is "hashlimit".
func (MatchHashlimit) Name() string { return "hashlimit" }

// AppendSave implements [Match].
func (m MatchHashlimit) AppendSave(dst []byte) []byte {
	if m.Mode&hashAbove != 0 {
		dst = option(dst, false, "hashlimit-above")
	} else {
		dst = option(dst, false, "hashlimit-upto")
	}
	dst, expire := m.appendAverage(dst)
	dst = m.appendMode(dst)
	dst = bare(option(dst, false, "hashlimit-name"), m.Table)
	dst = unless(dst, m.Size, 0, "hashlimit-htable-size")
	dst = unless(dst, m.Max, 0, "hashlimit-htable-max")
	dst = unless(dst, m.GCInterval, 1000, "hashlimit-htable-gcinterval")
	dst = unless(dst, m.Expire, expire, "hashlimit-htable-expire")
	dst = unless(dst, uint32(m.SourceMask), uint32(m.fullMask), "hashlimit-srcmask")
	dst = unless(dst, uint32(m.DestMask), uint32(m.fullMask), "hashlimit-dstmask")
	if m.rateMatch {
		dst = option(dst, false, "hashlimit-rate-match")
		dst = unless(dst, m.Interval, 1, "hashlimit-rate-interval")
	}
	return dst
}

func unless(dst []byte, n, usual uint32, name string) []byte {
	if n == usual {
		return dst
	}
	return number(option(dst, false, name), n)
}

// appendAverage returns the time in ms after which entries expire by default.
func (m MatchHashlimit) appendAverage(dst []byte) ([]byte, uint32) {
	if m.Mode&hashBytes != 0 {
		return m.appendBytes(dst)
	}
	dst, unit := appendRate(dst, m.Average, m.scale)
	return number(option(dst, false, "hashlimit-burst"), m.Burst), uint32(unit * 1000)
}

// appendBytes writes bytes a second (extensions/libxt_hashlimit.c: print_bytes).
func (m MatchHashlimit) appendBytes(dst []byte) ([]byte, uint32) {
	bytes := costToBytes(m.Average)
	size, unit := uint64(1), ""
	switch {
	case bytes >= 1<<20 && bytesToCost(bytes&0xfff00000) == m.Average:
		size, unit = 1<<20, "m"
	case bytes >= 1<<10 && bytesToCost(bytes&0xfffffc00) == m.Average:
		size, unit = 1<<10, "k"
	}
	dst = append(append(number(dst, bytes/size), unit...), "b/s"...)
	if m.Burst == 0 {
		return dst, 15 * 1000
	}
	bytes *= m.Burst
	size, unit = 1, ""
	switch {
	case bytes >= 1<<20:
		size, unit = 1<<20, "m"
	case bytes >= 1<<10:
		size, unit = 1<<10, "k"
	}
	dst = number(option(dst, false, "hashlimit-burst"), bytes/size)
	return append(append(dst, unit...), 'b'), 60 * 1000
}

func costToBytes(cost uint64) uint64 {
	r := uint64(math.MaxUint32)
	if cost != 0 {
		r /= cost
	}
	return (r - 1) << 4
}

func bytesToCost(bytes uint64) uint64 {
	if r := uint32(bytes >> 4); r != math.MaxUint32 {
		return uint64(math.MaxUint32 / (r + 1))
	}
	return 0
}

func (m MatchHashlimit) appendMode(dst []byte) []byte {
	if m.Mode&(hashDestIP|hashDestPort|hashSourceIP|hashSourcePort) == 0 {
		return dst
	}
	dst = append(option(dst, false, "hashlimit-mode"), ' ')
	var l list
	for _, by := range [...]struct {
		bit  uint32
		word string
	}{{hashSourceIP, "srcip"}, {hashSourcePort, "srcport"}, {hashDestIP, "dstip"}, {hashDestPort, "dstport"}} {
		if m.Mode&by.bit != 0 {
			dst = append(l.next(dst), by.word...)
		}
	}
	return dst
}

// when: net/netfilter/xt_hashlimit.c keeps an account of each flow.
func (MatchHashlimit) when(asked) []ruleset.Condition {
	return untold("counts packets or bytes in a time")
}
