package patrol

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/internal/stale"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// nowRules is the rules as they were read once, and what may be missing of them.
type nowRules struct {
	nat     *stale.NAT
	targets *stale.Targets
	notes   []string
}

// readRules reads the kernel's own form of the rules, and keeps what is of NAT.
func readRules(ctx context.Context, h *collect.Host) *nowRules {
	r := &nowRules{}
	var others []string // what translates beside, or may
	if h.HasVirtualServers() {
		others = append(others, "IPVS, whose services are no rules,")
	}
	host, err := h.Rules(ctx)
	if err != nil {
		host = &rules.Host{}
		r.notes = append(r.notes, fmt.Sprintf("what NAT rules translate to is not known: %v", err))
	}
	r.notes = append(r.notes, host.Doubts...)
	if len(r.notes) > 0 {
		others = append(others, "rules that could not be read")
	}
	tables, maps := host.Tables(true), listings(host.NFT)
	r.nat, r.targets = stale.ReadNAT(tables, maps, others...), stale.ReadTargets(tables, maps, others...)
	return r
}

// listings lists tables of nft where a rule looks up a named map, each once.
func listings(native *nft.Native) stale.Maps {
	listed := map[ruleset.TableKey]string{}
	return func(key ruleset.TableKey) string {
		if text, known := listed[key]; known || native == nil {
			return text
		}
		for _, t := range native.Tables {
			if t.Family == key.Family && t.Name == key.Name {
				listed[key] = string(t.AppendList(nil, &nft.Style{}))
			}
		}
		return listed[key]
	}
}

// waysOf asks the routes, each address once, and no more than maxAsked.
func waysOf(routes *collect.Routes) func(netip.Addr) stale.Way {
	known := map[netip.Addr]stale.Way{}
	return func(a netip.Addr) stale.Way {
		w, asked := known[a]
		if asked || len(known) >= maxAsked {
			return w
		}
		if route, link, choosy, err := routes.To(a); err == nil {
			w = stale.Way{Type: route.Type, Dev: route.Dev, Index: link, Sure: choosy == 0}
		}
		known[a] = w
		return w
	}
}
