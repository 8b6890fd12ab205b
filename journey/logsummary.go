package journey

import (
	"bytes"
	"encoding/json"
	"net/netip"

	"github.com/pktrail/pktrail/ruleset"
)

// LogSummarySchema names the JSON form of a LogSummary.
const LogSummarySchema = "pktrail/logsummary/v1"

// LogSummary is what many lines of the kernel's packet log tell together. Each
// list has the largest counts first.
type LogSummary struct {
	Schema string `json:"schema"`
	Lines  int64  `json:"lines"`
	Trace  int64  `json:"trace"` // TRACE lines among them

	Time   *LogSpan[Time]   `json:"time,omitzero"`   // of the lines that have one
	Uptime *LogSpan[Uptime] `json:"uptime,omitzero"` // of the lines that have the kernel's stamp and no time
	// Untimed lines have neither; the time of Assumed lines has a year or a zone that was chosen.
	Untimed int64 `json:"untimed"`
	Assumed int64 `json:"assumed"`
	Cut     int64 `json:"cut"`      // lines that are not complete
	NotRead int64 `json:"not_read"` // lines with words that were not understood

	Actions      []LogActionCount            `json:"actions"` // what the prefixes say; "" for those that say nothing
	Prefixes     LogTop[LogPrefixCount]      `json:"prefixes"`
	Flows        LogTop[LogFlowCount]        `json:"flows"`
	Sources      LogTop[LogSourceCount]      `json:"sources"`
	Destinations LogTop[LogDestinationCount] `json:"destinations"`
	Interfaces   LogTop[LogInterfacesCount]  `json:"interfaces"`
	Hosts        LogTop[LogHostCount]        `json:"hosts"`

	// Points are where a live log had rules of its own, in the order in which they
	// were named; absent for other logs.
	Points []LogPoint `json:"points,omitzero"`

	// What only the reader of the log knows.
	Bad     int64     `json:"bad"`     // lines that look like one of the packet log, and cannot be read
	Skipped int64     `json:"skipped"` // lines that MATCH, --since or --until left out
	Lost    LostCount `json:"lost"`
	Notes   []string  `json:"notes"`
}

// LogTop is the largest counts of one kind.
type LogTop[T any] struct {
	Top []T `json:"top"`
	// Keys is how many different ones there are, at least so many where More is true.
	Keys int  `json:"keys"`
	More bool `json:"more"`
	// Lines tell one of this kind, Others of them one that is not in Top.
	Lines  int64 `json:"lines"`
	Others int64 `json:"others"`
}

// LogCount is a number of lines: at least Count, at most Count and Error
// together. Error is 0 unless there were more keys than are kept.
type LogCount struct {
	Count int64 `json:"count"`
	Error int64 `json:"error"`
}

// LogActionCount counts the lines whose prefix names an action.
type LogActionCount struct {
	Action string `json:"action"`
	LogCount
}

// LogPrefixCount counts a prefix. Blanks at its end are left out. All TRACE lines
// count as one.
type LogPrefixCount struct {
	Prefix string  `json:"prefix"`
	Origin *Origin `json:"origin,omitzero"`
	LogCount
}

// LogFlowCount counts packets of one kind between two addresses, whatever their
// source port.
type LogFlowCount struct {
	Family  string     `json:"family"`
	Proto   string     `json:"proto,omitzero"`
	Src     netip.Addr `json:"src"`
	Dst     netip.Addr `json:"dst"`
	DstPort *uint16    `json:"dport,omitzero"`
	ICMP    *LogType   `json:"icmp,omitzero"`
	LogCount
}

// LogType is a type of ICMP or ICMPv6.
type LogType struct {
	Type uint8  `json:"type"`
	Code *uint8 `json:"code,omitzero"`
	Name string `json:"name,omitzero"` // nft's word for the type
}

// LogSourceCount counts a source address.
type LogSourceCount struct {
	Src netip.Addr `json:"src"`
	LogCount
}

// LogDestinationCount counts a destination and what was asked for there.
type LogDestinationCount struct {
	Proto   string     `json:"proto,omitzero"`
	Dst     netip.Addr `json:"dst"`
	DstPort *uint16    `json:"dport,omitzero"`
	LogCount
}

// LogInterfacesCount counts a way through the host. What the line does not tell
// is absent; "" is none: the packet is of the host itself, or for it.
type LogInterfacesCount struct {
	In  *string `json:"in,omitzero"`
	Out *string `json:"out,omitzero"`
	LogCount
}

// LogHostCount counts a host as the log names it.
type LogHostCount struct {
	Host string `json:"host"`
	LogCount
}

// LogPoint is one place at which packets were logged, and what its rules counted.
type LogPoint struct {
	Netns    *Netns       `json:"netns,omitzero"`
	Name     string       `json:"name"` // as the user named it
	Hook     ruleset.Hook `json:"hook,omitzero"`
	Priority *int32       `json:"priority,omitzero"` // of our chain; absent for a rule in a table of others
	Logged   int64        `json:"logged"`
	// RateLimited packets matched while the rate was used up; they are not logged.
	RateLimited int64 `json:"rate_limited"`
}

// LogSpan is when lines came: the first, the last, and how many in each part of
// the time between.
type LogSpan[T Time | Uptime] struct {
	First T     `json:"first"`
	Last  T     `json:"last"`
	Lines int64 `json:"lines"`
	// Width of each part in seconds. Parts begin at Start; those without lines are there too.
	Width float64 `json:"width"`
	Start T       `json:"start"`
	Parts []int64 `json:"parts"`
}

// MarshalJSON implements json.Marshaler. The schema is this package's and no
// list is null.
func (s LogSummary) MarshalJSON() ([]byte, error) {
	type fields LogSummary
	s.Schema = LogSummarySchema
	s.Actions, s.Notes = some(s.Actions), some(s.Notes)
	s.Prefixes.Top, s.Flows.Top = some(s.Prefixes.Top), some(s.Flows.Top)
	s.Sources.Top, s.Destinations.Top = some(s.Sources.Top), some(s.Destinations.Top)
	s.Interfaces.Top, s.Hosts.Top = some(s.Interfaces.Top), some(s.Hosts.Top)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // prefixes may have & and <
	err := enc.Encode(fields(s))
	return b.Bytes(), err
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
