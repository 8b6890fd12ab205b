package collect

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/pktrail/pktrail/internal/corpus"
)

// BenchmarkNFTablesKubeProxy reads and prints kube-proxy's nftables rules of
// 10,000 services, and as often lets nft do the same in between.
func BenchmarkNFTablesKubeProxy(b *testing.B) {
	ns := newNS(b)
	run(b, ns, unzipped(b, "k8s/svc10000-nftables.txt.gz"), "nft", "-f", "-")
	style := nftStyle(b, ns)
	var own, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		native, err := New(ns).NFTables()
		if err != nil {
			b.Fatal(err)
		}
		got := native.AppendList(nil, style)
		own += time.Since(start)
		start = time.Now()
		want, _, err := tryRun(ns, "", "nft", "list", "ruleset")
		if err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(start)
		if string(got) != want {
			b.Fatal(corpus.FirstDifference(string(got), want))
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(own.Seconds()/float64(b.N), "s/read")
	b.ReportMetric(theirs.Seconds()/float64(b.N), "s/nft")
	b.ReportMetric(own.Seconds()/theirs.Seconds(), "of-nft")
	b.ReportMetric(float64(m.Sys)/(1<<20), "MB")
}

func unzipped(t testing.TB, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus.Path(t), name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
