package xt

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// MatchTCP looks at ports, flags and one option of TCP
// (include/uapi/linux/netfilter/xt_tcpudp.h: struct xt_tcp).
type MatchTCP struct {
	Source, Destination                            Ports
	Option                                         uint8 // 0 for any
	Mask, Flags                                    uint8 // of the flags that Mask names these are set
	NotSource, NotDestination, NotFlags, NotOption bool
}

func decodeTCP(b info, _ Env) Match {
	inv := b.u8(11)
	return MatchTCP{
		Source: b.ports(0), Destination: b.ports(4), Option: b.u8(8), Mask: b.u8(9), Flags: b.u8(10),
		NotSource: inv&1 != 0, NotDestination: inv&2 != 0, NotFlags: inv&4 != 0, NotOption: inv&8 != 0,
	}
}

// Name is "tcp".
func (MatchTCP) Name() string { return "tcp" }

// AppendSave implements [Match].
func (m MatchTCP) AppendSave(dst []byte) []byte {
	dst = sourcePorts(dst, m.Source, m.NotSource)
	dst = destinationPorts(dst, m.Destination, m.NotDestination)
	if m.Option != 0 || m.NotOption {
		dst = number(option(dst, m.NotOption, "tcp-option"), m.Option)
	}
	if m.Mask != 0 || m.NotFlags {
		dst = option(dst, m.NotFlags, "tcp-flags")
		dst = tcpFlags(append(dst, ' '), m.Mask)
		dst = tcpFlags(append(dst, ' '), m.Flags)
	}
	return dst
}

func sourcePorts(dst []byte, p Ports, not bool) []byte {
	if p.all() {
		return dst
	}
	return reach(option(dst, not, "sport"), p.Low, p.High)
}

func destinationPorts(dst []byte, p Ports, not bool) []byte {
	if p.all() {
		return dst
	}
	return reach(option(dst, not, "dport"), p.Low, p.High)
}

const tcpFlagWords = "FIN,SYN,RST,PSH,ACK,URG"

func tcpFlags(dst []byte, flags uint8) []byte {
	if flags == 0 {
		return append(dst, "NONE"...)
	}
	var l list
	bit := uint8(1)
	for word := range strings.SplitSeq(tcpFlagWords, ",") {
		if flags&bit != 0 {
			dst = append(l.next(dst), word...)
		}
		bit <<= 1
	}
	if rest := flags & 0xc0; rest != 0 { // ECE and CWR, for which iptables has no words
		dst = padded(append(l.next(dst), "0x"...), uint32(rest), 2)
	}
	return dst
}

func parseTCP(a *arguments, _ Env) Match {
	m := MatchTCP{Source: Ports{0, 0xffff}, Destination: Ports{0, 0xffff}}
	a.each(func(g given) bool {
		switch g.name {
		case "sport", "source-port":
			m.Source, m.NotSource = a.ports(g), g.not
		case "dport", "destination-port":
			m.Destination, m.NotDestination = a.ports(g), g.not
		case "tcp-option":
			m.Option, m.NotOption = a.u8(g), g.not
		case "tcp-flags":
			m.NotFlags = g.not
			m.Mask, m.Flags = a.tcpFlags(g)
		case "syn":
			m.Mask, m.Flags, m.NotFlags = 0x17, 0x02, g.not
			return a.flag(g)
		default:
			return false
		}
		return true
	})
	return m
}

// tcpFlags reads two lists of flags: those that are looked at, and those that must be set.
func (a *arguments) tcpFlags(g given) (mask, flags uint8) {
	if len(g.args) != 2 {
		a.fail(g, "it takes two lists of flags")
		return 0, 0
	}
	list := func(s string) (bits uint8) {
		switch s {
		case "NONE":
			return 0
		case "ALL":
			return 0x3f
		}
		for flag := range strings.SplitSeq(s, ",") {
			bits |= 1 << a.word(g, flag, tcpFlagWords)
		}
		return bits
	}
	return list(g.args[0]), list(g.args[1])
}

// when mirrors net/netfilter/xt_tcpudp.c: tcp_mt, which compares the flags with
// those that are to be set even where they are not among those looked at.
func (m MatchTCP) when(asked) []ruleset.Condition {
	var all []ruleset.Condition
	if m.hasFlags() {
		flags, mask := ruleset.Number(uint64(m.Flags)), ruleset.Number(uint64(m.Mask))
		all = append(all, masked(ruleset.TCPFlags, flags, mask, 8, m.NotFlags))
	}
	if m.Option != 0 {
		all = append(all, untold("searches the options of TCP")...)
	}
	if m.hasSource() || m.hasDestination() || len(all) == 0 {
		all = append(portConditions(m.Source, m.Destination, m.hasSource(), m.hasDestination(), m.NotSource, m.NotDestination), all...)
	}
	return all
}

func (m MatchTCP) hasSource() bool      { return !m.Source.all() || m.NotSource }
func (m MatchTCP) hasDestination() bool { return !m.Destination.all() || m.NotDestination }
func (m MatchTCP) hasFlags() bool       { return m.Mask != 0 || m.Flags != 0 || m.NotFlags }

func (m MatchTCP) parts() []Match {
	var parts []Match
	none := MatchTCP{Source: Ports{0, 0xffff}, Destination: Ports{0, 0xffff}}
	if part := none; m.hasSource() {
		part.Source, part.NotSource = m.Source, m.NotSource
		parts = append(parts, part)
	}
	if part := none; m.hasDestination() {
		part.Destination, part.NotDestination = m.Destination, m.NotDestination
		parts = append(parts, part)
	}
	if part := none; m.Option != 0 {
		part.Option, part.NotOption = m.Option, m.NotOption
		parts = append(parts, part)
	}
	if part := none; m.hasFlags() {
		part.Mask, part.Flags, part.NotFlags = m.Mask, m.Flags, m.NotFlags
		parts = append(parts, part)
	}
	return parts
}

// portConditions are those on ports that are looked at. Without any the packet
// must have ports all the same: later fragments do not.
func portConditions(source, dest Ports, hasSource, hasDest, notSource, notDest bool) []ruleset.Condition {
	var all []ruleset.Condition
	if hasSource {
		all = append(all, number16(ruleset.SourcePort, source, notSource))
	}
	if hasDest || !hasSource {
		if !hasDest {
			dest, notDest = Ports{0, 0xffff}, false
		}
		all = append(all, number16(ruleset.DestPort, dest, notDest))
	}
	return all
}
