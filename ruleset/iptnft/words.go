package iptnft

import (
	"math"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Words says a match or target of iptables inside a rule of nf_tables as
// iptables-save would, as in `-m mark --mark 0x1`, for [nft.Style]. What is not
// known is shown with its revision and bytes. Numbers are not named.
func Words(fam ruleset.Family, x *nft.XT) string { return WordsOf(nil)(fam, x) }

// WordsOf is [Words] with the host's names for numbers; nil for none.
func WordsOf(names *xt.Names) func(ruleset.Family, *nft.XT) string {
	return func(fam ruleset.Family, x *nft.XT) string {
		if x.Revision > math.MaxUint8 {
			return ""
		}
		return words(x, xt.Env{Family: fam, Names: names})
	}
}

func words(x *nft.XT, e xt.Env) string {
	if x.Target {
		t, _ := xt.DecodeTarget(x.Name, uint8(x.Revision), x.Info, e)
		return string(t.AppendSave([]byte("-j " + t.Name())))
	}
	m, _ := xt.DecodeMatch(x.Name, uint8(x.Revision), x.Info, e)
	return string(m.AppendSave([]byte("-m " + m.Name())))
}
