package logfile

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/event"
)

func corpusLogs(t *testing.T) []string {
	t.Helper()
	var paths []string
	if err := filepath.WalkDir(filepath.Join(corpus.Path(t), "logs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".log") {
			paths = append(paths, path)
		}
		return err
	}); err != nil || len(paths) == 0 {
		t.Fatalf("%d logs: %v", len(paths), err)
	}
	return paths
}

// TestCorpus: logs of many hosts and years give the same lines, whatever the
// workers and chunks, from a file and from a stream.
func TestCorpus(t *testing.T) {
	total := int64(0)
	for _, path := range corpusLogs(t) {
		want := read(t, Options{Workers: 1}, path)
		for _, size := range []int{3000, 20_000} {
			s := opened(t, Options{Workers: 3}, path)
			s.chunkSize = size
			sameEvents(t, path, run(t, s), want)
			total += s.Counts().Lines
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s := opened(t, Options{Stdin: struct{ *os.File }{f}}, Stdin)
		if got := len(only(run(t, s), event.KindLine)); got != len(only(want, event.KindLine)) {
			t.Errorf("%s: %d lines as a stream, want %d", path, got, len(only(want, event.KindLine)))
		}
		_ = f.Close()
	}
	if total < 2*9000 {
		t.Errorf("%d lines in all", total/2)
	}
}

func sameEvents(t *testing.T, what string, got, want []kept) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("%s: event %d: %s", what, i, cmp.Diff(want[i], got[i], cmp.AllowUnexported(kept{}), cmpopts.EquateComparable(netip.Addr{})))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d events, want %d", what, len(got), len(want))
	}
}
