package render

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pktrail/pktrail/journey"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func text(t *testing.T, opt Options, js ...*journey.Journey) []byte {
	t.Helper()
	opt.UTC = true
	var b bytes.Buffer
	p := NewText(&b, opt)
	for _, j := range js {
		if err := p.Journey(explained(j)); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestJourneyText(t *testing.T) {
	for name, j := range map[string]func() *journey.Journey{
		"dropped-mark": droppedWithMark, "nat": deliveredByNAT, "rejected": rejected, "policy": policyDrop,
		"unknown": unknown, "incomplete": incompleteInferred, "untouched": untouched, "answer": answered,
		"loopback": looped, "queued": queued,
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, text(t, Options{Netns: true}, j())) })
	}
}

func TestWidths(t *testing.T) {
	for name, width := range map[string]int{"width-40": 40, "width-80": 80, "width-120": 120, "width-200": 200} {
		t.Run(name, func(t *testing.T) {
			got := text(t, Options{Width: width}, droppedWithMark(), deliveredByNAT(), incompleteInferred(), untouched())
			golden(t, name, got)
		})
	}
}

func TestColor(t *testing.T) {
	golden(t, "color", text(t, Options{Width: 100, Color: true, Netns: true}, droppedWithMark(), incompleteInferred(), untouched()))
}

func TestASCII(t *testing.T) {
	got := text(t, Options{Width: 80, ASCII: true}, droppedWithMark(), deliveredByNAT())
	for i, b := range got {
		if b >= 0x80 {
			t.Fatalf("byte %d is not ASCII: %q", i, got[max(0, i-20):i+1])
		}
	}
	golden(t, "ascii", got)
}

func TestStream(t *testing.T) {
	var plainText, lines bytes.Buffer
	for _, p := range []Printer{NewText(&plainText, Options{Width: 100, UTC: true, Netns: true}), NewJSON(&lines)} {
		stream(t, p)
	}
	golden(t, "stream-text", plainText.Bytes())
	golden(t, "stream-json", lines.Bytes())
}

// stream prints some of everything.
func stream(t *testing.T, p Printer) {
	t.Helper()
	var sum Summarizer
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sum.Note("packets of flowtable ft in table inet fw pass without meeting a rule")
	must(p.Note("packets of flowtable ft in table inet fw pass without meeting a rule"))
	for _, j := range []*journey.Journey{policyDrop(), rejected(), answered(), policyDrop(), incompleteInferred()} {
		sum.Add(explained(j))
		must(p.Journey(j))
	}
	lost := &journey.Lost{Time: at(90), Netns: &journey.Netns{Name: "rt", Inode: 7}, What: "nftrace and NFLOG", Lost: journey.LostCount{Count: 12, More: true}}
	sum.Lost(lost)
	must(p.Lost(lost))
	s := sum.Summary()
	s.Seconds, s.Foreign, s.RateLimited, s.Undecoded, s.Unattached = 4.25, 3, ptr(int64(40)), 1, 2
	must(p.Summary(s))
}
