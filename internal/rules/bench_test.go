package rules_test

import (
	"os"
	"testing"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// services reads a ruleset that kube-proxy wrote for 10,000 services.
func services(b *testing.B, file string) []*ruleset.Table {
	b.Helper()
	f, err := os.Open(corpus.Path(b, "k8s", file))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var host rules.Host
	if err := host.AddFile(file, f); err != nil {
		b.Fatal(err)
	}
	return host.Tables(true)
}

// BenchmarkFind asks for one service, and for all packets of TCP, among the rules
// of 10,000 services.
func BenchmarkFind(b *testing.B) {
	eachQuestion(b, func(b *testing.B, tables []*ruleset.Table, q *rules.Question) {
		judged := 0
		for b.Loop() {
			judged = rules.Find(tables, q, false).Judged
		}
		b.ReportMetric(float64(judged), "judged")
	})
}

// BenchmarkFindAndPrint does the same and prints what was found.
func BenchmarkFindAndPrint(b *testing.B) {
	eachQuestion(b, func(b *testing.B, tables []*ruleset.Table, q *rules.Question) {
		var written counted
		for b.Loop() {
			written = 0
			if err := render.NewText(&written, render.Options{}).Found(rules.Find(tables, q, false), render.FoundView{}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(written), "bytes")
	})
}

// counted counts what is written to it.
type counted int

func (c *counted) Write(p []byte) (int, error) {
	*c += counted(len(p))
	return len(p), nil
}

func eachQuestion(b *testing.B, ask func(*testing.B, []*ruleset.Table, *rules.Question)) {
	for _, file := range []string{"svc10000-iptables-save.txt.gz", "svc10000-nftables.txt.gz"} {
		tables := services(b, file)
		n := 0
		for _, t := range tables {
			for _, c := range t.Chains {
				n += len(c.Rules)
			}
		}
		for _, words := range []string{"-d 10.96.206.2 -p tcp --dport 80", "-p tcp"} {
			b.Run(file+"/"+words, func(b *testing.B) {
				ask(b, tables, question(b, words))
				b.ReportMetric(float64(n), "rules")
			})
		}
	}
}
