package collect

import (
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

// calls is which chains of a table lead to which, and where their packets end.
type calls struct {
	roots  []string            // base chains
	to     map[string][]string // chains that each chain's rules lead to
	taken  map[string]string   // the first rule of each chain that takes every packet
	hidden bool                // there are calls that cannot be seen, in maps
}

func newCalls() *calls {
	return &calls{to: map[string][]string{}, taken: map[string]string{}}
}

func (c *calls) add(d ruleset.Dialect, chain string, r *ruleset.Rule) {
	if v := r.Effect.Verdict; v == ruleset.Jump || v == ruleset.Goto {
		c.to[chain] = append(c.to[chain], r.Effect.Target)
	}
	c.hidden = c.hidden || d == ruleset.Nftables && strings.Contains(r.Text, "vmap")
	if c.taken[chain] == "" && takesAll(d, r.Text) {
		c.taken[chain] = r.Text
	}
}

// takesAll reports whether a rule has no match and ends a packet's way through
// its chain.
func takesAll(d ruleset.Dialect, text string) bool {
	words := strings.Fields(text)
	if d == ruleset.Iptables {
		if len(words) < 4 { // -A CHAIN -j TARGET; names of chains hold no blanks
			return false
		}
		return words[2] == "-g" || words[2] == "-j" && takesPacket(words[3])
	}
	if len(words) > 1 && words[0] == "counter" {
		words = words[1:]
	}
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "accept", "drop", "return", "reject", "queue", "goto":
		return true
	}
	return false
}

// takesPacket reports whether a target of iptables ends a packet's way through
// its chain.
func takesPacket(target string) bool {
	switch target {
	case "ACCEPT", "DROP", "RETURN", "REJECT", "QUEUE", "NFQUEUE":
		return true
	}
	return false
}

// judge says of each rule whether its chain is called.
func (c *calls) judge(rules []snapshot.LogRule) {
	if len(rules) == 0 {
		return
	}
	reached := map[string]bool{}
	open := append([]string(nil), c.roots...)
	for len(open) > 0 {
		chain := open[len(open)-1]
		open = open[:len(open)-1]
		if reached[chain] {
			continue
		}
		reached[chain] = true
		open = append(open, c.to[chain]...)
	}
	for i := range rules {
		switch r := &rules[i]; {
		case reached[r.Chain], !c.hidden:
			r.Called = snapshot.Known(reached[r.Chain])
		default:
			r.Called = snapshot.Unknown[bool]("the table has verdict maps, whose elements are not read")
		}
	}
}
