package census

import "github.com/pktrail/pktrail/journey"

// TopSchema names the JSON form of a Top.
const TopSchema = "pktrail/conntop/v1"

// Top is one look at who is in the table, and what changed since the look before.
type Top struct {
	Schema  string         `json:"schema"`
	Time    journey.Time   `json:"time"`
	Netns   *journey.Netns `json:"netns,omitzero"`
	Entries int64          `json:"entries"`
	Fill
	Change
	Unreplied int64 `json:"unreplied"`
	Unassured int64 `json:"unassured"`
	Ranking
}

// Fill is how much of the table's limit is used.
type Fill struct {
	// Max is net.netfilter.nf_conntrack_max: one value for all namespaces, with
	// which the kernel compares each one's own count. Absent where it is not
	// known, 0 where there is no limit.
	Max   *int64   `json:"max,omitzero"`
	Share *float64 `json:"fill,omitzero"` // of Max, 0 to 1
}

// NewFill compares a count with a limit.
func NewFill(entries int64, limit *int64) Fill {
	f := Fill{Max: limit}
	if limit != nil && *limit > 0 {
		f.Share = new(round(float64(entries)/float64(*limit), 1e6))
	}
	return f
}

// Change is what became of the table from one look to the next. What is not known
// is absent.
type Change struct {
	Seconds *float64 `json:"seconds,omitzero"` // between the two looks
	New     *float64 `json:"new_per_second,omitzero"`
	Ended   *float64 `json:"ended_per_second,omitzero"`
}

// Change is that of the last look.
func (c *Census) Change() Change {
	if c.last == nil || c.seconds() <= 0 {
		return Change{}
	}
	ch := Change{Seconds: new(round(c.seconds(), 1000))}
	ch.New, ch.Ended = c.rates(tally{entries: c.last.entries}, tally{entries: c.now.entries, new: c.now.new})
	return ch
}

// Top is the last look, with at most so many groups.
func (c *Census) Top(by By, most int, limit *int64) *Top {
	return &Top{
		Schema: TopSchema, Time: journey.Time{Time: c.now.at}, Entries: c.now.entries,
		Fill: NewFill(c.now.entries, limit), Change: c.Change(),
		Unreplied: c.now.noReply, Unassured: c.now.unassured, Ranking: c.Ranking(by, most),
	}
}
