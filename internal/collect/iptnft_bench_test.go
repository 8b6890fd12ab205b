package collect

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
)

// kubeProxyRules loads, by iptables-nft, the rules that kube-proxy writes for
// 10,000 services. Chains are made in no order: iptables-nft-save sorts them in a
// time that grows with the square where they are in order already.
func kubeProxyRules(b *testing.B) *netns.NS {
	b.Helper()
	ns := newNS(b)
	var listing, chains []string
	random := rand.New(rand.NewPCG(1, 2))
	for line := range strings.Lines(unzipped(b, "k8s/svc10000-iptables-save.txt.gz")) {
		switch {
		case strings.Contains(line, "-m nfacct "): // needs an object made first
			continue
		case strings.HasPrefix(line, ":"):
			chains = append(chains, line)
			continue
		}
		random.Shuffle(len(chains), func(i, j int) { chains[i], chains[j] = chains[j], chains[i] })
		listing, chains = append(append(listing, chains...), line), nil
	}
	if err := restoreNFT(ns, ruleset.IP, strings.Join(listing, "")); err != nil {
		b.Fatal(err)
	}
	return ns
}

// BenchmarkIptablesNFT reads and prints these rules, and as often lets
// iptables-nft-save do the same in between.
func BenchmarkIptablesNFT(b *testing.B) {
	ns := kubeProxyRules(b)
	var own, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		got := told(b, ns, ruleset.IP, false)
		own += time.Since(start)
		start = time.Now()
		want := run(b, ns, "", "iptables-nft-save")
		theirs += time.Since(start)
		if got != withoutComments(want) {
			b.Fatal(corpus.FirstDifference(got, withoutComments(want)))
		}
	}
	b.ReportMetric(own.Seconds()/float64(b.N), "s/read")
	b.ReportMetric(theirs.Seconds()/float64(b.N), "s/iptables-nft-save")
	b.ReportMetric(own.Seconds()/theirs.Seconds(), "of-iptables-nft-save")
}
