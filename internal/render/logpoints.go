package render

import (
	"strconv"

	"github.com/pktrail/pktrail/journey"
)

// points is how many packets were logged at each place, in the order of a
// packet's way as far as the places were named so: where the numbers end, packets
// do. Their namespaces are named where there are several.
func (t *Text) points(s *journey.LogSummary) ranking {
	out := ranking{title: "by point", all: s.Lines}
	several := false
	for _, p := range s.Points {
		several = several || pointSpace(&p) != pointSpace(&s.Points[0])
	}
	for _, p := range s.Points {
		words := p.Name
		if several {
			words = pointSpace(&p) + gap + words
		}
		out.rows = append(out.rows, ranked{journey.LogCount{Count: p.Logged}, words + pointPlace(&p), plain})
	}
	return out
}

func pointSpace(p *journey.LogPoint) string {
	if p.Netns == nil {
		return ""
	}
	return p.Netns.Name
}

// pointPlace is where our chain stands, and what the limit kept back there.
func pointPlace(p *journey.LogPoint) string {
	words := ""
	if p.Priority != nil {
		words = gap + "priority " + strconv.FormatInt(int64(*p.Priority), 10)
		if p.Name != string(p.Hook) {
			words = gap + string(p.Hook) + "," + words[1:]
		}
	}
	if p.RateLimited > 0 {
		words += gap + "(" + strconv.FormatInt(p.RateLimited, 10) + " more over the limit)"
	}
	return words
}

func overRate(points []journey.LogPoint) (n int64) {
	for i := range points {
		n += points[i].RateLimited
	}
	return n
}
