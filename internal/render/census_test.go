package render

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/pktrail/pktrail/internal/census"
	"github.com/pktrail/pktrail/internal/stale"
)

// told reads what a package of reports holds as its golden JSON.
func told[T any](t *testing.T, path string) *T {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	v := new(T)
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCensusText(t *testing.T) {
	for name, opt := range map[string]Options{"80": {Width: 80, Netns: true}, "ascii-40": {Width: 40, ASCII: true}, "color": {Width: 120, Color: true}} {
		var b bytes.Buffer
		p := NewText(&b, opt)
		if err := p.ConnTop(told[census.Top](t, "../census/testdata/conntop.golden")); err != nil {
			t.Fatal(err)
		}
		if err := p.ConnWho(told[census.Who](t, "../census/testdata/connwho.golden")); err != nil {
			t.Fatal(err)
		}
		golden(t, "census-"+name, b.Bytes())
	}
}

func TestStaleText(t *testing.T) {
	for name, opt := range map[string]Options{"80": {Width: 80, Netns: true}, "color": {Width: 120, Color: true}} {
		var b bytes.Buffer
		if err := NewText(&b, opt).Stale(told[stale.Report](t, "../stale/testdata/stale.golden")); err != nil {
			t.Fatal(err)
		}
		golden(t, "stale-"+name, b.Bytes())
	}
}

// TestReportsAsJSON: what is printed is what was told.
func TestReportsAsJSON(t *testing.T) {
	var b bytes.Buffer
	p := NewJSON(&b)
	if err := p.ConnTop(told[census.Top](t, "../census/testdata/conntop.golden")); err != nil {
		t.Fatal(err)
	}
	if err := p.ConnWho(told[census.Who](t, "../census/testdata/connwho.golden")); err != nil {
		t.Fatal(err)
	}
	if err := p.Stale(told[stale.Report](t, "../stale/testdata/stale.golden")); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(b.Bytes()), []byte("\n"))
	for i, path := range []string{"../census/testdata/conntop.golden", "../census/testdata/connwho.golden", "../stale/testdata/stale.golden"} {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, want); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(compact.Bytes(), lines[i]) {
			t.Errorf("%s\n%s", compact.Bytes(), lines[i])
		}
	}
}
