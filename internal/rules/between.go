package rules

import (
	"cmp"
	"slices"
	"strings"
)

// Between puts what the kernel calls at the hooks of a layout, and is no rule, where
// it is called: before a place, or behind the last one of its hook. Connection
// tracking, defragmentation, NAT, IPVS and BPF programs are such.
func (l *Layout) Between(calls []Call) {
	for begin := 0; begin < len(l.Places); {
		end := begin + 1
		for end < len(l.Places) && l.Places[end].way() == l.Places[begin].way() {
			end++
		}
		between(l.Places[begin:end], calls)
		begin = end
	}
}

// between does so for the places of one hook.
func between(at []Place, calls []Call) {
	var others []Call
	for _, c := range calls {
		here := place{layerOf(c.Family, c.Hook), c.Hook} == place{layerOf(at[0].Table.Family, at[0].Chain.Base.Hook), at[0].Chain.Base.Hook}
		if here && !c.asksRules() {
			others = append(others, c)
		}
	}
	slices.SortStableFunc(others, func(a, b Call) int { return cmp.Compare(a.Priority, b.Priority) })
	for i := range at {
		n := 0
		for n < len(others) && others[n].before(&at[i]) {
			n++
		}
		at[i].Before, others = others[:n:n], others[n:]
	}
	at[len(at)-1].Behind = others
}

// asksRules: it is a chain's or a legacy table's, shown or not.
func (c *Call) asksRules() bool {
	return c.Chain != "" || c.legacy() || strings.HasPrefix(c.Function, "nft_do_chain")
}

func (c *Call) before(p *Place) bool {
	if c.Priority == p.Runs && p.Chain.Base.Called[c.Family] != 0 {
		return c.Place < p.Chain.Base.Called[c.Family]
	}
	return c.Priority < p.Runs || c.Priority == p.Runs && p.Chain.Base.Type == "nat" // which NAT asks
}
