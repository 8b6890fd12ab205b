package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pktrail/pktrail/journey"
)

// LogSummary prints what the lines of a log tell together: how many and when,
// then the most frequent of each kind, then what keeps this from being the whole
// truth.
func (t *Text) LogSummary(s *journey.LogSummary) error {
	t.apart(other)
	t.logTotals(s)
	t.rankings(s)
	if s.Time != nil {
		overTime(t, s.Time, t.timeLabel)
	}
	if s.Uptime != nil {
		overTime(t, s.Uptime, uptimeLabel)
	}
	t.logCaveats(s)
	for _, n := range s.Notes {
		t.labelled("note:", line{{n, yellow}})
	}
	return t.flush()
}

// logTotals is how many lines there are, of when, and what their prefixes say.
func (t *Text) logTotals(s *journey.LogSummary) {
	parts := []line{{{count(s.Lines, "line"), bold}}}
	if sp := s.Time; sp != nil {
		parts = append(parts, spanParts(t.between(sp.First, sp.Last), sp.Last.Sub(sp.First.Time), sp.Lines)...)
	}
	if sp := s.Uptime; sp != nil {
		between := time.Duration(sp.Last - sp.First)
		words := "uptime " + uptimeLabel(sp.First, between)
		if between > 0 {
			words += " to " + uptimeLabel(sp.Last, between)
		}
		parts = append(parts, spanParts(words+" s", between, sp.Lines)...)
	}
	for _, a := range s.Actions {
		if a.Action != "" {
			parts = append(parts, line{{t.counted(a.LogCount) + " " + a.Action, actionStyle(a.Action)}})
		}
	}
	if s.Trace > 0 {
		parts = append(parts, line{{strconv.FormatInt(s.Trace, 10) + " of TRACE", plain}})
	}
	t.flow(4, parts...)
}

func spanParts(words string, between time.Duration, lines int64) []line {
	parts := []line{{{words, dim}}}
	if between > 0 {
		parts = append(parts, line{{spanWords(between, lines), dim}})
	}
	return parts
}

// spanWords is how long it took, and how many lines a second, minute, hour or day that are.
func spanWords(between time.Duration, lines int64) string {
	if between < time.Second {
		return between.Round(time.Millisecond).String()
	}
	each, unit := time.Second, "/s"
	switch n := float64(lines) / between.Seconds(); {
	case n < 0.1/86400:
		return roundly(between)
	case n < 1.0/3600:
		each, unit = 24*time.Hour, "/day"
	case n < 1.0/60:
		each, unit = time.Hour, "/hour"
	case n < 1:
		each, unit = time.Minute, "/min"
	}
	return roundly(between) + ", " + strconv.FormatFloat(float64(lines)*float64(each)/float64(between), 'f', 1, 64) + unit
}

// roundly leaves out of a duration what nobody reads.
func roundly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return strconv.FormatInt(int64(d.Round(24*time.Hour)/(24*time.Hour)), 10) + " days"
	case d >= time.Hour:
		d = d.Round(time.Minute)
	case d >= 10*time.Second:
		d = d.Round(time.Second)
	}
	if d >= time.Minute && d%time.Minute == 0 {
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.Round(100 * time.Millisecond).String()
}

// between is the first and the last moment, with day and zone where they differ.
func (t *Text) between(first, last journey.Time) string {
	zone := " -07:00"
	if t.opt.UTC {
		zone = " UTC"
	}
	a, b := t.zoned(first), t.zoned(last)
	words := a.Format(time.DateTime)
	if a.Equal(b) {
		return words + a.Format(zone)
	}
	if az, bz := a.Format(zone), b.Format(zone); az != bz {
		words += az
	}
	end := time.DateTime
	if a.Format(time.DateOnly) == b.Format(time.DateOnly) {
		end = time.TimeOnly
	}
	return words + " to " + b.Format(end+zone)
}

// ranking is one table of the summary.
type ranking struct {
	title       string
	rows        []ranked
	keys        int
	more        bool
	others, all int64
}

// ranked is one row of it.
type ranked struct {
	count journey.LogCount
	words string
	style style
}

func (t *Text) rankings(s *journey.LogSummary) {
	first := rank(t, "by prefix", s.Prefixes, s.Lines, func(c journey.LogPrefixCount) ranked {
		return ranked{c.LogCount, prefixWords(c.Prefix), originStyle(c.Origin)}
	})
	if len(s.Points) > 0 {
		first = t.points(s)
	}
	all := []ranking{
		first,
		rank(t, "by flow", s.Flows, s.Lines, t.flowWords),
		rank(t, "by source", s.Sources, s.Lines, func(c journey.LogSourceCount) ranked {
			return ranked{c.LogCount, c.Src.String(), plain}
		}),
		rank(t, "by destination", s.Destinations, s.Lines, func(c journey.LogDestinationCount) ranked {
			return ranked{c.LogCount, strings.TrimSpace(c.Proto + " " + endpoint(c.Dst, c.DstPort)), plain}
		}),
		rank(t, "by interface", s.Interfaces, s.Lines, t.interfaceWords),
		rank(t, "by host", s.Hosts, s.Lines, func(c journey.LogHostCount) ranked {
			return ranked{c.LogCount, c.Host, plain}
		}),
	}
	digits := 0
	for _, a := range all {
		for _, r := range a.rows {
			digits = max(digits, columns(t.counted(r.count)))
		}
	}
	for _, a := range all {
		if a.tells() {
			t.ranking(a, digits)
		}
	}
}

// tells reports whether a table says more than that there are lines.
func (a *ranking) tells() bool {
	switch {
	case len(a.rows) == 0:
		return false
	case a.title == "by host":
		return a.keys > 1
	}
	return a.keys > 1 || a.rows[0].words != noPrefix
}

func rank[T any](t *Text, title string, top journey.LogTop[T], all int64, tell func(T) ranked) ranking {
	out := ranking{title: title, keys: top.Keys, more: top.More, others: top.Others, all: all}
	for _, c := range top.Top {
		out.rows = append(out.rows, tell(c))
	}
	return out
}

func (t *Text) ranking(a ranking, digits int) {
	t.put(line{{a.title, bold}}, 0)
	row := func(number string, n int64, words string, st style) {
		left := line{{"  " + strings.Repeat(" ", max(digits-columns(number), 0)) + number, plain}, {gap + share(n, a.all) + gap, dim}}
		if t.opt.Width > 0 {
			words = line{{words, st}}.cut(max(t.opt.Width-left.width(), leastCut), t.marks.ellipsis)[0].text
		}
		t.put(append(left, span{words, st}), 0)
	}
	for _, r := range a.rows {
		row(t.counted(r.count), r.count.Count, t.clean(r.words), r.style)
	}
	if a.others > 0 {
		row(strconv.FormatInt(a.others, 10), a.others, othersWords(a), dim)
	}
}

func othersWords(a ranking) string {
	n := strconv.Itoa(a.keys-len(a.rows)) + " others"
	if a.keys-len(a.rows) == 1 {
		n = "1 other"
	}
	if a.more {
		return "more than " + n
	}
	return n
}

// counted is a count; what was dropped before may be of it too.
func (t *Text) counted(c journey.LogCount) string {
	n := strconv.FormatInt(c.Count, 10)
	if c.Error == 0 {
		return n
	}
	return t.marks.least + n
}

// share is a part of all in percent, six columns wide.
func share(n, all int64) string {
	if all == 0 {
		return "      "
	}
	percent := 100 * float64(n) / float64(all)
	if percent < 0.05 && n > 0 {
		return " <0.1%"
	}
	return fmt.Sprintf("%5.1f%%", percent)
}

const noPrefix = "(no prefix)"

func prefixWords(prefix string) string {
	if prefix == "" {
		return noPrefix
	}
	return prefix
}

func (t *Text) flowWords(c journey.LogFlowCount) ranked {
	proto := c.Proto
	if proto == "" {
		proto = c.Family
	}
	words := proto + " " + endpoint(c.Src, nil) + " " + t.marks.arrow + " " + endpoint(c.Dst, c.DstPort)
	if i := c.ICMP; i != nil {
		words += gap + icmpName(i.Type, i.Code, i.Name, c.Family)
	}
	return ranked{c.LogCount, words, plain}
}

func (t *Text) interfaceWords(c journey.LogInterfacesCount) ranked {
	end := func(dev *string) string {
		if dev == nil {
			return "?"
		}
		return *dev
	}
	return ranked{c.LogCount, end(c.In) + t.marks.arrow + end(c.Out), plain}
}

// logCaveats is all that keeps the summary from being the whole truth.
func (t *Text) logCaveats(s *journey.LogSummary) {
	say := func(n int64, words, one string) {
		if n == 1 && one != "" {
			words = one
		}
		if n > 0 {
			t.flow(4, line{{"  " + count(n, "line") + " " + words, yellow}})
		}
	}
	say(s.Bad, "look like packets and could not be read", "looks like a packet and could not be read")
	say(s.Cut, "are cut: what they do not tell is not counted", "is cut: what it does not tell is not counted")
	say(s.NotRead, "have words that were not understood", "has words that were not understood")
	say(s.Untimed, "have no time", "has no time")
	say(s.Assumed, "have a time that was partly assumed", "has a time whose year or zone was chosen")
	if n := overRate(s.Points); n > 0 {
		t.flow(4, line{{"  " + count(n, "packet") + " over the limit: counted, not logged", yellow}})
	}
	if s.Lost.Count > 0 || s.Lost.More {
		t.flow(4, line{{"  lost " + lostWords(s.Lost), yellow}})
	}
	if s.Prefixes.More || s.Flows.More || s.Sources.More || s.Destinations.More || s.Interfaces.More || s.Hosts.More {
		t.flow(4, line{{"  more kinds than are kept: counts with " + t.marks.least + " may be larger", yellow}})
	}
	if s.Skipped > 0 {
		t.flow(4, line{{"  " + count(s.Skipped, "line") + " left out, as was asked", dim}})
	}
}
