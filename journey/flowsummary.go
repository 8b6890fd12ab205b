package journey

import (
	"bytes"
	"encoding/json"
)

// FlowSummarySchema and FlowStatsSchema name the JSON forms of a FlowSummary and
// of FlowStats.
const (
	FlowSummarySchema = "pktrail/flowsummary/v1"
	FlowStatsSchema   = "pktrail/flowstats/v1"
)

// FlowSummary is the last line of a list or a stream of flows.
type FlowSummary struct {
	Schema string `json:"schema"`
	What   string `json:"what,omitzero"` // expectation, where it is of those; entries or events else
	// Shown is how many entries or events were meant. Unjudged are others of
	// which it is not known whether they are; Why says for what reasons.
	Shown    int64 `json:"shown"`
	Unjudged int64 `json:"unjudged"`
	// Done is what was done to those that were meant: deleted or updated; absent
	// where nothing was.
	Done    FlowChange       `json:"done,omitzero"`
	Why     []string         `json:"why,omitzero"`
	Protos  []FlowCount      `json:"protos,omitzero"` // of those shown, largest first
	States  *FlowStateCounts `json:"states,omitzero"` // of those shown, in a list
	Events  []FlowCount      `json:"events,omitzero"` // of those shown, in a stream
	Seconds float64          `json:"seconds,omitzero"`
	Tables  []FlowTable      `json:"tables"`
	Lost    LostCount        `json:"lost"`
	Notes   []string         `json:"notes"`
}

// FlowCount is how many flows or events have a name in common: that of their
// protocol, or of what happened.
type FlowCount struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// FlowStateCounts is how many entries of a list had no answer yet, and how many
// are kept when the table is full.
type FlowStateCounts struct {
	Unreplied int64 `json:"unreplied"`
	Assured   int64 `json:"assured"`
}

// FlowTable is the connection tracking table of one namespace.
type FlowTable struct {
	Netns   *Netns `json:"netns,omitzero"`
	Entries *int64 `json:"entries,omitzero"` // in this namespace, whatever is meant
	// Max is net.netfilter.nf_conntrack_max: one number for the whole host, with
	// which each namespace's own entries are compared.
	Max   *int64 `json:"max,omitzero"`
	Meant *int64 `json:"meant,omitzero"` // entries that the question means
	// Tracks says whether connection tracking is switched on there, where the
	// table is empty, absent where that is not known; TracksWhy by what, or why not.
	Tracks    *bool  `json:"tracks,omitzero"`
	TracksWhy string `json:"tracks_why,omitzero"`
}

// MarshalJSON implements json.Marshaler. The schema is this package's, and the
// lists that a reader counts on are [] where they are nil.
func (s FlowSummary) MarshalJSON() ([]byte, error) {
	type fields FlowSummary
	s.Schema = FlowSummarySchema
	if s.Tables == nil {
		s.Tables = []FlowTable{}
	}
	if s.Notes == nil {
		s.Notes = []string{}
	}
	return withoutHTML(fields(s))
}

// FlowStats is what connection tracking counted in one namespace since it was
// made.
type FlowStats struct {
	Schema   string        `json:"schema"`
	Netns    *Netns        `json:"netns,omitzero"`
	Time     Time          `json:"time,omitzero"`
	Seconds  float64       `json:"seconds,omitzero"` // over which the rates were taken
	Table    FlowTable     `json:"table"`
	Counters []FlowCounter `json:"counters"`
}

// MarshalJSON implements json.Marshaler, as FlowSummary's does.
func (s FlowStats) MarshalJSON() ([]byte, error) {
	type fields FlowStats
	s.Schema = FlowStatsSchema
	if s.Counters == nil {
		s.Counters = []FlowCounter{}
	}
	return withoutHTML(fields(s))
}

// FlowCounter is one of the kernel's counters, over all CPUs.
type FlowCounter struct {
	Name      string        `json:"name"` // as conntrack -S and /proc/net/stat/nf_conntrack have it
	Value     int64         `json:"value"`
	PerSecond *float64      `json:"per_second,omitzero"`
	CPUs      []CPUCount    `json:"cpus,omitzero"`
	Weight    CounterWeight `json:"weight"`
	Meaning   string        `json:"meaning,omitzero"`
	Matters   string        `json:"matters,omitzero"` // when it does
	Try       string        `json:"try,omitzero"`
}

// CPUCount is a counter of one CPU.
type CPUCount struct {
	CPU   int   `json:"cpu"`
	Value int64 `json:"value"`
}

// CounterWeight says what it means that a counter is not 0.
type CounterWeight string

// The weights of counters.
const (
	CounterTrouble CounterWeight = "trouble" // packets or entries were lost
	CounterNotice  CounterWeight = "notice"  // worth a look when it grows
	CounterPlain   CounterWeight = "plain"
)

func withoutHTML(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
