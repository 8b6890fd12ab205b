package stale

import (
	"net/netip"

	"github.com/pktrail/pktrail/journey"
)

// Schema names the JSON form of a Report.
const Schema = "pktrail/stale/v1"

// Kind is how entries hurt.
type Kind string

// The kinds.
const (
	NeverReplied    Kind = "never-replied"    // packets renew it, and nothing ever answered
	DNATUnreachable Kind = "dnat-unreachable" // translated to an address that cannot be reached
	BackendLeft     Kind = "backend-left"     // UDP that is translated to what no rule translates to any more
	SourceGone      Kind = "source-gone"      // the source is translated to an address that the namespace has no more
	NATBypassed     Kind = "nat-bypassed"     // older than the NAT rule that would translate it now, which it passes by
	HalfOpen        Kind = "half-open"        // many connections to one destination that do not get on
)

// Certainty says how sure it is that entries hurt.
type Certainty string

// Certain: the evidence proves it. Suspect: what is known speaks for it, and
// nothing against it.
const (
	Certain Certainty = "certain"
	Suspect Certainty = "suspect"
)

// Report is what is stale in one namespace's table.
type Report struct {
	Schema   string         `json:"schema"`
	Time     journey.Time   `json:"time"` // of the second look
	Netns    *journey.Netns `json:"netns,omitzero"`
	Entries  int64          `json:"entries"`  // in the table
	Followed int64          `json:"followed"` // of those, looked at twice
	Seconds  float64        `json:"seconds"`  // between the looks
	Findings []Finding      `json:"findings"` // the certain ones first, then those of most entries
	OneWay   int64          `json:"one_way"`  // multicast, broadcast, tunnels, logs: not answered by design, and not judged
	// NotJudged are suspicious entries of which nothing could be told, with the reason.
	NotJudged []NotJudged `json:"not_judged"`
	Notes     []string    `json:"notes"`
	Deleted   *int64      `json:"deleted,omitzero"` // of the entries found, where that was asked for
}

// NotJudged is how many entries are not judged for one reason.
type NotJudged struct {
	Why     string `json:"why"`
	Entries int64  `json:"entries"`
}

// Stale is how many entries are.
func (r *Report) Stale() int64 {
	var n int64
	for i := range r.Findings {
		n += r.Findings[i].Entries
	}
	return n
}

// Finding is entries that hurt in the same way.
type Finding struct {
	Kind      Kind       `json:"kind"`
	Certainty Certainty  `json:"certainty"`
	Title     string     `json:"title"`
	Proto     string     `json:"proto,omitzero"`
	Dst       netip.Addr `json:"dst,omitzero"`
	DstPort   *uint16    `json:"dport,omitzero"`
	To        *Backend   `json:"to,omitzero"`     // what the destination is translated to
	Source    netip.Addr `json:"source,omitzero"` // what sources are translated to, where it is that which hurts
	State     string     `json:"state,omitzero"`
	Zone      *uint16    `json:"zone,omitzero"`
	Entries   int64      `json:"entries"`
	Evidence  []Evidence `json:"evidence"`
	Delete    Commands   `json:"delete"` // all of the finding's entries and no other; what cannot be said so is absent
	Samples   []Sample   `json:"samples"`
}

// Backend is where translated packets go.
type Backend struct {
	Addr netip.Addr `json:"addr"`
	Port *uint16    `json:"port,omitzero"`
}

// Evidence is one thing that was seen.
type Evidence struct {
	What string `json:"what"`
	Is   string `json:"is"`
}

// Commands are what deletes entries, in the words of pktrail and of conntrack.
type Commands struct {
	Pktrail   string `json:"pktrail,omitzero"`
	Conntrack string `json:"conntrack,omitzero"`
}

// Sample is one of a finding's entries.
type Sample struct {
	Src     netip.Addr `json:"src"`
	SrcPort *uint16    `json:"sport,omitzero"`
	Timeout uint32     `json:"timeout"`                 // seconds, at the second look
	Before  *uint32    `json:"timeout_before,omitzero"` // at the first
	Delete  Commands   `json:"delete"`
}
