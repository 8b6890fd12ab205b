package xt

import "github.com/pktrail/pktrail/ruleset"

// MatchOpts looks at the hop-by-hop or the destination options of IPv6
// (include/uapi/linux/netfilter_ipv6/ip6t_opts.h: IP6T_OPTS_*).
type MatchOpts struct {
	Header     string // "hbh" or "dst"
	Length     uint32
	Flags, Not uint8
	Options    []uint16 // type in the upper byte, length in the lower, 255 for any
}

func decodeHBH(b info, _ Env) Match { return decodeOpts("hbh", b) }
func decodeDst(b info, _ Env) Match { return decodeOpts("dst", b) }

func decodeOpts(header string, b info) MatchOpts {
	m := MatchOpts{Header: header, Length: b.u32(0), Flags: b.u8(4), Not: b.u8(5)}
	for i := range min(int(b.u8(38)), 16) {
		m.Options = append(m.Options, b.u16(6+2*i))
	}
	return m
}

// Name is "hbh" or "dst".
func (m MatchOpts) Name() string { return m.Header }

// AppendSave implements [Match].
func (m MatchOpts) AppendSave(dst []byte) []byte {
	if m.Flags&1 != 0 {
		dst = number(option(dst, m.Not&1 != 0, m.Header+"-len"), m.Length)
	}
	if m.Flags&2 != 0 {
		dst = option(dst, false, m.Header+"-opts")
	}
	sep := byte(' ')
	for _, o := range m.Options {
		dst = appendDecimal(append(dst, sep), uint64(o>>8))
		if o&0xff != 0xff {
			dst = appendDecimal(append(dst, ':'), uint64(o&0xff))
		}
		sep = ','
	}
	return dst
}

// when mirrors net/ipv6/netfilter/ip6t_hbh.c: hbh_mt6.
func (m MatchOpts) when(asked) []ruleset.Condition {
	header, length := hopHeader, hopLength
	if m.Header == "dst" {
		header, length = destHeader, destLength
	}
	all := []ruleset.Condition{number8(header, 1, false)}
	if m.Flags&1 != 0 {
		all = append(all, headerLength(length, m.Length, 8, 1, m.Not&1 != 0))
	}
	if m.Flags&2 != 0 {
		all = append(all, untold("looks through options of IPv6")...)
	}
	return all
}
