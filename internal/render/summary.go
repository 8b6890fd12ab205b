package render

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/pktrail/pktrail/internal/explain"
	"github.com/pktrail/pktrail/journey"
)

// Summarizer counts a stream for its last line. The zero value is ready.
type Summarizer struct {
	sum      journey.Summary
	deciders map[decider]int
}

type decider struct {
	result     journey.Result
	rule, text string
}

// Add counts a journey.
func (z *Summarizer) Add(j *journey.Journey) {
	if z.deciders == nil {
		z.deciders = map[decider]int{}
		z.sum.Results = map[journey.Result]int{}
	}
	z.sum.Journeys++
	z.sum.Results[j.Outcome.Result]++
	if j.Identity == journey.Inferred {
		z.sum.Inferred++
	}
	if !j.Complete {
		z.sum.Incomplete++
	}
	if d, ok := deciderOf(j); ok {
		z.deciders[d]++
	}
}

// Lost counts a loss of the stream.
func (z *Summarizer) Lost(l *journey.Lost) {
	z.sum.Lost.Count += l.Lost.Count
	z.sum.Lost.More = z.sum.Lost.More || l.Lost.More
}

// Note keeps a sentence for the end, once.
func (z *Summarizer) Note(note string) {
	if !slices.Contains(z.sum.Notes, note) {
		z.sum.Notes = append(z.sum.Notes, note)
	}
}

// Summary is the count so far. Seconds, and what only others counted (Foreign,
// Unattached, Undecoded, RateLimited), are the caller's to fill.
func (z *Summarizer) Summary() *journey.Summary {
	s := z.sum
	s.Schema = journey.SummarySchema
	s.Notes = slices.Clone(list(z.sum.Notes))
	s.Results = map[journey.Result]int{}
	for r, n := range z.sum.Results {
		s.Results[r] = n
	}
	s.Deciders = []journey.Decider{}
	for d, n := range z.deciders {
		s.Deciders = append(s.Deciders, journey.Decider{Result: d.result, Rule: d.rule, Text: d.text, Packets: n})
	}
	slices.SortFunc(s.Deciders, func(a, b journey.Decider) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Result, b.Result))
	})
	return &s
}

// deciderOf names the rule or policy that ended a journey. A packet that came
// to the end of its way was decided by every chain it met, so by none.
func deciderOf(j *journey.Journey) (decider, bool) {
	switch j.Outcome.Result {
	case journey.Dropped, journey.Rejected, journey.Queued:
	default:
		return decider{}, false
	}
	i := j.Outcome.Step
	if i == nil || *i < 0 || *i >= len(j.Steps) || j.Steps[*i].Rule == nil {
		return decider{}, false
	}
	s := &j.Steps[*i]
	return decider{j.Outcome.Result, explain.Decider(s), explain.RuleText(s.Rule)}, true
}

// Summary prints the last lines of a stream.
func (t *Text) Summary(s *journey.Summary) error {
	t.apart(other)
	parts := []line{{{count(int64(s.Journeys), "packet"), bold}, {fmt.Sprintf(" in %.1f s", s.Seconds), dim}}}
	for _, r := range results(s.Results) {
		parts = append(parts, line{{strconv.Itoa(s.Results[r]) + " " + string(r), resultStyle(r)}})
	}
	t.flow(4, parts...)
	t.deciders(s.Deciders)
	t.caveats(s)
	for _, n := range s.Notes {
		t.labelled("note:", line{{n, yellow}})
	}
	return t.flush()
}

// results is the results that occurred, most packets first.
func results(counts map[journey.Result]int) []journey.Result {
	var rs []journey.Result
	for r, n := range counts {
		if n > 0 {
			rs = append(rs, r)
		}
	}
	slices.SortFunc(rs, func(a, b journey.Result) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return rs
}

func (t *Text) deciders(ds []journey.Decider) {
	digits, result := 0, 0
	for _, d := range ds {
		digits = max(digits, len(strconv.Itoa(d.Packets)))
		result = max(result, len(d.Result))
	}
	for _, d := range ds {
		l := line{
			{fmt.Sprintf("  %*d ", digits, d.Packets), plain},
			{pad(string(d.Result), result), resultStyle(d.Result)},
			{gap + t.clean(d.Rule), plain},
		}
		if d.Text != "" {
			l = append(l, span{": " + t.clean(d.Text), dim})
		}
		t.put(l, t.opt.Width)
	}
}

// caveats is all that keeps the answer from being the whole truth.
func (t *Text) caveats(s *journey.Summary) {
	say := func(words string) { t.flow(4, line{{"  " + words, yellow}}) }
	if s.Inferred > 0 {
		say(strconv.Itoa(s.Inferred) + " inferred: more than one open packet fitted a step")
	}
	if s.Incomplete > 0 {
		say(strconv.Itoa(s.Incomplete) + " incomplete: steps may be missing")
	}
	if s.Lost.Count > 0 || s.Lost.More {
		say("lost " + lostWords(s.Lost) + " of the kernel")
	}
	if s.Unattached > 0 {
		say(count(s.Unattached, "message") + " after a loss: the packet is not known")
	}
	if s.Undecoded > 0 {
		say(count(s.Undecoded, "message") + " could not be decoded")
	}
	switch {
	case s.Log:
	case s.RateLimited == nil:
		say("whether the rate limit held packets back is not known")
	case *s.RateLimited > 0:
		say(count(*s.RateLimited, "packet") + " matched beyond the rate limit and were not traced")
	}
	if s.Foreign > 0 {
		t.flow(4, line{{"  " + count(s.Foreign, "packet") + " traced by other rules than ours, not shown", dim}})
	}
}
