package iptnft

import (
	"math"
	"strings"

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
	rev := uint8(x.Revision)
	if x.Target && !watches(x.Name, e.Family) {
		t, _ := xt.DecodeTarget(x.Name, rev, x.Info, e)
		return string(t.AppendSave([]byte("-j " + t.Name())))
	}
	m, err := xt.DecodeMatch(x.Name, rev, x.Info, e)
	if e.Family == ruleset.Bridge && err == nil { // ebtables has no -m
		return strings.TrimPrefix(string(m.AppendSave(nil)), " ")
	}
	return string(m.AppendSave([]byte("-m " + m.Name())))
}

// watches: a target of ebtables that stands among the matches and goes on.
func watches(target string, fam ruleset.Family) bool {
	return fam == ruleset.Bridge && (target == "log" || target == "nflog")
}
