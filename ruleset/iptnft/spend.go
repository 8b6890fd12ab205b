package iptnft

import (
	"fmt"

	"github.com/pktrail/pktrail/internal/inorder"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Spend is [Table] and then [xt.Table.Model], for tables of very many rules: it
// takes the rules out of t part by part, so that no more than a few are there in
// several forms at a time. Where it returns an error, which is that of Table,
// t is whole.
func Spend(t *nft.Table, e xt.Env, when bool, members ruleset.Members) (*ruleset.Table, error) {
	model, err := spend(t, e, when, members)
	if err != nil {
		return nil, fmt.Errorf("table %s %s: %w", t.Family, t.Name, err)
	}
	return model, nil
}

// spend tells every rule twice: at first only to see whether all can be told.
func spend(t *nft.Table, e xt.Env, when bool, members ruleset.Members) (*ruleset.Table, error) {
	s, err := newTelling(t, e)
	if err != nil {
		return nil, err
	}
	if err := s.each(func(*xt.Table) {}); err != nil {
		return nil, err
	}
	model := s.empty().Model(when, members)
	next := 0
	return model, inorder.Each(len(s.parts), func(i int) ([]*ruleset.Chain, error) {
		part, err := s.tell(i)
		if err != nil {
			return nil, err
		}
		return part.Model(when, members).Chains, nil
	}, func(chains []*ruleset.Chain) error {
		model.Chains = append(model.Chains, chains...)
		s.spent(next)
		next++
		return nil
	})
}
