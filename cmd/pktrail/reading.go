package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/correlate"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logentry"
	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/source"
	"github.com/pktrail/pktrail/internal/tally"
	"github.com/pktrail/pktrail/journey"
)

// reading is one run of read over a log or a capture.
type reading struct {
	flags  *readFlags
	in     *input
	match  match.Match
	stop   func() // ends the reading
	stderr io.Writer

	story *story            // of the journeys
	lines render.LogPrinter // of the lines beside them
	tally tally.Tally
	maker logentry.Maker

	parser logline.Parser // of messages of a capture
	made   event.LogLine  // of one
	links  map[uint16]map[uint32]string

	excluded, unjudged int64 // lines that MATCH leaves out, and that it cannot judge
	badLines           int64
	strict             error // the line that --strict failed at
	notes              []string
	lost               journey.LostCount
}

func (r *reading) open(w io.Writer) (err error) {
	if r.story, r.lines, err = r.flags.withLines(w, r.stderr, r.in.recording, r.flags.hosts); err != nil {
		return err
	}
	r.story.match, r.story.log = &r.match, !r.in.recording
	r.story.wider = allParts(r.match, r.what())
	r.links = map[uint16]map[uint32]string{}
	return nil
}

func (r *reading) what() string {
	switch {
	case r.in.recording:
		return "recording"
	case r.in.logs == nil:
		return "capture"
	}
	return "log"
}

// allParts: what is read was made for another MATCH or none, so all of this one is judged here.
func allParts(m match.Match, what string) []match.Reason {
	if m.String() == (match.Match{}).String() {
		return nil
	}
	return []match.Reason{{Arg: m.String(), Why: "judged over the " + what}}
}

// line takes a line of a log, or a message of a capture.
func (r *reading) line(e *event.Event) {
	l := e.Line
	if e.Kind == event.KindLog {
		if l = r.message(e); l == nil {
			return
		}
	}
	if !r.meant(l) {
		r.excluded++
		return
	}
	r.tally.Add(e.Time, l)
	if !r.flags.summary && r.story.err == nil {
		r.story.keep(r.lines.LogLine(r.maker.Entry(e.Time, l)))
		if r.story.err != nil {
			r.stop()
		}
	}
}

// message is the line that a message of a capture stands for; nil where it cannot be read.
func (r *reading) message(e *event.Event) *event.LogLine {
	r.made = event.LogLine{Clock: event.ClockWall}
	if e.Time.IsZero() {
		r.made.Clock = event.ClockNone
	}
	names := r.links[e.Netns]
	if err := r.parser.Message(&e.Log, func(n uint32) string { return names[n] }, &r.made); err != nil {
		r.bad(&event.BadLine{Reason: err.Error(), Text: e.Log.Payload})
		return nil
	}
	return &r.made
}

// named takes note of the names of interfaces, which messages number.
type named struct {
	source.Source
	r *reading
}

func (n named) Run(ctx context.Context, emit func([]event.Event)) error {
	return n.Source.Run(ctx, func(events []event.Event) {
		for i := range events {
			if e := &events[i]; e.Kind == event.KindNamespace {
				n.r.links[e.Netns] = e.Namespace.Links
			}
		}
		emit(events)
	})
}

// meant judges MATCH. What it cannot judge is shown, and counted.
func (r *reading) meant(l *event.LogLine) bool {
	if len(r.story.wider) == 0 {
		return true
	}
	p := logline.Packet(l)
	mark := &l.Mark
	if l.Has&event.HasMark == 0 && l.Cut != 0 {
		mark = nil
	}
	switch r.match.Judge(&p, l.In, l.Out, mark).Answer {
	case match.No:
		return false
	case match.Unknown:
		r.unjudged++
	}
	return true
}

const badShown = 10

func (r *reading) bad(b *event.BadLine) {
	r.badLines++
	words := badWords(b)
	switch {
	case r.flags.strict && r.strict == nil:
		r.strict = hint(fmt.Errorf("%s", words), "without --strict such lines are counted and the rest is read")
		r.stop()
	case r.badLines <= badShown:
		fmt.Fprintf(r.stderr, "note: %s\n", words)
	case r.badLines == badShown+1:
		fmt.Fprintln(r.stderr, "note: more lines cannot be read; the summary counts them")
	}
}

func badWords(b *event.BadLine) string {
	place := b.File
	if b.Number > 0 {
		place = fmt.Sprintf("%s:%d", b.File, b.Number)
	}
	if place != "" {
		place += ": "
	}
	if len(b.Text) == 0 {
		return place + b.Reason
	}
	return fmt.Sprintf("%s%s: %.120q", place, b.Reason, b.Text)
}

func (r *reading) failed(err error) error {
	switch {
	case r.strict != nil:
		return r.strict
	case r.flags.strict && err == nil && r.in.logs != nil && r.in.logs.Counts().Broken > 0:
		err = hint(errors.New("a log could not be read to its end"), "the notes say which; without --strict what can be read is told")
	}
	return r.story.failed(err)
}

// summaries prints that of the lines where there are any, and that of the journeys
// likewise; readers of JSON get both.
func (r *reading) summaries(counts correlate.Counts) error {
	json := r.flags.format == "json"
	counts.Notes = together(counts.Notes)
	lines := r.logSummary(counts)
	told := r.story.shown > 0 || r.story.beyond > 0 || r.in.recording
	if !r.in.recording && (lines.Lines > 0 || json || !told) {
		if told && !json {
			lines.Notes = []string{}
		}
		r.story.keep(r.lines.LogSummary(lines))
	}
	if told || json {
		sum := r.story.summary(counts)
		sum.Seconds = r.story.newest.Sub(r.story.oldest).Seconds()
		r.story.keep(r.story.printer.Summary(sum))
	}
	return r.story.err
}

func (r *reading) logSummary(counts correlate.Counts) *journey.LogSummary {
	top := r.flags.top
	if top == 0 {
		top = -1
	}
	sum := r.tally.Report(tally.Options{Top: top})
	sum.Bad, sum.Skipped, sum.Lost = r.badLines, r.excluded, counts.Lost
	sum.Notes = slices.Clone(counts.Notes)
	if r.in.logs != nil {
		c := r.in.logs.Counts()
		sum.Bad, sum.Skipped = c.Bad, c.Skipped+r.excluded
		if c.Lines == 0 && c.Skipped == 0 {
			sum.Notes = append(sum.Notes, fmt.Sprintf("no line of a LOG or TRACE rule in %s; pktrail log --explain says why a host writes none", bytesWords(c.Bytes)))
		}
	}
	if r.unjudged > 0 {
		sum.Notes = append(sum.Notes, fmt.Sprintf("%d lines are shown that do not tell enough to judge %s", r.unjudged, r.match))
	}
	return sum
}

// together makes one note of what is said of several files: `FILE: …`.
func together(notes []string) []string {
	files := map[string]int{}
	for _, n := range notes {
		if _, words, ok := strings.Cut(n, ": "); ok {
			files[words]++
		}
	}
	out := []string{}
	for _, n := range notes {
		_, words, _ := strings.Cut(n, ": ")
		switch files[words] {
		case 0, 1:
			out = append(out, n)
		default:
			if words = fmt.Sprintf("%d files: %s", files[words], words); !slices.Contains(out, words) {
				out = append(out, words)
			}
		}
	}
	return out
}

func bytesWords(n int64) string {
	switch {
	case n >= 10e9:
		return fmt.Sprintf("%.0f GB", float64(n)/1e9)
	case n >= 10e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	case n >= 10e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
