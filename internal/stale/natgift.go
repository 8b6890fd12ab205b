package stale

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// gift is the addresses and ports that a rule may translate to.
type gift struct {
	to    places
	local bool  // to an address of the namespace itself
	ports ports // with local
	read  bool  // the rule's text was understood
}

// gift reads where the rule translates to, once.
func (n *NAT) gift(r *natRule) *gift {
	if r.gives == nil {
		r.gives = n.readGift(r)
	}
	return r.gives
}

func (n *NAT) readGift(r *natRule) *gift {
	g := &gift{to: places{to: map[netip.Addr][]ports{}}}
	native, text := r.table.Dialect == ruleset.Nftables, r.rule.Text
	switch kind := r.rule.Effect.NAT; kind {
	case ruleset.Masquerade:
		g.local, g.read, g.ports = true, true, ports{0, 65535}
	case ruleset.Redirect:
		g.local = true
		g.ports, g.read = parsePorts(redirectPorts(text, native))
	case ruleset.DNAT, ruleset.SNAT:
		word := string(kind)
		option := map[ruleset.NAT]string{ruleset.DNAT: "--to-destination", ruleset.SNAT: "--to-source"}[kind]
		if native {
			g.read = g.to.addNFT(text, word, func(name string) string { return elementsOf(n.maps, r.table.TableKey, name) })
		} else {
			g.read = g.to.add(wordAfter(text, option))
		}
	case ruleset.Netmap:
		g.read = g.to.add(wordAfter(text, "--to"))
	}
	return g
}

// redirectPorts is the ports that a redirect names, as iptables and nft write them.
func redirectPorts(text string, native bool) string {
	if !native {
		return wordAfter(text, "--to-ports")
	}
	_, behind, _ := strings.Cut(" "+text, " redirect to :")
	word, _, _ := strings.Cut(behind, " ")
	return word
}

// has judges whether the rule may make a flow's address and port of what it was.
// A rule that names no port keeps it (net/netfilter/nf_nat_core.c:
// get_unique_tuple), unless another flow has it already: any port fits then.
func (g *gift) has(a, was netip.AddrPort, local func(netip.Addr) bool) Answer {
	switch {
	case !g.read:
		return Unknown
	case g.local && g.ports == ports{0, 65535}:
		return answer(local(a.Addr()))
	case g.local:
		return answer(local(a.Addr()) && g.ports.has(a.Port()))
	}
	return g.to.has(a, false).Is
}

// hasAddr is has without heed to ports.
func (g *gift) hasAddr(a netip.Addr, local func(netip.Addr) bool) Answer {
	switch {
	case !g.read:
		return Unknown
	case g.local:
		return answer(local(a))
	}
	return g.to.has(netip.AddrPortFrom(a, 0), true).Is
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// place names the rule, as `rule 3 of chain PREROUTING in table ip nat`.
func (r *natRule) place() string {
	back := ""
	if r.table.Backend == ruleset.Legacy {
		back = " (legacy)"
	}
	return fmt.Sprintf("rule %d of chain %s in table %s %s%s", r.rule.Number, r.chain.Name, r.table.Family, r.table.Name, back)
}
