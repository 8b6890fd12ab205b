package rules

import (
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Call is one of the functions that the kernel calls at a hook, as nfnetlink_hook
// tells them (include/uapi/linux/netfilter/nfnetlink_hook.h).
type Call struct {
	Family   ruleset.Family // of the packets: IP, IP6, ARP or Bridge
	Hook     ruleset.Hook
	Place    int // among those of this family and hook, from 1
	Priority int32
	Function string // its name; empty where the kernel keeps none
	Module   string // empty for one that is built in, or where it was not told
	// Table and Chain are those of nf_tables that it asks; empty for all others.
	Table ruleset.TableKey
	Chain string
	// Program is the number of the BPF program that it runs, or 0.
	Program uint32
}

// legacy reports whether it asks a table of iptables, ip6tables, arptables or
// ebtables: ipt_do_table, and before Linux 5.16 iptable_filter_hook and its like.
func (c *Call) legacy() bool {
	for _, begin := range []string{"iptable_", "ipt_do_", "ip6table_", "ip6t_do_", "arptable_", "arpt_do_", "ebt_"} {
		if strings.HasPrefix(c.Function, begin) {
			return true
		}
	}
	return false
}

// asks reports whether it is by this function that the kernel asks a base chain.
func (c *Call) asks(t *ruleset.Table, ch *ruleset.Chain) bool {
	b := ch.Base
	switch {
	case c.Hook != b.Hook || c.Priority != b.Priority:
		return false
	case t.Backend == ruleset.NFT:
		return c.Chain == ch.Name && c.Table == t.TableKey
	}
	return c.legacy() && c.Family == t.Family
}

// placed tells of each base chain where among all calls of its hook it is called.
// Chains of nat are asked by NAT, of which the kernel tells no order.
func (h *Host) placed(tables []*ruleset.Table) []*ruleset.Table {
	if len(h.Calls) == 0 {
		return tables
	}
	for _, t := range tables {
		for _, ch := range t.Chains {
			if ch.Base != nil && len(ch.Base.Device) == 0 {
				ch.Base.Called = h.called(t, ch)
			}
		}
	}
	return tables
}

func (h *Host) called(t *ruleset.Table, ch *ruleset.Chain) map[ruleset.Family]int {
	var places map[ruleset.Family]int
	for i := range h.Calls {
		c := &h.Calls[i]
		if !c.asks(t, ch) {
			continue
		}
		if places == nil {
			places = map[ruleset.Family]int{}
		}
		places[c.Family] = c.Place
	}
	return places
}
