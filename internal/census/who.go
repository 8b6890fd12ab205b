package census

import (
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/journey"
)

// WhoSchema names the JSON form of a Who.
const WhoSchema = "pktrail/connwho/v1"

// Who says what fills a table, how fast, and what comes of it.
type Who struct {
	Schema  string         `json:"schema"`
	Time    journey.Time   `json:"time"`
	Netns   *journey.Netns `json:"netns,omitzero"`
	Verdict string         `json:"verdict"`
	Entries int64          `json:"entries"` // as the kernel counts them
	Listed  int64          `json:"listed"`  // as a dump met them, of which the shares are
	Fill
	Change
	Growth    *float64 `json:"growth_per_second,omitzero"` // by the kernel's count
	FullIn    *float64 `json:"full_in_seconds,omitzero"`   // at this rate
	Unreplied int64    `json:"unreplied"`
	Unassured int64    `json:"unassured"` // which the kernel gives up first when the table is full
	Counters  []Moved  `json:"counters"`
	Memory    *Memory  `json:"memory,omitzero"`
	// Namespaces are those of the host that could be asked and have entries, the
	// fullest first; the limit holds for each.
	Namespaces []Holder  `json:"namespaces"`
	Silent     int       `json:"namespaces_not_asked"` // for want of a right, or because they went
	Rankings   []Ranking `json:"rankings"`
}

// Moved is one of the kernel's counters of this namespace.
type Moved struct {
	Name  string `json:"name"`
	Total uint32 `json:"total"` // since the namespace was made; it wraps
	Since uint32 `json:"since"` // the look before
}

// Memory is what the table takes, in bytes. Extensions of entries, for NAT,
// accounting, labels and timestamps, come on top.
type Memory struct {
	Entry int64 `json:"entry"`         // one entry
	Table int64 `json:"table"`         // all entries of this namespace
	Hash  int64 `json:"hash,omitzero"` // the hash table, which is all namespaces' own
	Full  int64 `json:"full,omitzero"` // the entries of one namespace at the limit
}

// Holder is a namespace with entries.
type Holder struct {
	Netns   journey.Netns `json:"netns"`
	Entries int64         `json:"entries"`
	Fill    *float64      `json:"fill,omitzero"` // of the limit, 0 to 1
}

// Count is the kernel's own count at a time, and its counters.
type Count struct {
	At     time.Time
	Totals conntrack.Totals
	CPU    conntrack.CPUStats // of all CPUs together
}

// watched are the counters that tell of a table at its limit, or of entries that
// could not be made (net/netfilter/nf_conntrack_core.c: __nf_conntrack_alloc,
// early_drop, __nf_conntrack_confirm).
var watched = [...]conntrack.Stat{conntrack.Drop, conntrack.EarlyDrop, conntrack.InsertFailed, conntrack.ChainTooLong}

// Who is what the last look and the kernel's counts before and after come to.
func (c *Census) Who(before, after Count, limit *int64, most int) *Who {
	w := &Who{
		Schema: WhoSchema, Time: journey.Time{Time: c.now.at},
		Entries: int64(after.Totals.Entries), Listed: c.now.entries,
		Fill: NewFill(int64(after.Totals.Entries), limit), Change: c.Change(),
		Unreplied: c.now.noReply, Unassured: c.now.unassured,
		Counters: moved(&before.CPU, &after.CPU), Namespaces: []Holder{}, Rankings: []Ranking{},
	}
	w.grow(before, after)
	for _, by := range c.opt.By {
		w.Rankings = append(w.Rankings, c.Ranking(by, most))
	}
	w.Verdict = w.verdict()
	return w
}

func (w *Who) grow(before, after Count) {
	d := after.At.Sub(before.At).Seconds()
	if d <= 0 {
		return
	}
	w.Growth = new(round(float64(int64(after.Totals.Entries)-int64(before.Totals.Entries))/d, 100))
	if w.Max != nil && *w.Max > 0 && *w.Growth > 0 {
		w.FullIn = new(max(float64(*w.Max-w.Entries) / *w.Growth, 0))
	}
}

func moved(before, after *conntrack.CPUStats) []Moved {
	list := []Moved{}
	for _, s := range watched {
		b, _ := before.Get(s)
		if a, ok := after.Get(s); ok {
			list = append(list, Moved{Name: s.String(), Total: a, Since: a - b})
		}
	}
	return list
}

// Since is by how much a counter moved between the looks.
func (w *Who) Since(s conntrack.Stat) uint32 {
	for _, m := range w.Counters {
		if m.Name == s.String() {
			return m.Since
		}
	}
	return 0
}

// ranking is that of a kind, nil where it was not counted.
func (w *Who) ranking(by By) *Ranking {
	for i := range w.Rankings {
		if w.Rankings[i].By == by {
			return &w.Rankings[i]
		}
	}
	return nil
}
