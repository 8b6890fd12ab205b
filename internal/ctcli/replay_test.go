package ctcli_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/internal/corpus"
	"github.com/pktrail/pktrail/internal/ctcli"
)

// recorded are the events that a kernel sent and the lines that conntrack wrote
// of them as they came, with -o extended,timestamp,id.
func recorded(t testing.TB, name string) (events [][]byte, lines []string) {
	t.Helper()
	dir := filepath.Join(corpus.Path(t), "logs", "kernel")
	for _, line := range readLines(t, filepath.Join(dir, name+".conntrack.hex")) {
		b, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, b)
	}
	return events, readLines(t, filepath.Join(dir, name+".conntrack-E.txt"))
}

func readLines(t testing.TB, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

var received = regexp.MustCompile(`^\[(\d+)\.\d+\]\t`)

// TestRecordedEvents: the lines of conntrack -E, byte for byte, at the times when
// they were written.
func TestRecordedEvents(t *testing.T) {
	for _, name := range []string{"legacy", "nft"} {
		events, lines := recorded(t, name)
		if len(events) == 0 || len(events) != len(lines) {
			t.Fatalf("%s: %d events, %d lines", name, len(events), len(lines))
		}
		var dec conntrack.Decoder
		var flow conntrack.Flow
		for i, e := range events {
			if err := dec.Flow(e, &flow); err != nil {
				t.Fatal(err)
			}
			at := received.FindStringSubmatch(lines[i])
			if at == nil {
				t.Fatalf("%s %d: no time in %q", name, i+1, lines[i])
			}
			seconds, err := strconv.ParseInt(at[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			now := func() time.Time { return time.Unix(seconds, 0).UTC() } // as the recordings were made
			f := ctcli.Format{Layer3: true, ID: true, KernelTime: strings.Contains(lines[i], "[start="), Now: now}
			got := string(f.AppendFlow(nil, conntrack.KindOf(e), &flow))
			if want := received.ReplaceAllString(lines[i], ""); got != want {
				t.Errorf("%s %d:\ngot  %s\nwant %s", name, i+1, got, want)
			}
		}
	}
}
