// Package xt reads rules of iptables, and of arptables and ebtables, and writes them
// as iptables-save does and its like: from their text, that of the legacy tools and
// that of iptables-nft alike ([ParseTables], [ParseRule]; [ParseSave] takes no rule
// apart), and from the bytes in which the kernel keeps them
// ([ParseTable], [DecodeMatch], [DecodeTarget]). It tells what each rule does
// ([EffectOf], [Rule.Effect]) and what a packet must be for it ([Rule.Conditions]),
// and hands on all of it in the one model ([Table.Model]). It runs no tool and asks
// no kernel.
//
// A match or target is one file: its fields, how they are read from the
// kernel's struct and from text, and its text. What is not known is kept, as
// [Unknown] or [Verbatim], and never drops out of a rule.
package xt

import (
	"math"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// builtin is one built-in chain: its name fixes the hook, its table the priority.
type builtin struct {
	name     string
	hook     ruleset.Hook
	priority int32
}

// builtins returns the built-in chains of a table in the order in which
// iptables-save prints them (enum nf_ip_hook_priorities); none for an unknown table.
func builtins(table string) []builtin {
	at := func(priority int32, names ...string) (chains []builtin) {
		for _, name := range names {
			chains = append(chains, builtin{name, hookOf(name), priority})
		}
		return chains
	}
	switch table {
	case "raw":
		return at(-300, "PREROUTING", "OUTPUT")
	case "mangle":
		return at(-150, "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
	case "nat":
		return slices.Concat(at(-100, "PREROUTING"), at(100, "INPUT"), at(-100, "OUTPUT"), at(100, "POSTROUTING"))
	case "filter":
		return at(0, "INPUT", "FORWARD", "OUTPUT")
	case "security":
		return at(50, "INPUT", "FORWARD", "OUTPUT")
	}
	return nil
}

func hookOf(chain string) ruleset.Hook {
	switch chain {
	case "PREROUTING":
		return ruleset.Prerouting
	case "INPUT":
		return ruleset.Input
	case "FORWARD":
		return ruleset.Forward
	case "OUTPUT":
		return ruleset.Output
	case "POSTROUTING":
		return ruleset.Postrouting
	}
	return ""
}

func chainType(table string) string {
	if table == "nat" {
		return "nat"
	}
	return "filter"
}

// BuiltinChains returns new chains, without policy or rules, as every legacy
// table of that name has them; none for a name that iptables does not know.
func BuiltinChains(table string) []*ruleset.Chain {
	var chains []*ruleset.Chain
	for _, b := range builtins(table) {
		chains = append(chains, &ruleset.Chain{Name: b.name, Base: baseOf(table, b)})
	}
	return chains
}

// BuiltinLegacyChains are as [BuiltinChains] those of a table of a family, IP, IP6,
// ARP (net/ipv4/netfilter/arptable_filter.c) or Bridge
// (net/bridge/netfilter/ebtable_filter.c, ebtable_nat.c, ebtable_broute.c).
func BuiltinLegacyChains(fam ruleset.Family, table string) []*ruleset.Chain {
	switch fam {
	case ruleset.ARP:
		return arpChains(table, "INPUT", "OUTPUT", "FORWARD")
	case ruleset.Bridge:
		return legacyBridgeChains(table)
	}
	return BuiltinChains(table)
}

// legacyBridgeChains differ from those of ebtables-nft in where OUTPUT of filter
// hangs, and have broute, which is asked before all others.
func legacyBridgeChains(table string) []*ruleset.Chain {
	if table == brouteTable {
		return []*ruleset.Chain{{
			Name: "BROUTING", Base: &ruleset.Base{Hook: ruleset.Prerouting, Priority: math.MinInt32, Type: "filter"},
		}}
	}
	chains := bridgeChains(table)
	for _, ch := range chains {
		if table == "filter" && ch.Base.Hook == ruleset.Output {
			ch.Base.Priority = 200
		}
	}
	return chains
}

func arpChains(table string, names ...string) (chains []*ruleset.Chain) {
	if table != "filter" {
		return nil
	}
	for _, name := range names {
		chains = append(chains, &ruleset.Chain{Name: name, Base: &ruleset.Base{Hook: hookOf(name), Type: "filter"}})
	}
	return chains
}

// BuiltinNFTChains are as [BuiltinChains] those that iptables-nft makes in a
// table of a family, IP, IP6, Bridge or ARP: the table security at another priority
// than the legacy one, and mangle's OUTPUT of a type that routes the packet again
// (iptables/nft.c: xtables_ipv4, xtables_bridge, xtables_arp).
func BuiltinNFTChains(fam ruleset.Family, table string) []*ruleset.Chain {
	switch fam {
	case ruleset.Bridge:
		return bridgeChains(table)
	case ruleset.ARP:
		return arpChains(table, "INPUT", "OUTPUT")
	}
	chains := BuiltinChains(table)
	for _, ch := range chains {
		switch {
		case table == "security":
			ch.Base.Priority = 150
		case table == "mangle" && ch.Base.Hook == ruleset.Output:
			ch.Base.Type = "route"
		}
	}
	return chains
}

// bridgeChains have the priorities of include/uapi/linux/netfilter_bridge.h.
func bridgeChains(table string) []*ruleset.Chain {
	at := func(name string, priority int32) *ruleset.Chain {
		return &ruleset.Chain{Name: name, Base: &ruleset.Base{Hook: hookOf(name), Priority: priority, Type: "filter"}}
	}
	switch table {
	case "filter":
		return []*ruleset.Chain{at("INPUT", -200), at("FORWARD", -200), at("OUTPUT", -200)}
	case "nat":
		return []*ruleset.Chain{at("PREROUTING", -300), at("OUTPUT", 100), at("POSTROUTING", 300)}
	}
	return nil
}

func baseOf(table string, b builtin) *ruleset.Base {
	return &ruleset.Base{Hook: b.hook, Priority: b.priority, Type: chainType(table)}
}

// LooksLikeNFTable reports whether an nf_tables table has the shape that
// iptables-nft makes: one of its table names, and built-in chains of its own,
// but no others, at the hooks. Only iptables-nft-save knows whether the rules
// are its own, too.
func LooksLikeNFTable(t *ruleset.Table) bool {
	hasBase := func(ch *ruleset.Chain) bool { return ch.Base != nil }
	return MayBeNFTable(t) && slices.ContainsFunc(t.Chains, hasBase)
}

// MayBeNFTable is LooksLikeNFTable for tables that may have no chain at a hook.
func MayBeNFTable(t *ruleset.Table) bool {
	known := BuiltinNFTChains(t.Family, t.Name)
	if len(known) == 0 || t.Backend != ruleset.NFT || t.Family != ruleset.IP && t.Family != ruleset.IP6 {
		return false
	}
	for _, ch := range t.Chains {
		fits := func(b *ruleset.Chain) bool {
			return b.Name == ch.Name && b.Base.Hook == ch.Base.Hook && b.Base.Priority == ch.Base.Priority
		}
		if ch.Base != nil && !slices.ContainsFunc(known, fits) {
			return false
		}
	}
	return true
}
