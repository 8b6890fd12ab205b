package capture

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/internal/event"
)

// TestRecorded reads what tcpdump wrote of NFLOG group 0 while a ping crossed the
// rules in trace.save: TRACE lines of a request and its reply, sent and received.
func TestRecorded(t *testing.T) {
	file, err := os.ReadFile("testdata/trace.pcap")
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, file)
	got.only(t, len(got.logs))
	var lines []string
	for _, l := range got.logs {
		typ := map[event.LineType]string{event.LineRule: "rule", event.LinePolicy: "policy"}[l.Line.Type]
		lines = append(lines, fmt.Sprintf("%s %s %s %d hook %d in %d out %d icmp %d",
			l.Line.Table, l.Line.Chain, typ, l.Line.Number, l.Hook, l.In, l.Out, l.Payload[20]))
	}
	want := []string{
		"raw OUTPUT policy 2 hook 3 in 0 out 1 icmp 8",
		"filter OUTPUT policy 1 hook 3 in 0 out 1 icmp 8",
		"raw PREROUTING policy 1 hook 0 in 1 out 0 icmp 8",
		"filter INPUT rule 1 hook 1 in 1 out 0 icmp 8",
		"raw OUTPUT policy 2 hook 3 in 0 out 1 icmp 0",
		"filter OUTPUT policy 1 hook 3 in 0 out 1 icmp 0",
		"raw PREROUTING policy 1 hook 0 in 1 out 0 icmp 0",
		"filter INPUT policy 2 hook 1 in 1 out 0 icmp 0",
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Error(d)
	}
}
