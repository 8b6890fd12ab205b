package rules

import (
	"slices"
	"strings"
)

// Missing says which table or chain a selection names that is not there, and
// which are called alike; empty where all are there. It is asked before [Host.Spend].
func (h *Host) Missing(s *Selection) string {
	var tables, chains []string
	each := func(table string, names []string) {
		tables = append(tables, table)
		if s.Table == "" || s.Table == table {
			chains = append(chains, names...)
		}
	}
	for _, t := range h.Legacy {
		var names []string
		for _, c := range t.Chains {
			names = append(names, c.Name)
		}
		each(t.Name, names)
	}
	if h.NFT != nil {
		for _, t := range h.NFT.Tables {
			var names []string
			for _, c := range t.Chains {
				names = append(names, c.Name)
			}
			each(t.Name, names)
		}
	}
	switch {
	case s.Table != "" && !slices.Contains(tables, s.Table):
		return "there is no table " + s.Table + alike(s.Table, tables)
	case s.Chain != "" && !slices.Contains(chains, s.Chain):
		return "there is no chain " + s.Chain + alike(s.Chain, chains)
	}
	return ""
}

// alike are the first few names that hold what was asked for, or that it holds,
// whatever the case, in words.
func alike(asked string, names []string) string {
	const few = 3
	var some []string
	asked = strings.ToLower(asked)
	for _, name := range names {
		lower := strings.ToLower(name)
		if len(some) < few && lower != "" && (strings.Contains(lower, asked) || strings.Contains(asked, lower)) && !slices.Contains(some, name) {
			some = append(some, name)
		}
	}
	if len(some) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(some, " or ") + "?"
}
