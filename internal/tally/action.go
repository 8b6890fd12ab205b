package tally

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pktrail/pktrail/internal/logline"
	"github.com/pktrail/pktrail/journey"
)

func origin(prefix string) *journey.Origin {
	o, ok := logline.OriginOf(prefix)
	if !ok {
		return nil
	}
	return &journey.Origin{Tool: o.Tool, Chain: o.Chain, Action: o.Action}
}

// actions adds up the prefixes that say the same. The lines of prefixes that
// were dropped may be of any action.
func actions(c *counter[string]) []journey.LogActionCount {
	sums, dropped := map[string]int64{}, c.lines
	for _, e := range c.entries {
		action := ""
		if o := origin(e.key); o != nil {
			action = o.Action
		}
		sums[action] += e.count
		dropped -= e.count
	}
	var out []journey.LogActionCount
	for _, action := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, journey.LogActionCount{Action: action, LogCount: journey.LogCount{Count: sums[action], Error: dropped}})
	}
	slices.SortStableFunc(out, func(a, b journey.LogActionCount) int { return cmp.Compare(b.Count, a.Count) })
	return out
}
