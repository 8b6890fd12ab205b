package iptnft

import (
	"math"
	"reflect"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// AsksOf tells what a match of iptables inside a rule of nf_tables asks of a
// packet, for [nft.Style]: false where it is not known. names are the host's, nil
// for none, and members what ipsets hold, by family.
func AsksOf(names *xt.Names, members func(ruleset.Family) ruleset.Members) func(ruleset.Family, *nft.XT) ([]ruleset.Condition, bool) {
	return func(fam ruleset.Family, x *nft.XT) ([]ruleset.Condition, bool) {
		decode := func(fam ruleset.Family) xt.Match {
			m, err := xt.DecodeMatch(x.Name, uint8(x.Revision), x.Info, xt.Env{Family: fam, Names: names})
			if err != nil {
				return nil
			}
			return m
		}
		if x.Target || x.Revision > math.MaxUint8 {
			return nil, false
		}
		own, four := decode(fam), decode(ruleset.IP)
		switch {
		case own == nil:
			return nil, false
		case fam == ruleset.IP, fam == ruleset.IP6, fam == ruleset.Bridge && reflect.TypeOf(own) != reflect.TypeOf(four):
			return xt.MatchConditions(own, fam, members(fam)), true
		}
		// It meets packets of either family: what it asks of both is told.
		six := decode(ruleset.IP6)
		if four == nil || six == nil {
			return nil, false
		}
		all := xt.MatchConditions(four, ruleset.IP, members(ruleset.IP))
		return all, reflect.DeepEqual(all, xt.MatchConditions(six, ruleset.IP6, members(ruleset.IP6)))
	}
}
