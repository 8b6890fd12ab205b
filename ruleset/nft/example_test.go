package nft_test

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/ruleset/nft"
)

// Rules as a person wrote them, listed as nft would.
func ExampleParseRuleset() {
	const text = `define lan = { 192.0.2.0/24, 198.51.100.0/24 }
table inet fw {
	chain input {
		type filter hook input priority 0; policy drop
		meta l4proto tcp tcp dport ssh ip saddr $lan accept
	}
}`
	rules, err := nft.ParseRuleset(strings.NewReader(text), "fw.nft")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", rules.AppendList(nil, &nft.Style{}))
	// Output:
	// table inet fw {
	// 	chain input {
	// 		type filter hook input priority filter; policy drop;
	// 		tcp dport 22 ip saddr { 192.0.2.0/24, 198.51.100.0/24 } accept
	// 	}
	// }
}
