package render

import (
	"bytes"
	"testing"

	"github.com/pktrail/pktrail/internal/tally"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

// TestLogPoints: a live log tells its points in the order in which they were
// named, those where nothing came too.
func TestLogPoints(t *testing.T) {
	priority := int32(-301)
	s := new(tally.Tally).Report(tally.Options{})
	s.Lines = 8
	s.Points = []journey.LogPoint{
		{Netns: &journey.Netns{Name: "rt"}, Name: "raw/PREROUTING", Hook: ruleset.Prerouting, Priority: &priority, Logged: 8, RateLimited: 34},
		{Netns: &journey.Netns{Name: "rt"}, Name: "filter/DOCKER-USER"},
	}
	const want = `8 lines
by point
  8  100.0%  raw/PREROUTING  prerouting, priority -301  (34 more over the limit)
  0    0.0%  filter/DOCKER-USER
  34 packets over the limit: counted, not logged
`
	var b bytes.Buffer
	if err := NewText(&b, Options{}).LogSummary(s); err != nil || b.String() != want {
		t.Errorf("%v, got\n%s", err, b.String())
	}
	s.Points[1].Netns = &journey.Netns{Name: "server"}
	b.Reset()
	if err := NewText(&b, Options{}).LogSummary(s); err != nil || !bytes.Contains(b.Bytes(), []byte("  server  filter/DOCKER-USER")) {
		t.Errorf("%v, got\n%s", err, b.String())
	}
}
