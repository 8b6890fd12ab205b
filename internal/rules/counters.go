package rules

import (
	"cmp"
	"slices"
	"time"

	"github.com/pktrail/pktrail/ruleset"
)

// Look is what the counters of rules and policies held at one time.
type Look struct {
	At        time.Time
	counts    map[counterKey]count
	uncounted int
	rules     int
}

// counterKey names a rule in two looks: by its handle in nf_tables, else by its
// text and how many of the same text stand before it in the chain. The policy has
// neither.
type counterKey struct {
	table  ruleset.TableKey
	chain  string
	handle uint64
	text   string
	turn   int
}

type count struct {
	ref     Ref
	counter *ruleset.Counter
}

// LookAt notes the counters of tables that were read at a time.
func LookAt(tables []*ruleset.Table, at time.Time) *Look {
	l := &Look{At: at, counts: map[counterKey]count{}}
	for _, t := range tables {
		for _, c := range t.Chains {
			l.chain(t, c)
		}
	}
	return l
}

func (l *Look) chain(t *ruleset.Table, c *ruleset.Chain) {
	if c.PolicyCounter != nil {
		l.counts[counterKey{table: t.TableKey, chain: c.Name}] = count{Ref{t, c, nil}, c.PolicyCounter}
	}
	turns := map[string]int{}
	for i := range c.Rules {
		r := &c.Rules[i]
		l.rules++
		if r.Counter == nil {
			l.uncounted++
		}
		key := counterKey{table: t.TableKey, chain: c.Name, handle: r.Handle}
		if r.Handle == 0 {
			key.text, key.turn = r.Text, turns[r.Text]
			turns[r.Text]++
		}
		l.counts[key] = count{Ref{t, c, r}, r.Counter}
	}
}

// HitsSchema is the schema of Hits.
const HitsSchema = "pktrail/rulehits/v1"

// Hits is which rules were hit between two looks.
type Hits struct {
	Schema string `json:"schema"`
	Origin
	Time    string  `json:"time"`
	Seconds float64 `json:"seconds"` // between the looks
	// Rules are those that were hit, the one with most packets first.
	Rules []RuleHits `json:"rules"`
	// Hit is how many rules and policies were hit, Quiet how many that count were not.
	Hit   int `json:"hit"`
	Quiet int `json:"quiet"`
	// Uncounted is the number of rules without a counter: whether they are hit
	// cannot be told.
	Uncounted int `json:"uncounted"`
	// Came and Went are rules that are in one of the looks only; Zeroed those whose
	// counters were set back, of which the packets before that are missing.
	Came   int `json:"came"`
	Went   int `json:"went"`
	Zeroed int `json:"zeroed"`
}

// RuleHits is how often a rule was hit; without a number it is the policy.
type RuleHits struct {
	Spot
	Number           int     `json:"number,omitzero"`
	Handle           uint64  `json:"handle,omitzero"`
	Text             string  `json:"text"`
	Packets          uint64  `json:"packets"`
	Bytes            uint64  `json:"bytes"`
	PacketsPerSecond float64 `json:"packets_per_second"`
	BytesPerSecond   float64 `json:"bytes_per_second"`

	Ref Ref `json:"-"`
}

// Since is what was hit since an earlier look.
func (l *Look) Since(before *Look) *Hits {
	h := &Hits{Schema: HitsSchema, Time: l.At.UTC().Format("2006-01-02T15:04:05.000000000Z"), Uncounted: l.uncounted, Rules: []RuleHits{}}
	h.Seconds = l.At.Sub(before.At).Seconds()
	for key, now := range l.counts {
		was, stood := before.counts[key]
		if !stood && now.ref.Rule != nil {
			h.Came++
		}
		if now.counter != nil {
			h.add(now, was.counter)
		}
	}
	for key, was := range before.counts {
		if _, stands := l.counts[key]; !stands && was.ref.Rule != nil {
			h.Went++
		}
	}
	h.sort()
	return h
}

// add counts from zero what was not there before, or was set back.
func (h *Hits) add(now count, was *ruleset.Counter) {
	packets, bytes := now.counter.Packets, now.counter.Bytes
	switch {
	case was == nil:
	case was.Packets > packets || was.Bytes > bytes:
		h.Zeroed++
	default:
		packets, bytes = packets-was.Packets, bytes-was.Bytes
	}
	if packets == 0 {
		h.Quiet++
		return
	}
	h.Hit++
	r := RuleHits{Spot: SpotOf(now.ref.Table, now.ref.Chain.Name), Packets: packets, Bytes: bytes, Ref: now.ref}
	if rule := now.ref.Rule; rule != nil {
		r.Number, r.Handle, r.Text = rule.Number, rule.Handle, rule.Text
	} else {
		r.Text = "policy " + string(now.ref.Chain.Policy)
	}
	if h.Seconds > 0 {
		r.PacketsPerSecond, r.BytesPerSecond = float64(packets)/h.Seconds, float64(bytes)/h.Seconds
	}
	h.Rules = append(h.Rules, r)
}

func (h *Hits) sort() {
	slices.SortFunc(h.Rules, func(a, b RuleHits) int {
		return cmp.Or(
			cmp.Compare(b.Packets, a.Packets), cmp.Compare(b.Bytes, a.Bytes),
			cmp.Compare(a.Family, b.Family), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Backend, b.Backend),
			cmp.Compare(a.Chain, b.Chain), cmp.Compare(a.Number, b.Number),
		)
	})
}
