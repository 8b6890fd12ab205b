package xt

import "strings"

// newARP is what a rule of arptables asks for that says nothing.
func newARP(ethernet bool) *ARP {
	a := &ARP{Ethernet: ethernet}
	if ethernet {
		a.HardwareLength, a.HardwareType = a.numbers()[0].usual, a.numbers()[2].usual
	}
	return a
}

// arpOption is an option of arptables: one of the rule's own, the begin of a match
// or target, or an option of the one that is open.
func (p *ruleParser) arpOption(w word) error {
	switch w.text {
	case "-j", "--jump", "-m", "--match":
		return p.begin(w)
	case "-c", "--set-counters":
		return p.setCounters(w)
	}
	if letter := arpOwn(w.text); letter != 0 {
		return p.ownOfLink(w, letter, p.rule.arpOwn)
	}
	if p.open == nil || !strings.HasPrefix(w.text, "--") {
		return p.wrong(w, w.text+" is no option of arptables that is known", "name the target before its options, as in -j mangle")
	}
	return p.give(w)
}

// arpOwn is a letter for an option of the rule itself; 0 for any other.
func arpOwn(option string) byte {
	switch option {
	case "-s", "--source-ip", "--src-ip", "--source", "--src":
		return 's'
	case "-d", "--destination-ip", "--dst-ip", "--destination", "--dst":
		return 'd'
	case "-i", "--in-interface", "--in-if":
		return 'i'
	case "-o", "--out-interface", "--out-if":
		return 'o'
	case "--source-mac", "--src-mac":
		return 'S'
	case "--destination-mac", "--dst-mac":
		return 'D'
	case "-l", "--h-length":
		return 'l'
	case "--opcode":
		return 'c'
	case "--h-type":
		return 'h'
	case "--proto-type":
		return 'p'
	}
	return 0
}

func (r *Rule) arpOwn(a *arguments, letter byte, g given, e Env) {
	switch letter {
	case 's':
		r.Source = a.arpNetwork(g, e)
	case 'd':
		r.Dest = a.arpNetwork(g, e)
	case 'i':
		r.In = Interface{g.args[0], g.not}
	case 'o':
		r.Out = Interface{g.args[0], g.not}
	case 'S':
		r.ARP.SourceMAC = a.hardwareAddr(g)
	case 'D':
		r.ARP.DestMAC = a.hardwareAddr(g)
	case 'l':
		r.ARP.HardwareLength = a.arpNumber(g, 10, 8, noWords)
	case 'c':
		r.ARP.Operation = a.arpNumber(g, 10, 16, arpOperationOf)
	case 'h':
		r.ARP.HardwareType = a.arpNumber(g, 16, 16, arpHardwareOf)
	case 'p':
		r.ARP.ProtocolType = a.arpNumber(g, 0, 16, arpProtocolOf)
	}
}

func (a *arguments) arpNetwork(g given, e Env) Network {
	addr, mask := a.network(g, e)
	return newNetwork(addr, mask, g.not)
}

func (a *arguments) hardwareAddr(g given) HardwareAddr {
	addr, mask := a.hardware(g)
	h := HardwareAddr{Not: g.not}
	copy(h.Addr[:], addr)
	copy(h.Mask[:], mask)
	return h
}

func noWords(string) (uint16, bool) { return 0, false }

func arpHardwareOf(s string) (uint16, bool) { return 1, strings.EqualFold(s, "ethernet") }

func arpProtocolOf(s string) (uint16, bool) { return 0x800, strings.EqualFold(s, "ipv4") }

// arpNumber reads a word, or a number with a mask of the same base behind a slash
// (iptables/nft-arp.c: nft_arp_post_parse). arptables-legacy-save writes masks to
// base 16 without saying so: what no other base has is read.
func (a *arguments) arpNumber(g given, base, bits int, words func(string) (uint16, bool)) ARPNumber {
	s, m, masked := strings.Cut(a.text(g), "/")
	n := ARPNumber{Mask: uint16(whole(bits).To.Low), Not: g.not}
	if word, ok := words(s); ok {
		n.Value = word
	} else {
		n.Value = uint16(a.numberOf(g, s, base, bits))
	}
	if !masked {
		return n
	}
	if base == 0 && strings.ContainsAny(m, "abcdefABCDEF") && !strings.HasPrefix(m, "0x") {
		base = 16
	}
	if n.Mask = uint16(a.numberOf(g, m, base, bits)); n.Mask == 0 && n.Value == 0 && !n.Not {
		return ARPNumber{}
	}
	return n
}

// arpTargetParsers are the targets that have words of arptables' own.
var arpTargetParsers = map[string]func(*arguments, Env) Target{
	"CLASSIFY": parseARPClassify,
	"MARK":     parseARPMark,
	"mangle":   parseARPMangle,
}
