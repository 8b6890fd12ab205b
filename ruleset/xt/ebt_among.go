package xt

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// EbtAmong looks for addresses in a list. In nf_tables it is the lookup in a set
// that has no name (iptables/nft.c: add_nft_among).
type EbtAmong struct {
	Source, Dest       []Pair // sorted; nil where that side is not looked at
	NotSource, NotDest bool
	// IPv4: it is of nf_tables, where a list with IPv4 addresses is of IPv4 packets alone.
	IPv4 bool
}

// Pair is a hardware address and, unless that is 0.0.0.0, the IPv4 address with it.
type Pair struct {
	MAC [6]byte
	IP  netip.Addr
}

// Name is "among".
func (EbtAmong) Name() string { return "among" }

// AppendSave implements [Match].
func (m EbtAmong) AppendSave(dst []byte) []byte {
	dst = pairs(dst, "among-src", m.Source, m.NotSource)
	return pairs(dst, "among-dst", m.Dest, m.NotDest)
}

func pairs(dst []byte, name string, all []Pair, not bool) []byte {
	if all == nil {
		return dst
	}
	dst = append(ebtOption(dst, name, not), ' ')
	var l list
	for _, p := range all {
		a := p.MAC
		dst = fmt.Appendf(l.next(dst), "%x:%x:%x:%x:%x:%x", a[0], a[1], a[2], a[3], a[4], a[5])
		if p.hasIP() {
			dst = p.IP.AppendTo(append(dst, '='))
		}
	}
	return dst
}

func (m EbtAmong) parts() []Match {
	var parts []Match
	if m.Source != nil {
		parts = append(parts, EbtAmong{Source: m.Source, NotSource: m.NotSource, IPv4: m.IPv4})
	}
	if m.Dest != nil {
		parts = append(parts, EbtAmong{Dest: m.Dest, NotDest: m.NotDest, IPv4: m.IPv4})
	}
	return parts
}

// when mirrors net/bridge/netfilter/ebt_among.c: ebt_among_mt, and in nf_tables
// iptables/nft.c: add_nft_among.
func (m EbtAmong) when(asked) (all []ruleset.Condition) {
	if m.Source != nil {
		all = append(all, m.among(ruleset.EtherSource, ruleset.IPSource, m.Source, m.NotSource)...)
	}
	if m.Dest != nil {
		all = append(all, m.among(ruleset.EtherDest, ruleset.IPDest, m.Dest, m.NotDest)...)
	}
	return all
}

func (m EbtAmong) among(mac, ip ruleset.Field, pairs []Pair, not bool) []ruleset.Condition {
	if !slices.ContainsFunc(pairs, Pair.hasIP) {
		return []ruleset.Condition{within(mac, not, macsOf(pairs)...)}
	}
	is := ruleset.Span(0x0800, 0x0800)
	in := ruleset.Condition{Fields: []ruleset.Field{heldProtocol, mac, ip}}
	for _, p := range pairs {
		at := ruleset.Any()
		if p.hasIP() {
			at = ruleset.Only(ruleset.Addr(p.IP))
		}
		in.Rows = append(in.Rows, ruleset.Row{Ranges: []ruleset.Range{is, ruleset.Only(macValue(p.MAC)), at}})
	}
	if m.IPv4 {
		in.Not = not
		return []ruleset.Condition{single(heldProtocol, false, is), in}
	}
	// What else a frame holds may be ARP, whose addresses are looked up, or has none.
	other := ruleset.Condition{Fields: []ruleset.Field{heldProtocol, "among"}, Rows: []ruleset.Row{
		{Ranges: []ruleset.Range{ruleset.Span(0, 0x07ff), whole(1)}}, {Ranges: []ruleset.Range{ruleset.Span(0x0801, 0xffff), whole(1)}},
	}}
	return []ruleset.Condition{either(not, in, other)}
}

func (p Pair) hasIP() bool { return p.IP.IsValid() && !p.IP.IsUnspecified() }

func macsOf(pairs []Pair) (all []ruleset.Range) {
	for _, p := range pairs {
		all = append(all, ruleset.Only(macValue(p.MAC)))
	}
	return all
}

// ofNFT is the match as nf_tables has it.
func (m EbtAmong) ofNFT() EbtAmong {
	for _, p := range slices.Concat(m.Source, m.Dest) {
		m.IPv4 = m.IPv4 || p.IP.IsValid()
	}
	return m
}

func parseEbtAmong(a *arguments, _ Env) Match {
	var m EbtAmong
	a.each(func(g given) bool {
		switch g.name {
		case "among-src":
			m.Source, m.NotSource = a.pairs(g), g.not
		case "among-dst":
			m.Dest, m.NotDest = a.pairs(g), g.not
		default:
			return false
		}
		return true
	})
	return m
}

// pairs reads addresses with commas between them; where one has an IPv4 address
// with it, those without have 0.0.0.0.
func (a *arguments) pairs(g given) (all []Pair) {
	text := a.text(g)
	for s := range strings.SplitSeq(strings.TrimSuffix(text, ","), ",") {
		address, ip, with := strings.Cut(s, "=")
		p := Pair{MAC: [6]byte(a.bytes(g, address))}
		switch {
		case with:
			p.IP = a.addr(g, ip, Env{Family: ip4})
		case strings.Contains(text, "="):
			p.IP = netip.IPv4Unspecified()
		}
		all = append(all, p)
	}
	sortPairs(all)
	return all
}

func sortPairs(all []Pair) {
	slices.SortStableFunc(all, func(p, q Pair) int {
		return cmp.Or(bytes.Compare(p.MAC[:], q.MAC[:]), p.IP.Compare(q.IP))
	})
}
