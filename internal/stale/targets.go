package stale

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Targets is what the NAT rules of a namespace translate destinations and sources
// to.
type Targets struct {
	dst, src places
	redirect bool // destinations to an address of the host itself
}

// places are addresses with their ports.
type places struct {
	to     map[netip.Addr][]ports
	spans  []span
	unread []string // what may translate to others too
}

// ports is a range of them; 0 to 65535 where a rule names none.
type ports struct{ first, last uint16 }

// span is a range of addresses.
type span struct {
	first, last netip.Addr
	ports       ports
}

// Maps returns the listing of an nft table, as nft lists it, for the elements of
// its named maps; empty where it cannot be had.
type Maps func(ruleset.TableKey) string

// ReadTargets goes through the rules' texts. Others are what else may translate
// in the namespace, and how it is called. Without maps, what rules look up in
// named maps is not known.
func ReadTargets(tables []*ruleset.Table, maps Maps, others ...string) *Targets {
	t := &Targets{}
	for _, p := range [...]*places{&t.dst, &t.src} {
		p.to = map[netip.Addr][]ports{}
		p.unread = append(p.unread, others...)
	}
	for _, table := range tables {
		t.table(table, maps)
	}
	return t
}

func (t *Targets) missed(what string) {
	t.dst.unread, t.src.unread = append(t.dst.unread, what), append(t.src.unread, what)
}

func (t *Targets) table(table *ruleset.Table, maps Maps) {
	if !translates(table) {
		return
	}
	if table.NoText != "" {
		t.missed(fmt.Sprintf("the rules of table %s: %s", table.Name, table.NoText))
		return
	}
	for _, chain := range table.Chains {
		for i := range chain.Rules {
			t.rule(table, chain, &chain.Rules[i], maps)
		}
	}
}

// translates: addresses are translated in nat chains alone
// (net/netfilter/nft_nat.c: nft_nat_validate, xt_nat.c: xt_nat_target_reg).
func translates(table *ruleset.Table) bool {
	for _, c := range table.Chains {
		if c.Base != nil && c.Base.Type == "nat" {
			return true
		}
	}
	return table.Name == "nat" && table.Dialect != ruleset.Nftables
}

func (t *Targets) rule(table *ruleset.Table, chain *ruleset.Chain, r *ruleset.Rule, maps Maps) {
	what := fmt.Sprintf("rule %d of chain %s in table %s", r.Number, chain.Name, table.Name)
	place, word, option := &t.dst, "dnat", "--to-destination"
	switch {
	case !r.Effect.Known, r.Effect.Verdict == ruleset.Unknown:
		if !onlyMaps(r.Text) {
			t.missed(what)
		}
		return
	case r.Effect.NAT == ruleset.Redirect:
		t.redirect = true
		return
	case r.Effect.NAT == ruleset.Netmap: // of either, as its hook is
		place, word, option = &t.dst, "", "--to"
		t.src.add(wordAfter(r.Text, option))
	case r.Effect.NAT == ruleset.SNAT:
		place, word, option = &t.src, "snat", "--to-source"
	case r.Effect.NAT != ruleset.DNAT:
		return
	}
	var read bool
	if table.Dialect == ruleset.Nftables && word != "" {
		read = place.addNFT(r.Text, word, func(name string) string { return elementsOf(maps, table.TableKey, name) })
	} else {
		read = place.add(wordAfter(r.Text, option))
	}
	if !read {
		place.unread = append(place.unread, what)
	}
}

// onlyMaps: a verdict map leads to chains, whose rules are read for themselves.
func onlyMaps(text string) bool {
	for _, word := range [...]string{"dnat", "snat", "redirect"} {
		if strings.Contains(text, word) {
			return false
		}
	}
	return strings.Contains(text, " vmap ")
}

// wordAfter is the word behind the last one that is an option: what stands in a
// comment comes before the target.
func wordAfter(text, option string) string {
	words := strings.Fields(text)
	for i := len(words) - 2; i >= 0; i-- {
		if words[i] == option {
			return words[i+1]
		}
	}
	return ""
}

func natFlag(word string) bool {
	switch strings.TrimSuffix(word, ",") {
	case "random", "fully-random", "persistent", "comment":
		return true
	}
	return false
}

// add reads a target: ADDRESS, ADDRESS-ADDRESS or PREFIX, :PORT or :PORT-PORT
// behind it; IPv6 in brackets where a port follows.
func (t *places) add(text string) bool {
	addrs, portText := cutPort(text)
	p, ok := parsePorts(portText)
	if !ok {
		return false
	}
	if prefix, err := netip.ParsePrefix(addrs); err == nil {
		t.spans = append(t.spans, span{prefix.Masked().Addr(), lastOf(prefix), p})
		return true
	}
	from, to, ranged := strings.Cut(addrs, "-")
	first, err := netip.ParseAddr(strings.Trim(from, "[]"))
	if err != nil {
		return false
	}
	if !ranged {
		t.to[first] = append(t.to[first], p)
		return true
	}
	last, err := netip.ParseAddr(strings.Trim(to, "[]"))
	if err != nil || last.Less(first) {
		return false
	}
	t.spans = append(t.spans, span{first, last, p})
	return true
}

func cutPort(text string) (addrs, port string) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.Count(text, ":") > 1 && (i == 0 || text[i-1] != ']') {
		return text, ""
	}
	return text[:i], text[i+1:]
}

func parsePorts(text string) (ports, bool) {
	if text == "" {
		return ports{0, 65535}, true
	}
	text, _, _ = strings.Cut(text, "/") // the base port of a shifted range
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	first, err1 := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	return ports{uint16(first), uint16(last)}, err1 == nil && err2 == nil
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (p ports) has(port uint16) bool { return p.first <= port && port <= p.last }

func (t *places) has(backend netip.AddrPort, anyPort bool) Truth {
	for _, p := range t.to[backend.Addr()] {
		if anyPort || p.has(backend.Port()) {
			return Truth{Yes, "a rule translates to it"}
		}
	}
	for _, s := range t.spans {
		if (anyPort || s.ports.has(backend.Port())) && s.first.Compare(backend.Addr()) <= 0 && backend.Addr().Compare(s.last) <= 0 {
			return Truth{Yes, "a rule translates to a range with it"}
		}
	}
	if len(t.unread) > 0 {
		return Truth{Unknown, fmt.Sprintf("%s may translate to it", t.unread[0])}
	}
	return Truth{No, "no rule translates to it"}
}

// Has judges whether a rule translates destinations to an address and port; local
// says that the address is one of the host itself.
func (t *Targets) Has(backend netip.AddrPort, local bool) Truth {
	truth := t.dst.has(backend, false)
	if truth.Is != Yes && t.redirect && local {
		return Truth{Yes, "a rule redirects to this host"}
	}
	return truth
}

// HasSource judges whether a rule translates sources to an address. Masquerading
// takes addresses of the host itself.
func (t *Targets) HasSource(a netip.Addr) Truth { return t.src.has(netip.AddrPortFrom(a, 0), true) }
