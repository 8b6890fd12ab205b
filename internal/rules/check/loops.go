package check

import (
	"fmt"
	"slices"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

// loops finds jumps in a circle. The kernel takes none
// (net/netfilter/x_tables.c, nf_tables_api.c: ELOOP), so it is a file's fault.
func loops(h *host) (found []doctor.Finding) {
	for _, t := range h.tables {
		if circle := h.circle(t); len(circle) > 0 {
			var evidence []doctor.Evidence
			for _, j := range circle {
				evidence = append(evidence, doctor.Evidence{What: ruleName(t, j.chain, j.rule) + ": " + j.rule.Text, Is: "leads to chain " + j.to})
			}
			found = append(found, doctor.Finding{
				ID: "jump-loop", Severity: doctor.High, Certainty: doctor.Certain,
				Title:    fmt.Sprintf("%s of %s lead in a circle: the kernel would refuse the table", count(len(circle), "rule"), tableName(t)),
				Evidence: bounded(evidence),
				Fix:      []string{"take one of the jumps away"},
			})
		}
	}
	return found
}

// circle is the rules of one circle of jumps; none where there is none.
func (h *host) circle(t *ruleset.Table) []jump {
	leads := map[string][]jump{}
	h.jumps(t, func(c *ruleset.Chain, r *ruleset.Rule, to string) {
		leads[c.Name] = append(leads[c.Name], jump{c, r, to})
	})
	done := map[string]bool{}
	for _, c := range t.Chains {
		if circle := circleFrom(c.Name, leads, done); circle != nil {
			return circle
		}
	}
	return nil
}

// circleFrom follows jumps depth first; done are the chains from which there is no
// way into a circle.
func circleFrom(begin string, leads map[string][]jump, done map[string]bool) []jump {
	var path []jump
	open := map[string]bool{begin: true}
	left := [][]jump{leads[begin]}
	for len(left) > 0 {
		top := &left[len(left)-1]
		if len(*top) == 0 {
			left = left[:len(left)-1]
			at := begin
			if n := len(path); n > 0 {
				at, path = path[n-1].to, path[:n-1]
			}
			done[at], open[at] = true, false
			continue
		}
		j := (*top)[0]
		*top = (*top)[1:]
		switch {
		case open[j.to]:
			path = append(path, j)
			return path[slices.IndexFunc(path, func(p jump) bool { return p.chain.Name == j.to }):]
		case !done[j.to]:
			path, left = append(path, j), append(left, leads[j.to])
			open[j.to] = true
		}
	}
	return nil
}
