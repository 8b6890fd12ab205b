package live

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pktrail/pktrail/internal/lab"
	"github.com/pktrail/pktrail/ruleset/nft"
)

// place names a rule.
type place struct {
	family, table, chain string
	number               int
}

// counters reads the packet counters of all rules of a world in the router.
func counters(t testing.TB, l *lab.Lab, w lab.World) map[place]int {
	t.Helper()
	all := map[place]int{}
	if w == lab.NFT {
		return nftCounters(t, run(t, l, "rt", "nft", "-a", "list", "ruleset"), all)
	}
	for family, tool := range map[string]string{"ip": "iptables", "ip6": "ip6tables"} {
		variant := "-legacy-save"
		if w == lab.IptablesNFT {
			variant = "-nft-save"
		}
		savedCounters(t, family, run(t, l, "rt", tool+variant, "-c"), all)
	}
	return all
}

var savedRule = regexp.MustCompile(`^\[(\d+):\d+\] -A (\S+)`)

func savedCounters(t testing.TB, family, text string, all map[place]int) {
	table, numbers := "", map[string]int{}
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "*"); ok {
			table, numbers = name, map[string]int{}
			continue
		}
		m := savedRule.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		numbers[m[2]]++
		all[place{family, table, m[2], numbers[m[2]]}] = number(t, m[1])
	}
}

var counterWords = regexp.MustCompile(`counter packets (\d+) bytes`)

func nftCounters(t testing.TB, text string, all map[place]int) map[place]int {
	tables, err := nft.ParseList(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, tab := range tables {
		for _, c := range tab.Chains {
			for _, r := range c.Rules {
				if m := counterWords.FindStringSubmatch(r.Text); m != nil {
					all[place{nft.FamilyName(tab.Family), tab.Name, c.Name, r.Number}] = number(t, m[1])
				}
			}
		}
	}
	return all
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
