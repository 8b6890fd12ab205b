package render

import (
	"encoding/json"
	"io"

	"github.com/pktrail/pktrail/journey"
)

// NoteSchema names the JSON form of a note.
const NoteSchema = "pktrail/note/v1"

// JSON prints a stream as JSON lines.
type JSON struct {
	w   io.Writer
	enc *json.Encoder // for all but journeys, which are many
	buf []byte
}

// NewJSON makes a printer of JSON lines.
func NewJSON(w io.Writer) *JSON {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &JSON{w: w, enc: enc}
}

// Journey prints one journey.
func (p *JSON) Journey(j *journey.Journey) error {
	p.buf = append(j.AppendJSON(p.buf[:0]), '\n')
	_, err := p.w.Write(p.buf)
	return err
}

// LogLine prints one line of the kernel's log.
func (p *JSON) LogLine(l *journey.LogLine) error {
	p.buf = append(l.AppendJSON(p.buf[:0]), '\n')
	_, err := p.w.Write(p.buf)
	return err
}

// Flow prints one entry of the connection tracking table.
func (p *JSON) Flow(f *journey.Flow) error {
	p.buf = append(f.AppendJSON(p.buf[:0]), '\n')
	_, err := p.w.Write(p.buf)
	return err
}

// FlowEvent prints what happened to a flow.
func (p *JSON) FlowEvent(e *journey.FlowEvent) error {
	p.buf = append(e.AppendJSON(p.buf[:0]), '\n')
	_, err := p.w.Write(p.buf)
	return err
}

// FlowSummary prints the last line of flows.
func (p *JSON) FlowSummary(s *journey.FlowSummary) error { return p.enc.Encode(s) }

// FlowStats prints a namespace's counters.
func (p *JSON) FlowStats(s *journey.FlowStats) error { return p.enc.Encode(s) }

// LogSummary prints what the lines of a log tell together.
func (p *JSON) LogSummary(s *journey.LogSummary) error { return p.enc.Encode(s) }

// Lost prints a loss where it happened.
func (p *JSON) Lost(l *journey.Lost) error {
	out := *l
	out.Schema = journey.LostSchema
	return p.enc.Encode(&out)
}

// Note prints a sentence about the stream as a whole.
func (p *JSON) Note(note string) error {
	return p.enc.Encode(struct {
		Schema string `json:"schema"`
		Note   string `json:"note"`
	}{NoteSchema, note})
}

// Summary prints the last line of a stream.
func (p *JSON) Summary(s *journey.Summary) error {
	out := *s
	out.Schema = journey.SummarySchema
	out.Deciders = list(s.Deciders)
	out.Notes = list(s.Notes)
	if out.Results == nil {
		out.Results = map[journey.Result]int{}
	}
	return p.enc.Encode(&out)
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
