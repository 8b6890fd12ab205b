package rules

import (
	"slices"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/ipset"
	"github.com/pktrail/pktrail/ruleset/iptnft"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Tables tells all tables in the one model: legacy ones first, and those that
// iptables-nft made in iptables' words. With when it tells what packets must be
// for each rule to match; without, only of tables of nft's own, since there maps
// of verdicts say which chains are reached.
func (h *Host) Tables(when bool) []*ruleset.Table {
	tables := make([]*ruleset.Table, 0, len(h.Legacy))
	for _, t := range h.Legacy {
		tables = append(tables, t.Model(when, h.members(t.Family)))
	}
	if h.NFT == nil {
		return h.placed(tables)
	}
	for _, t := range h.NFT.Tables {
		tables = append(tables, h.table(t, when))
	}
	return h.placed(tables)
}

// Spend is Tables for rules that are asked for once: a host of very many has no
// room for them in two forms. What is left of its tables are their names.
func (h *Host) Spend(when bool) []*ruleset.Table {
	tables := make([]*ruleset.Table, 0, len(h.Legacy))
	for i, t := range h.Legacy {
		tables = append(tables, t.Model(when, h.members(t.Family)))
		h.Legacy[i] = &xt.Table{Name: t.Name, Family: t.Family, Backend: t.Backend}
	}
	if h.NFT == nil {
		return h.placed(tables)
	}
	left := h.NFT.Tables
	h.NFT = &nft.Native{Generation: h.NFT.Generation}
	for i, t := range left {
		m, err := iptnft.Spend(t, h.env(t.Family), when, h.members(t.Family))
		if err != nil {
			m = h.native(t)
		}
		tables = append(tables, m)
		left[i] = &nft.Table{Family: t.Family, Name: t.Name, Flags: t.Flags}
	}
	h.NFT.Tables = left
	return h.placed(tables)
}

func (h *Host) table(t *nft.Table, when bool) *ruleset.Table {
	if told, err := h.told(t); err == nil {
		return told.Model(when, h.members(t.Family))
	}
	return h.native(t)
}

// native is a table in nft's words.
func (h *Host) native(t *nft.Table) *ruleset.Table {
	m := t.Model(h.style(), true)
	if t.Flags&dormant != 0 {
		for _, c := range m.Chains {
			c.Base = nil // no hook asks it
		}
	}
	return m
}

const dormant = 1 // NFT_TABLE_F_DORMANT

// Notes say what is to be minded of the rules as they were read, a sentence each:
// the doubts, and the tables that are dormant, whose chains hang at no hook.
func (h *Host) Notes() []string {
	notes := slices.Clip(h.Doubts)
	if h.NFT == nil {
		return notes
	}
	for _, t := range h.NFT.Tables {
		if t.Flags&dormant != 0 {
			notes = append(notes, "table "+t.Family.String()+" "+t.Name+" is dormant: no packet comes to its chains")
		}
	}
	return notes
}

// told is a table of iptables-nft in iptables' words; else the error says why not.
func (h *Host) told(t *nft.Table) (*xt.Table, error) {
	return iptnft.Table(t, h.env(t.Family))
}

func (h *Host) env(fam ruleset.Family) xt.Env { return xt.Env{Family: fam, Names: h.XTNames} }

// style is how rules of nft are shown one by one: their counters stand apart.
func (h *Host) style() *nft.Style {
	return &nft.Style{Names: h.NFTNames, Stateless: true, Asks: iptnft.AsksOf(h.XTNames, h.members)}
}

func (h *Host) members(fam ruleset.Family) ruleset.Members { return ipset.Members(h.IPSets, fam) }
