// Package iptnft tells tables of nf_tables that iptables-nft made in iptables'
// own words: it turns the expressions of their rules back to the matches and
// targets of [xt]. It knows the forms that iptables 1.8.0 to 1.8.13 write. A
// table that holds more than iptables can say is not told at all, with the
// reason: half a rule would be another rule. It asks no kernel.
//
// The order of chains, and what is shown of them, are those of iptables-nft-save
// (iptables/xtables-save.c, nft-cache.c).
package iptnft

import (
	"errors"
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Table tells a table in iptables' words; e says what numbers are called, and
// its family is taken from the table. The error says what in the table iptables
// would not have written, or cannot say: then the table is nft's to show.
// Of the tables of ebtables-nft broute is not told.
func Table(t *nft.Table, e xt.Env) (*xt.Table, error) {
	told, err := table(t, e)
	if err != nil {
		return nil, fmt.Errorf("table %s %s: %w", t.Family, t.Name, err)
	}
	return told, nil
}

// Tables tells the tables of a family, IP, IP6, Bridge or ARP, in the order of
// iptables-nft-save (iptables/nft.c: xtables_ipv4). The error joins that of each
// table by one of iptables' names that is not told.
func Tables(n *nft.Native, fam ruleset.Family, e xt.Env) (told []*xt.Table, err error) {
	for _, name := range [...]string{"mangle", "security", "raw", "filter", "nat"} {
		for _, t := range n.Tables {
			if t.Family != fam || t.Name != name {
				continue
			}
			one, not := Table(t, e)
			if not != nil {
				err = errors.Join(err, not)
				continue
			}
			told = append(told, one)
		}
	}
	return told, err
}

func table(t *nft.Table, e xt.Env) (*xt.Table, error) {
	s, err := newTelling(t, e)
	if err != nil {
		return nil, err
	}
	told := s.empty()
	told.Chains = make([]*xt.Chain, 0, len(t.Chains))
	return told, s.each(func(part *xt.Table) { told.Chains = append(told.Chains, part.Chains...) })
}

func newTelling(t *nft.Table, e xt.Env) (*telling, error) {
	if err := known(t); err != nil {
		return nil, err
	}
	places, err := placesOf(t)
	if err != nil {
		return nil, err
	}
	e.Family = t.Family
	return &telling{env: e, table: t, parts: partsOf(places), jumps: jumpsTo(t.Chains)}, nil
}

const dormant = 1 // NFT_TABLE_F_DORMANT

var (
	errFamily  = errors.New("rules of this family are not told in iptables' words")
	errName    = errors.New("iptables has no table of that name")
	errDormant = errors.New("it is dormant, of which iptables knows nothing")
)

func known(t *nft.Table) error {
	switch {
	case t.Family != ruleset.IP && t.Family != ruleset.IP6 && t.Family != ruleset.Bridge && t.Family != ruleset.ARP:
		return errFamily
	case len(xt.BuiltinNFTChains(t.Family, t.Name)) == 0:
		return errName
	case t.Flags&dormant != 0:
		return errDormant
	}
	return nil
}
