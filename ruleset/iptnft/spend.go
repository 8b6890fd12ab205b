package iptnft

import (
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Spend is [Table] and then [xt.Table.Model], for tables of very many rules: it
// takes the rules out of t chain by chain, so that no more than a few are there in
// several forms at a time. Where it returns an error, which is that of Table,
// t is whole.
func Spend(t *nft.Table, e xt.Env, when bool, members ruleset.Members) (*ruleset.Table, error) {
	model, err := spend(t, e, when, members)
	if err != nil {
		return nil, fmt.Errorf("table %s %s: %w", t.Family, t.Name, err)
	}
	return model, nil
}

// atATime is from how many rules on those that were told are turned.
const atATime = 4096

// spend tells every rule twice: at first only to see whether all can be told.
func spend(t *nft.Table, e xt.Env, when bool, members ruleset.Members) (*ruleset.Table, error) {
	s, err := newTelling(t, e)
	if err != nil {
		return nil, err
	}
	for _, p := range s.places {
		if _, err := s.chain(p); err != nil {
			return nil, err
		}
	}
	part := s.empty()
	model := part.Model(when, members)
	rules := 0
	for i, p := range s.places {
		c, err := s.chain(p)
		if err != nil {
			return nil, err
		}
		if p.chain != nil {
			p.chain.Rules = nil
		}
		part.Chains, rules = append(part.Chains, c), rules+len(c.Rules)
		if rules >= atATime || i == len(s.places)-1 {
			model.Chains = append(model.Chains, part.Model(when, members).Chains...)
			part.Chains, rules = part.Chains[:0], 0
		}
	}
	return model, nil
}
