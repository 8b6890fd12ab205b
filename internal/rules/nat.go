package rules

import (
	"net/netip"
	"strings"

	"github.com/pktrail/pktrail/ruleset"
)

// Translation is what a rule makes of a packet's addresses.
type Translation struct {
	Kind ruleset.NAT
	// To is an address, or an address and a port, where the rule names one alone;
	// else it is empty.
	To string
}

func translation(r *ruleset.Rule) *Translation {
	if r.Effect.NAT == "" {
		return nil
	}
	return &Translation{r.Effect.NAT, destination(r.Text)}
}

// destination reads where to out of a rule's text: `--to-destination 10.2.0.2:80`,
// `dnat to 10.2.0.2:80`, `dnat ip6 to [2001:db8::2]:80`.
func destination(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if i+1 == len(words) {
			break
		}
		if w == "to" || w == "--to-destination" || w == "--to-source" || w == "--to" {
			return endpoint(words[i+1])
		}
	}
	return ""
}

// endpoint is s where it is one address, with a port or without.
func endpoint(s string) string {
	if _, err := netip.ParseAddr(s); err == nil {
		return s
	}
	if _, err := netip.ParseAddrPort(s); err == nil {
		return s
	}
	return ""
}
