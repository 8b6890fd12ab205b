package iptnft

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// place is a chain where iptables-save prints it.
type place struct {
	name    string
	chain   *nft.Chain // nil for a built-in chain that the kernel does not have
	builtin bool
}

// placesOf are the built-in chains by hook, there or not, then the others by name.
func placesOf(t *nft.Table) ([]place, error) {
	var places []place
	users := make([]place, 0, len(t.Chains))
	for _, b := range xt.BuiltinNFTChains(t.Family, t.Name) {
		places = append(places, place{name: b.Name, builtin: true})
	}
	for _, c := range t.Chains {
		i := slices.IndexFunc(places, func(p place) bool { return p.name == c.Name })
		switch {
		case c.Type == "" && i < 0 && c.Flags == 0:
			users = append(users, place{name: c.Name, chain: c})
		case i >= 0 && places[i].chain == nil && hangsAsBuiltin(t, c):
			places[i].chain = c
		default:
			return nil, fmt.Errorf("iptables does not make a chain such as %s, at this hook or with these flags", c.Name)
		}
	}
	slices.SortFunc(users, func(a, b place) int { return cmp.Compare(a.name, b.name) })
	return append(places, users...), nil
}

const baseFlag = 1 // NFT_CHAIN_BASE

// hangsAsBuiltin mirrors iptables/nft-cache.c: nft_cache_add_base_chain.
func hangsAsBuiltin(t *nft.Table, c *nft.Chain) bool {
	return c.Flags&^baseFlag == 0 && slices.ContainsFunc(xt.BuiltinNFTChains(t.Family, t.Name), func(b *ruleset.Chain) bool {
		return b.Name == c.Name && hookNumber(t.Family, b.Base.Hook) == c.Hook && b.Base.Priority == c.Priority &&
			b.Base.Type == c.Type
	})
}

// hookNumber is the NF_INET_* or NF_ARP_* number (include/uapi/linux/netfilter.h,
// netfilter_arp.h).
func hookNumber(fam ruleset.Family, h ruleset.Hook) uint32 {
	hooks := []ruleset.Hook{ruleset.Prerouting, ruleset.Input, ruleset.Forward, ruleset.Output, ruleset.Postrouting}
	if fam == ruleset.ARP {
		hooks = []ruleset.Hook{ruleset.Input, ruleset.Output}
	}
	return uint32(slices.Index(hooks, h))
}

// chain tells a chain with its rules.
func (d *decoder) chain(p place) (*xt.Chain, error) {
	told := &xt.Chain{Name: p.name, Absent: p.chain == nil}
	if p.builtin {
		told.Policy = "ACCEPT"
	}
	if p.chain == nil {
		return told, nil
	}
	if p.builtin && p.chain.Policy == verdictDrop {
		told.Policy = "DROP"
	}
	told.Uncounted = p.chain.Counter == nil
	if !told.Uncounted {
		told.Packets, told.Bytes = p.chain.Counter.Packets, p.chain.Counter.Bytes
	}
	rules := p.chain.Rules
	if d.env.Family == ruleset.Bridge && !p.builtin {
		rules = d.ebtPolicy(told, rules)
	}
	told.Rules = make([]xt.Rule, len(rules))
	for i, r := range rules {
		if err := d.decode(&told.Rules[i], r); err != nil {
			return nil, fmt.Errorf("rule %d (handle %d): %w", i+1, r.Handle, err)
		}
	}
	return told, nil
}
