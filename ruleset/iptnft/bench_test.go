package iptnft

import (
	"testing"

	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// BenchmarkTable tells ten thousand rules such as kube-proxy writes, without
// their text.
func BenchmarkTable(b *testing.B) {
	comment := make([]byte, 256)
	copy(comment, "some/service:port cluster IP")
	rule := list(proto("\x06"), load(1, 16, 4), compare(equal, "\x0a\x60\x00\x0a"),
		one("match", attr(xtName, "comment\x00"), attr(xtRevision, 0), attr(xtInfo, comment)),
		load(2, 2, 2), compare(equal, "\x00\x50"), counted(1, 2), decides(verdictJump, "user"))
	rules := make([][]byte, 10_000)
	for i := range rules {
		rules[i] = rule
	}
	table := filter(ruleset.IP, rules...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Table(table, xt.Env{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rules)), "ns/rule")
}
