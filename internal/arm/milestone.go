package arm

import (
	"fmt"
	"slices"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/nftexpr"
	"github.com/pktrail/pktrail/ruleset"
)

// place is a point on a packet's way.
type place struct {
	hook     ruleset.Hook
	priority int32
}

// milestones makes the chains that report a traced packet between the tables of
// others. Each costs every packet of the namespace some hundredths of its
// rate, so only those are made that an answer needs:
//
//   - behind legacy mangle, whose targets may change bytes by which the lines of
//     later tables are told apart; in prerouting the one behind nat serves both;
//   - behind nat, where legacy lines follow that show translated addresses;
//   - behind legacy filter or security in input, since nothing else tells that a
//     packet came through;
//   - behind nat in postrouting with either back end: no later chain would show
//     to which source the packet was translated;
//   - in input where no chain reports, as in the namespaces of most pods: else
//     nothing tells whether a packet came to the host.
func (b *builder) milestones(k Known) error {
	families := []ruleset.Family{b.family}
	if b.family == ruleset.Inet {
		families = []ruleset.Family{ruleset.IP, ruleset.IP6}
	}
	var places []place
	for _, f := range families {
		for _, pl := range placesFor(k.Tables, f) {
			if !slices.Contains(places, pl) {
				places = append(places, pl)
			}
		}
	}
	for _, pl := range places {
		name := fmt.Sprintf("seen-%s-%s%s", pl.hook, signed(pl.priority), b.suffix)
		b.p.Own[name] = event.OwnChain{Role: event.Milestone, Family: b.family, Hook: pl.hook, Priority: pl.priority}
		if err := b.Chain(nftexpr.Chain{Name: name, Hook: pl.hook, Priority: pl.priority}); err != nil {
			return err
		}
		b.Rule(name, "", nftexpr.Accept())
	}
	return nil
}

// signed spells a priority so that it can stand in the name of a chain.
func signed(priority int32) string {
	if priority < 0 {
		return fmt.Sprintf("n%d", -priority)
	}
	return fmt.Sprint(priority)
}

func placesFor(tables []*ruleset.Table, f ruleset.Family) []place {
	legacy := map[string]bool{}
	for _, t := range legacyTables(tables, f) {
		legacy[t.Name] = true
	}
	nat := hasNAT(tables, f, ruleset.Prerouting, ruleset.Input, ruleset.Output, ruleset.Postrouting)
	var places []place
	if len(legacy) > 0 && (nat || legacy["mangle"]) {
		places = append(places, place{ruleset.Prerouting, -99}, place{ruleset.Output, -99})
	}
	if legacy["mangle"] {
		places = append(places, place{ruleset.Output, -149}, place{ruleset.Forward, -149}, place{ruleset.Input, -149}, place{ruleset.Postrouting, -149})
	}
	switch {
	case hasNAT(tables, f, ruleset.Input, ruleset.Output):
		places = append(places, place{ruleset.Input, 101})
	case legacy["security"]:
		places = append(places, place{ruleset.Input, 51})
	case legacy["filter"]:
		places = append(places, place{ruleset.Input, 1})
	}
	if nat || len(legacy) > 0 {
		places = append(places, place{ruleset.Postrouting, 101})
	}
	if !reports(tables, f, ruleset.Input) {
		places = append(places, place{ruleset.Input, latePriority})
	}
	return places
}

// reports reports whether some chain at a hook tells of every traced packet: nat
// chains are asked for a flow's first packet only.
func reports(tables []*ruleset.Table, f ruleset.Family, hook ruleset.Hook) bool {
	for _, t := range tables {
		if t.Family != f && t.Family != ruleset.Inet {
			continue
		}
		for _, c := range t.Chains {
			if c.Base != nil && c.Base.Hook == hook && c.Base.Type != "nat" {
				return true
			}
		}
	}
	return false
}

// hasNAT reports whether packets of the family can be translated by a chain at one
// of the hooks. One nat chain makes the kernel translate by flows' entries at all
// four (net/netfilter/nf_nat_core.c: nf_nat_register_fn).
func hasNAT(tables []*ruleset.Table, f ruleset.Family, at ...ruleset.Hook) bool {
	for _, t := range tables {
		if t.Family != f && t.Family != ruleset.Inet {
			continue
		}
		for _, c := range t.Chains {
			if c.Base != nil && c.Base.Type == "nat" && slices.Contains(at, c.Base.Hook) {
				return true
			}
		}
	}
	return false
}
