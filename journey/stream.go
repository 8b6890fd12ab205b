package journey

import (
	"bytes"
	"encoding/json"
)

// SummarySchema and LostSchema name the other objects of a stream.
const (
	SummarySchema = "pktrail/summary/v1"
	LostSchema    = "pktrail/lost/v1"
)

// Summary is the last line of a stream of journeys.
type Summary struct {
	Schema      string         `json:"schema"`
	Seconds     float64        `json:"seconds"`
	Journeys    int            `json:"journeys"`
	Results     map[Result]int `json:"results"`
	Deciders    []Decider      `json:"deciders"` // most packets first
	Inferred    int            `json:"inferred"`
	Incomplete  int            `json:"incomplete"`
	Foreign     int64          `json:"foreign"`      // packets that somebody else's rules trace
	Unattached  int64          `json:"unattached"`   // events after a loss whose packet is not known any more
	Undecoded   int64          `json:"undecoded"`    // messages that could not be decoded
	RateLimited *int64         `json:"rate_limited"` // packets that matched and were not traced; null when the kernel's counter could not be read
	Log         bool           `json:"log,omitzero"` // of a log or a capture: nothing of ours chose the packets, so there is no rate limit
	Lost        LostCount      `json:"lost"`
	Notes       []string       `json:"notes"` // what makes the whole answer incomplete
}

// MarshalJSON implements json.Marshaler. The schema is this package's and no
// list or map is null.
func (s Summary) MarshalJSON() ([]byte, error) {
	type fields Summary
	s.Schema = SummarySchema
	if s.Results == nil {
		s.Results = map[Result]int{}
	}
	if s.Deciders == nil {
		s.Deciders = []Decider{}
	}
	if s.Notes == nil {
		s.Notes = []string{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // rules are full of & and <
	err := enc.Encode(fields(s))
	return b.Bytes(), err
}

// Decider is a rule or policy and how many packets it decided about.
type Decider struct {
	Result  Result `json:"result"`
	Rule    string `json:"rule"` // table, chain and rule in words
	Text    string `json:"text,omitzero"`
	Packets int    `json:"packets"`
}

// Lost is a loss in the stream, at the place where it happened.
type Lost struct {
	Schema string    `json:"schema"`
	Time   Time      `json:"time"`
	Netns  *Netns    `json:"netns,omitzero"`
	What   string    `json:"what"`
	Lost   LostCount `json:"lost"`
}
