package xt_test

import (
	"fmt"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// A rule as a person wrote it, in iptables' own form.
func ExampleParseRule() {
	chain, rule, err := xt.ParseRule("-A INPUT -p tcp --dport 22 -s 192.0.2.7/24 -j MARK --set-mark 1", xt.Env{Family: ruleset.IP})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", rule.AppendSave(nil, chain))
	// Output: -A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j MARK --set-xmark 0x1/0xffffffff
}
