package iptnft

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/nft"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// manyRules is more rules than one part has.
func manyRules(last []byte) *nft.Table {
	rules := make([][]byte, partRules+100)
	for i := range rules {
		rules[i] = list(proto("\x06"), load(2, 2, 2), compare(equal, string([]byte{byte(i >> 8), byte(i)})), counted(uint64(i), 0), decides(verdictJump, "user"))
	}
	rules[len(rules)-1] = last
	return filter(ruleset.IP, rules...)
}

func TestSpend(t *testing.T) {
	last := list(load(1, 12, 1), compare(equal, "\x0a"), decides(verdictAccept, ""))
	table, err := Table(manyRules(last), xt.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []bool{true, false} {
		got, err := Spend(manyRules(last), xt.Env{}, when, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := table.Model(when, nil); !reflect.DeepEqual(want, got) {
			t.Errorf("with conditions %v (-table +spent):\n%s", when, cmp.Diff(want, got))
		}
	}
	spent := manyRules(last)
	if _, err := Spend(spent, xt.Env{}, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range spent.Chains {
		if c.Rules != nil {
			t.Errorf("chain %s still has %d rules", c.Name, len(c.Rules))
		}
	}
}

// What iptables cannot say keeps its rules, to be shown in nft's words.
func TestSpendNothing(t *testing.T) {
	table := manyRules(list(one("ct", attr(1, 1), attr(2, 0))))
	_, want := Table(table, xt.Env{})
	if _, err := Spend(table, xt.Env{}, false, nil); err == nil || want == nil || err.Error() != want.Error() {
		t.Errorf("%v instead of %v", err, want)
	}
	if n := len(chainOf(table, "INPUT").Rules); n != partRules+100 {
		t.Errorf("%d rules are left", n)
	}
}
