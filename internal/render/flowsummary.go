package render

import (
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/journey"
)

// FlowSummary prints how many entries or events there were, of what kinds, how
// full the tables are, and what keeps this from being the whole truth.
func (t *Text) FlowSummary(s *journey.FlowSummary) error {
	if t.last != nothing {
		t.apart(other)
	}
	t.last = other
	t.flow(4, t.flowTotals(s)...)
	for i := range s.Tables {
		if words := tableWords(&s.Tables[i], len(s.Tables) > 1); words != "" {
			t.flow(4, line{{words, dim}})
		}
	}
	if s.Unjudged > 0 {
		t.labelled("note:", line{{strconv.FormatInt(s.Unjudged, 10) + " more may be meant, and are not shown: " + strings.Join(s.Why, "; "), yellow}})
	}
	for _, n := range s.Notes {
		t.labelled("note:", line{{n, yellow}})
	}
	return t.flush()
}

func (t *Text) flowTotals(s *journey.FlowSummary) []line {
	if len(s.Events) > 0 || s.Seconds > 0 {
		return t.eventTotals(s)
	}
	words := entryCount(s.Shown)
	if s.What != "" {
		words = count(s.Shown, s.What)
	}
	words = strings.TrimSpace(words + " " + string(s.Done))
	if len(s.Tables) == 1 && s.Tables[0].Entries != nil && *s.Tables[0].Entries > s.Shown {
		words += " of " + strconv.FormatInt(*s.Tables[0].Entries, 10)
	}
	parts := []line{{{words, bold}}}
	if len(s.Protos) > 0 {
		parts = append(parts, line{{countList(s.Protos), plain}})
	}
	if c := s.States; c != nil && c.Unreplied > 0 {
		parts = append(parts, line{{strconv.FormatInt(c.Unreplied, 10) + " unreplied", yellow}})
	}
	return append(parts, t.lostPart(s)...)
}

func (t *Text) eventTotals(s *journey.FlowSummary) []line {
	parts := []line{{{count(s.Shown, "event"), bold}}}
	if len(s.Events) > 0 {
		parts = append(parts, line{{countList(s.Events), plain}})
	}
	if s.Seconds > 0 {
		parts = append(parts, line{{strconv.FormatFloat(s.Seconds, 'f', 1, 64) + "s, " + strconv.FormatFloat(float64(s.Shown)/s.Seconds, 'f', 1, 64) + "/s", dim}})
	}
	return append(parts, t.lostPart(s)...)
}

func (t *Text) lostPart(s *journey.FlowSummary) []line {
	if s.Lost.Count == 0 && !s.Lost.More {
		return nil
	}
	return []line{{{"lost " + lostWords(s.Lost), yellow}}}
}

func entryCount(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.FormatInt(n, 10) + " entries"
}

func countList(counts []journey.FlowCount) string {
	words := make([]string, len(counts))
	for i, c := range counts {
		words[i] = strconv.FormatInt(c.Count, 10) + " " + c.Name
	}
	return strings.Join(words, ", ")
}

// tableWords is how full a table is; nothing of one that has no entries.
func tableWords(table *journey.FlowTable, named bool) string {
	if table.Entries == nil || *table.Entries == 0 && !named {
		return ""
	}
	where := "table: "
	if named && table.Netns != nil {
		where = table.Netns.Name + ": "
	}
	n := *table.Entries
	words := where + entryCount(n)
	if named && table.Meant != nil && *table.Meant != n {
		words = where + strconv.FormatInt(*table.Meant, 10) + " of " + entryCount(n)
	}
	if table.Max == nil || *table.Max == 0 {
		return words
	}
	words += " of at most " + strconv.FormatInt(*table.Max, 10) + " (nf_conntrack_max)"
	if share := 100 * float64(n) / float64(*table.Max); share >= 0.05 {
		words += ", " + strconv.FormatFloat(share, 'f', 1, 64) + " % full"
	}
	return words
}
