package iptnft

import (
	"fmt"

	"github.com/pktrail/pktrail/internal/inorder"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// telling is a table that is told in parts, some at a time.
type telling struct {
	env   xt.Env
	table *nft.Table
	parts [][]place
	jumps jumps
}

// partRules is from how many rules on chains make a part.
const partRules = 1024

func partsOf(places []place) (parts [][]place) {
	begin, rules := 0, 0
	for i, p := range places {
		if p.chain != nil {
			rules += len(p.chain.Rules)
		}
		if rules >= partRules || i == len(places)-1 {
			parts = append(parts, places[begin:i+1])
			begin, rules = i+1, 0
		}
	}
	return parts
}

// empty is the table without its chains.
func (s *telling) empty() *xt.Table {
	return &xt.Table{Name: s.table.Name, Backend: ruleset.NFT, Family: s.table.Family}
}

// tell tells a part of the table.
func (s *telling) tell(i int) (*xt.Table, error) {
	d := &decoder{env: s.env, sets: s.table.Sets, names: map[string]string{}, jumps: s.jumps}
	part := s.empty()
	for _, p := range s.parts[i] {
		c, err := d.chain(p)
		if err != nil {
			return nil, fmt.Errorf("chain %s: %w", p.name, err)
		}
		part.Chains = append(part.Chains, c)
	}
	return part, nil
}

// each calls f for every part, told, in their order.
func (s *telling) each(f func(*xt.Table)) error {
	return inorder.Each(len(s.parts), s.tell, func(part *xt.Table) error {
		f(part)
		return nil
	})
}

// spent drops the rules of a part that was told.
func (s *telling) spent(i int) {
	for _, p := range s.parts[i] {
		if p.chain != nil {
			p.chain.Rules = nil
		}
	}
}
