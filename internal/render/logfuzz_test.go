package render

import (
	"bytes"
	"errors"
	"testing"
	"unicode"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logentry"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/internal/tally"
)

// FuzzLogLine: whatever a log holds, nothing reaches the terminal that it would
// obey instead of show, and a locale of ASCII gets ASCII.
func FuzzLogLine(f *testing.F) {
	for _, text := range logged {
		f.Add([]byte(text), 80, true)
		f.Add([]byte(text), 0, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, width int, ascii bool) {
		var p logline.Parser
		var l event.LogLine
		if _, err := p.Parse(text, &l); errors.Is(err, logline.ErrNoPacket) {
			return
		}
		l.Host, l.Clock = string(text), event.ClockWall
		var m logentry.Maker
		var sum tally.Tally
		var b bytes.Buffer
		to := NewText(&b, Options{Width: max(width%300, 0), ASCII: ascii, Host: true, UTC: true})
		sum.Add(at(0).Time, &l)
		l.Host = "other"
		sum.Add(at(2e9).Time, &l)
		if err := errors.Join(to.LogLine(m.Entry(at(0).Time, &l)), to.LogSummary(sum.Report(tally.Options{}))); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if r != '\n' && (!unicode.IsPrint(r) || ascii && r > '~') {
				t.Fatalf("%q is printed of %q:\n%s", r, text, b.String())
			}
		}
	})
}
