package stale

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Targets is what the NAT rules of a namespace translate destinations to.
type Targets struct {
	to       map[netip.Addr][]ports
	spans    []span
	redirect bool // to an address of the host itself
	services map[service]*translated
	unread   []string // what may translate to addresses that are not in it
}

// ports is a range of them; 0 to 65535 where a rule names none.
type ports struct{ first, last uint16 }

// span is a range of addresses.
type span struct {
	first, last netip.Addr
	ports       ports
}

// ReadTargets goes through the rules' texts. Others are what else may translate
// in the namespace, and how it is called.
func ReadTargets(tables []*ruleset.Table, others ...string) *Targets {
	t := &Targets{to: map[netip.Addr][]ports{}, services: map[service]*translated{}, unread: others}
	for _, table := range tables {
		t.table(table)
	}
	return t
}

func (t *Targets) table(table *ruleset.Table) {
	if !translates(table) {
		return
	}
	if table.NoText != "" {
		t.unread = append(t.unread, fmt.Sprintf("the rules of table %s: %s", table.Name, table.NoText))
		return
	}
	for _, chain := range table.Chains {
		for i := range chain.Rules {
			t.rule(table, chain, &chain.Rules[i])
		}
	}
	t.readServices(table)
}

// translates: destinations are translated in nat chains alone
// (net/netfilter/nft_nat.c: nft_nat_validate, xt_nat.c: xt_nat_target_reg).
func translates(table *ruleset.Table) bool {
	for _, c := range table.Chains {
		if c.Base != nil && c.Base.Type == "nat" {
			return true
		}
	}
	return table.Name == "nat" && table.Dialect != ruleset.Nftables
}

func (t *Targets) rule(table *ruleset.Table, chain *ruleset.Chain, r *ruleset.Rule) {
	read := true
	switch {
	case !r.Effect.Known, r.Effect.Verdict == ruleset.Unknown:
		read = onlyMaps(r.Text)
	case r.Effect.NAT == ruleset.Redirect:
		t.redirect = true
	case r.Effect.NAT == ruleset.DNAT && table.Dialect == ruleset.Nftables:
		read = t.add(nftTarget(r.Text))
	case r.Effect.NAT == ruleset.DNAT:
		read = t.add(wordAfter(r.Text, "--to-destination"))
	case r.Effect.NAT == ruleset.Netmap:
		read = t.add(wordAfter(r.Text, "--to"))
	}
	if !read {
		t.unread = append(t.unread, fmt.Sprintf("rule %d of chain %s in table %s", r.Number, chain.Name, table.Name))
	}
}

// onlyMaps: a verdict map leads to chains, whose rules are read for themselves.
func onlyMaps(text string) bool {
	return strings.Contains(text, " vmap ") && !strings.Contains(text, "dnat") && !strings.Contains(text, "redirect")
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

// nftTarget is the one address, range or prefix of `dnat [ip|ip6] [prefix] to …`.
func nftTarget(text string) string {
	at := strings.LastIndex(" "+text, " dnat ")
	if at < 0 {
		return ""
	}
	words := strings.Fields(text[at:])[1:]
	for len(words) > 0 && (words[0] == "ip" || words[0] == "ip6" || words[0] == "prefix" || words[0] == "to") {
		words = words[1:]
	}
	if len(words) == 0 || len(words) > 1 && !natFlag(words[1]) {
		return ""
	}
	return words[0]
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
func (t *Targets) add(text string) bool {
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

// Has judges whether a rule translates to an address and port; local says that
// the address is one of the host itself.
func (t *Targets) Has(backend netip.AddrPort, local bool) Truth {
	for _, p := range t.to[backend.Addr()] {
		if p.has(backend.Port()) {
			return Truth{Yes, "a rule translates to it"}
		}
	}
	for _, s := range t.spans {
		if s.ports.has(backend.Port()) && s.first.Compare(backend.Addr()) <= 0 && backend.Addr().Compare(s.last) <= 0 {
			return Truth{Yes, "a rule translates to a range with it"}
		}
	}
	switch {
	case t.redirect && local:
		return Truth{Yes, "a rule redirects to this host"}
	case len(t.unread) > 0:
		return Truth{Unknown, fmt.Sprintf("%s may translate to it", t.unread[0])}
	}
	return Truth{No, "no rule translates to it"}
}
