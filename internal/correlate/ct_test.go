package correlate

import (
	"testing"

	"github.com/pktrail/pktrail/internal/event"
)

// TestShownCTIsItsOwn: steps are used again while journeys are still read.
func TestShownCTIsItsOwn(t *testing.T) {
	ct := event.CT{HasID: true, ID: 761019706}
	shown := showCT(&ct)
	ct = event.CT{}
	if shown.ID == nil || *shown.ID != 761019706 {
		t.Errorf("id %v, want 761019706", shown.ID)
	}
}
