package xt

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// TargetNAT rewrites addresses and ports: SNAT, DNAT, MASQUERADE or REDIRECT
// (include/uapi/linux/netfilter/nf_nat.h: NF_NAT_RANGE_*).
type TargetNAT struct {
	Word      string // SNAT, DNAT, MASQUERADE, REDIRECT
	Flags     uint32
	Low, High netip.Addr
	Port      Ports
	Base      uint16 // the port that Port.Low stands for, of DNAT with shifted ports
}

// The bits of TargetNAT.Flags.
const (
	natAddrs       = 1 << 0
	natPorts       = 1 << 1
	natRandom      = 1 << 2
	natPersistent  = 1 << 3
	natRandomFully = 1 << 4
	natOffset      = 1 << 5
)

// nat4 reads struct nf_nat_ipv4_multi_range_compat, which always has one range.
func nat4(word string) func(info, Env) Target {
	return func(b info, _ Env) Target {
		return TargetNAT{
			Word: word, Flags: b.u32(4), Low: b.addr(8, ruleset.IP), High: b.addr(12, ruleset.IP),
			Port: Ports{b.be16(16), b.be16(18)},
		}
	}
}

// nat6 reads struct nf_nat_range.
func nat6(word string) func(info, Env) Target {
	return func(b info, e Env) Target { return natRange(word, b, e) }
}

func natRange(word string, b info, e Env) TargetNAT {
	return TargetNAT{
		Word: word, Flags: b.u32(0), Low: b.addr(4, e.Family), High: b.addr(20, e.Family),
		Port: Ports{b.be16(36), b.be16(38)},
	}
}

// decodeDNAT2 reads struct nf_nat_range2 of either family.
func decodeDNAT2(b info, e Env) Target {
	t := natRange("DNAT", b, e)
	t.Base = b.be16(40)
	return t
}

// Name is the target's word.
func (t TargetNAT) Name() string { return t.Word }

// AppendSave implements [Target].
func (t TargetNAT) AppendSave(dst []byte) []byte {
	dst = t.appendRange(dst)
	if t.Flags&natRandom != 0 {
		dst = option(dst, false, "random")
	}
	if t.Flags&natRandomFully != 0 {
		dst = option(dst, false, "random-fully")
	}
	if t.Flags&natPersistent != 0 {
		dst = option(dst, false, "persistent")
	}
	return dst
}

func (t TargetNAT) appendRange(dst []byte) []byte {
	if t.Flags&(natAddrs|natPorts) == 0 {
		return dst
	}
	name, alone := "to-ports", true
	switch t.Word {
	case "SNAT":
		name, alone = "to-source", false
	case "DNAT":
		name, alone = "to-destination", false
	}
	dst = append(option(dst, false, name), ' ')
	if t.Flags&natAddrs != 0 {
		dst, alone = t.appendAddrs(dst), false
	}
	if t.Flags&natPorts == 0 {
		return dst
	}
	if !alone {
		dst = append(dst, ':')
	}
	return t.appendPorts(dst)
}

func (t TargetNAT) appendAddrs(dst []byte) []byte {
	brackets := t.Low.Is6() && t.Flags&natPorts != 0
	if brackets {
		dst = append(dst, '[')
	}
	dst = address(dst, t.Low)
	if t.High != t.Low {
		dst = address(append(dst, '-'), t.High)
	}
	if brackets {
		dst = append(dst, ']')
	}
	return dst
}

func (t TargetNAT) appendPorts(dst []byte) []byte {
	dst = appendDecimal(dst, uint64(t.Port.Low))
	if t.Port.High != t.Port.Low {
		dst = strconv.AppendUint(append(dst, '-'), uint64(t.Port.High), 10)
	}
	if t.Flags&natOffset != 0 {
		dst = strconv.AppendUint(append(dst, '/'), uint64(t.Base), 10)
	}
	return dst
}

// parseNAT reads the options of the four targets, each of which has its own
// word for where to.
func parseNAT(word, where string) func(*arguments, Env) Target {
	return func(a *arguments, e Env) Target {
		t := TargetNAT{Word: word, Low: e.zeroAddr(), High: e.zeroAddr()}
		a.plain(func(g given) bool {
			switch g.name {
			case where:
				t.parseRange(a, g, e)
			case "random":
				t.Flags |= natRandom
			case "random-fully":
				t.Flags |= natRandomFully
			case "persistent":
				t.Flags |= natPersistent
			default:
				return false
			}
			return true
		})
		return t
	}
}

// parseRange reads "address-address:port-port/base" or, of MASQUERADE and
// REDIRECT, ports alone; IPv6 addresses with ports are in brackets.
func (t *TargetNAT) parseRange(a *arguments, g given, e Env) {
	addrs, ports, hasPorts := a.text(g), "", false
	switch {
	case g.name == "to-ports":
		addrs, ports, hasPorts = "", addrs, true
	case strings.HasPrefix(addrs, "["):
		addrs, ports, _ = strings.Cut(addrs[1:], "]")
		ports, hasPorts = strings.CutPrefix(ports, ":")
	case e.Family == ip4 || strings.HasPrefix(addrs, ":") && !strings.HasPrefix(addrs, "::"):
		addrs, ports, hasPorts = strings.Cut(addrs, ":")
	}
	if addrs != "" {
		low, high, ranged := strings.Cut(addrs, "-")
		if !ranged {
			high = low
		}
		t.Flags |= natAddrs
		t.Low, t.High = a.addr(g, low, e), a.addr(g, high, e)
	}
	if hasPorts {
		t.Flags |= natPorts
		t.parsePorts(a, g, ports)
	}
}

func (t *TargetNAT) parsePorts(a *arguments, g given, s string) {
	s, base, shifted := strings.Cut(s, "/")
	if t.Port = a.portsOf(g, s, "-"); shifted {
		t.Flags |= natOffset
		t.Base = uint16(a.number(g, base, 16))
	}
}
