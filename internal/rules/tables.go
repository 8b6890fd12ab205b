package rules

import (
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// Tables tells all tables in the one model: legacy ones first, and those that
// iptables-nft made in iptables' words. With when it tells what packets must be
// for each rule to match; without, only of tables that hold maps of verdicts,
// since these say which chains are reached.
func (h *Host) Tables(when bool) []*ruleset.Table {
	tables := make([]*ruleset.Table, 0, len(h.Legacy))
	for _, t := range h.Legacy {
		tables = append(tables, t.Model(when, h.members(t.Family)))
	}
	if h.NFT == nil {
		return tables
	}
	for _, t := range h.NFT.Tables {
		tables = append(tables, h.table(t))
	}
	return tables
}

func (h *Host) table(t *nft.Table) *ruleset.Table {
	return t.Model(h.style(), true)
}

// style is how rules of nft are shown one by one: their counters stand apart.
func (h *Host) style() *nft.Style { return &nft.Style{Names: h.NFTNames} }

// members is nil where no ipset was read.
func (h *Host) members(ruleset.Family) ruleset.Members { return nil }
