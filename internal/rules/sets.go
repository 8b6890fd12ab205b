package rules

import "github.com/pktrail/pktrail/ruleset"

// changing is the sets to which rules add, or from which they delete: those of
// each table of nft's own, and the ipsets, which all tables of iptables share.
type changing struct {
	native map[*ruleset.Table]map[string]bool
	ipsets map[string]bool
}

func changingSets(tables []*ruleset.Table) changing {
	all := changing{map[*ruleset.Table]map[string]bool{}, map[string]bool{}}
	for _, t := range tables {
		if t.Dialect == ruleset.Nftables {
			all.native[t] = map[string]bool{}
		}
		for _, c := range t.Chains {
			for i := range c.Rules {
				for _, name := range c.Rules[i].Effect.WritesSets {
					all.of(t)[name] = true
				}
			}
		}
	}
	return all
}

// of is the sets that rules of a table may look up and that change.
func (c changing) of(t *ruleset.Table) map[string]bool {
	if t.Dialect == ruleset.Nftables {
		return c.native[t]
	}
	return c.ipsets
}
