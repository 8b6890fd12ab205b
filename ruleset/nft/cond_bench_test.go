package nft

import (
	"bytes"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
)

// BenchmarkConditions tells what packets must be for all rules of kube-proxy's
// ruleset of 10,000 services.
func BenchmarkConditions(b *testing.B) {
	dir := corpus.Path(b)
	native, err := ParseRuleset(bytes.NewReader(contents(b, dir+"/k8s/svc10000-nftables.txt.gz")), "kube-proxy")
	if err != nil {
		b.Fatal(err)
	}
	rules, conditions := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		rules, conditions = 0, 0
		for _, t := range native.Tables {
			for _, s := range t.Sets {
				s.held = nil
			}
			for _, ch := range t.Chains {
				for _, r := range ch.Rules {
					rules++
					conditions += len(t.Conditions(r))
				}
			}
		}
	}
	b.ReportMetric(float64(rules), "rules")
	b.ReportMetric(float64(conditions), "conditions")
}
