package rules

import (
	"cmp"
	"slices"

	"github.com/pktrail/pktrail/ruleset"
)

// Stop is a base chain, where packets stop on their way.
type Stop struct {
	Table *ruleset.Table
	Chain *ruleset.Chain // its Base is not nil
	// Runs is the priority at which the kernel asks the chain. It is the chain's
	// own, but for chains of nat, which connection tracking's NAT asks in its turn.
	Runs int32
	nth  int // of the chains of its table, which are as they were made
}

// Stops returns the base chains in the order in which packets meet them: by hook
// on the way through the host, then by priority, then by the chain's own
// priority. Of chains that are equal in all that the one that was made last runs
// first (net/netfilter/core.c: nf_hook_entries_grow). When it was made is known of
// chains of one table, and of all where the kernel told what it calls
// ([ruleset.Base.Called]); else they stay as the tables have them.
func Stops(tables []*ruleset.Table) []Stop {
	var stops []Stop
	for _, t := range tables {
		for i, c := range t.Chains {
			if c.Base != nil {
				stops = append(stops, Stop{Table: t, Chain: c, Runs: runs(t.Family, c.Base), nth: i})
			}
		}
	}
	slices.SortStableFunc(stops, compareStops)
	for begin := 0; begin < len(stops); {
		end := begin + 1
		for end < len(stops) && compareStops(stops[begin], stops[end]) == 0 {
			end++
		}
		settle(stops[begin:end])
		begin = end
	}
	return stops
}

func compareStops(a, b Stop) int {
	return cmp.Or(
		cmp.Compare(a.way(), b.way()),
		cmp.Compare(a.Runs, b.Runs),
		cmp.Compare(a.Chain.Base.Priority, b.Chain.Base.Priority),
	)
}

// settle brings stops of equal priority into the order that is known of some of them.
func settle(equal []Stop) {
	for i := range equal {
		next := i + slices.IndexFunc(equal[i:], func(s Stop) bool {
			return !slices.ContainsFunc(equal[i:], func(o Stop) bool { return o.turn(&s) < 0 })
		})
		if next < i { // what is known contradicts itself
			return
		}
		first := equal[next]
		copy(equal[i+1:next+1], equal[i:next])
		equal[i] = first
	}
}

// turn compares when two stops of equal priority are asked: negative where s comes
// first, 0 where that is not known. Devices may have been given to a chain later.
func (s *Stop) turn(o *Stop) int {
	a, b := s.Chain.Base, o.Chain.Base
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.ARP, ruleset.Bridge} {
		if a.Called[fam] != 0 && b.Called[fam] != 0 {
			return cmp.Compare(a.Called[fam], b.Called[fam])
		}
	}
	if s.Table != o.Table || len(a.Device)+len(b.Device) > 0 {
		return 0
	}
	return cmp.Compare(o.nth, s.nth)
}

// runs: chains of nat are not at the hook themselves, NAT is, and calls them by
// their priority among each other (net/netfilter/nf_nat_core.c: nf_nat_register_fn,
// since Linux 4.18).
func runs(fam ruleset.Family, b *ruleset.Base) int32 {
	if !asksNAT(fam, b) {
		return b.Priority
	}
	switch b.Hook {
	case ruleset.Prerouting, ruleset.Output:
		return -100 // NF_IP_PRI_NAT_DST
	case ruleset.Input, ruleset.Postrouting:
		return 100 // NF_IP_PRI_NAT_SRC
	}
	return b.Priority
}

// asksNAT: a chain of nat, for the packets that begin a flow.
func asksNAT(fam ruleset.Family, b *ruleset.Base) bool {
	return b.Type == "nat" && (fam == ruleset.IP || fam == ruleset.IP6 || fam == ruleset.Inet)
}

// layer is which part of the network stack calls a hook.
type layer uint8

const (
	deviceLayer layer = iota
	bridgeLayer
	arpLayer
	ipLayer
)

func layerOf(fam ruleset.Family, hook ruleset.Hook) layer {
	switch {
	case fam == ruleset.Netdev, hook == ruleset.Ingress, hook == ruleset.Egress:
		return deviceLayer
	case fam == ruleset.Bridge:
		return bridgeLayer
	case fam == ruleset.ARP:
		return arpLayer
	}
	return ipLayer
}

// place is a hook of one layer.
type place struct {
	layer layer
	hook  ruleset.Hook
}

// ways are all places, from the device to the host and out again.
func ways() []place {
	return []place{
		{deviceLayer, ruleset.Ingress},
		{bridgeLayer, ruleset.Prerouting}, {bridgeLayer, ruleset.Input}, {bridgeLayer, ruleset.Forward},
		{arpLayer, ruleset.Input}, {arpLayer, ruleset.Forward},
		{ipLayer, ruleset.Prerouting}, {ipLayer, ruleset.Input}, {ipLayer, ruleset.Forward},
		{ipLayer, ruleset.Output}, {ipLayer, ruleset.Postrouting},
		{arpLayer, ruleset.Output},
		{bridgeLayer, ruleset.Output}, {bridgeLayer, ruleset.Postrouting},
		{deviceLayer, ruleset.Egress},
	}
}

// way is the place of a stop among ways; behind all others where it is none of them.
func (s *Stop) way() int {
	all := ways()
	i := slices.Index(all, place{layerOf(s.Table.Family, s.Chain.Base.Hook), s.Chain.Base.Hook})
	if i < 0 {
		return len(all)
	}
	return i
}

// Where names the hook for a heading: "prerouting", "bridge forward", "arp input".
func (s *Stop) Where() string {
	hook := string(s.Chain.Base.Hook)
	switch layerOf(s.Table.Family, s.Chain.Base.Hook) {
	case bridgeLayer:
		return "bridge " + hook
	case arpLayer:
		return "arp " + hook
	}
	if hook == "" {
		return "a hook that is not known"
	}
	return hook
}

// Ties reports whether the two are asked at one hook, for packets of one family,
// at the same priority. Among chains of nat their own priority counts.
func (s *Stop) Ties(o *Stop) bool {
	a, b := s.Chain.Base, o.Chain.Base
	return s.way() == o.way() && s.Runs == o.Runs && (a.Priority == b.Priority || a.Type != b.Type) &&
		shareFamily(s.Table.Family, o.Table.Family) && shareDevice(a, b)
}

func shareFamily(a, b ruleset.Family) bool {
	isIP := func(f ruleset.Family) bool { return f == ruleset.IP || f == ruleset.IP6 }
	return a == b || a == ruleset.Inet && isIP(b) || b == ruleset.Inet && isIP(a)
}

func shareDevice(a, b *ruleset.Base) bool {
	if len(a.Device) == 0 || len(b.Device) == 0 {
		return true
	}
	return slices.ContainsFunc(a.Device, func(name string) bool { return slices.Contains(b.Device, name) })
}
