// Package check says what is wrong with rules in themselves, whatever packets
// come: rules that can never match, chains that decide against each other, sets
// without members. It judges values of the one model, so a file is checked as a
// host is. A finding is certain only where the rules alone prove it.
package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

// Run judges tables whose rules were read with their conditions. Findings come
// the worst first.
func Run(tables []*ruleset.Table) []doctor.Finding {
	all := []func(*host) []doctor.Finding{
		shadowed, contradictory, opposed, mixedBackends, missingChains, loops, overwrittenMarks, emptySets, emptyChains, unreached,
	}
	h := newHost(slices.DeleteFunc(slices.Clone(tables), ours))
	var found []doctor.Finding
	for _, judge := range all {
		found = append(found, judge(h)...)
	}
	return doctor.Finish(found)
}

// ours: a table that a trace of this program has there for its time.
func ours(t *ruleset.Table) bool {
	rest, is := strings.CutPrefix(t.Name, "pktrail-")
	return is && len(rest) == 8 && strings.Trim(rest, "0123456789abcdef") == ""
}

// host is the tables that are judged, with what several checks look up.
type host struct {
	tables []*ruleset.Table
	chains map[*ruleset.Table]map[string]*ruleset.Chain
	never  map[*ruleset.Rule]bool // that were found to match no packet
	walked int                    // rules that walks have looked at
}

func newHost(tables []*ruleset.Table) *host {
	h := &host{tables: tables, chains: map[*ruleset.Table]map[string]*ruleset.Chain{}, never: map[*ruleset.Rule]bool{}}
	for _, t := range tables {
		byName := make(map[string]*ruleset.Chain, len(t.Chains))
		for _, c := range t.Chains {
			byName[c.Name] = c
		}
		h.chains[t] = byName
	}
	return h
}

// eachRule calls f with every rule of every chain.
func (h *host) eachRule(f func(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule)) {
	for _, t := range h.tables {
		for _, c := range t.Chains {
			for i := range c.Rules {
				f(t, c, &c.Rules[i])
			}
		}
	}
}

// way is a verdict that a rule may come to, and the chain of a jump or goto.
type way struct {
	verdict ruleset.Verdict
	target  string
}

// ways are what a rule may decide about packets of these facts: one verdict, or
// what its map of verdicts gives.
func ways(r *ruleset.Rule, f ruleset.Facts) (all []way) {
	for i := range r.When {
		if c := &r.When[i]; c.Chooses {
			for _, row := range c.Candidates(f) {
				all = append(all, way{row.Verdict, row.Target})
			}
			return all
		}
	}
	e := &r.Effect
	switch {
	case !e.Known:
		return []way{{verdict: ruleset.Unknown}}
	case e.Verdict == ruleset.Continue && e.NAT != "":
		return []way{{verdict: ruleset.Accept}}
	}
	return []way{{e.Verdict, e.Target}}
}

// tableName names a table as its users do.
func tableName(t *ruleset.Table) string {
	switch {
	case t.Backend == ruleset.Legacy:
		return fmt.Sprintf("legacy table %s %s", t.Family, t.Name)
	case t.Dialect == ruleset.Iptables:
		return fmt.Sprintf("iptables-nft table %s %s", t.Family, t.Name)
	}
	return fmt.Sprintf("table %s %s", t.Family, t.Name)
}

func chainName(t *ruleset.Table, c *ruleset.Chain) string {
	return "chain " + c.Name + " of " + tableName(t)
}

func ruleName(t *ruleset.Table, c *ruleset.Chain, r *ruleset.Rule) string {
	return fmt.Sprintf("rule %d of %s", r.Number, chainName(t, c))
}

// manyEvidence is how much evidence one finding shows.
const manyEvidence = 20

// bounded cuts evidence that nobody would read, and says so.
func bounded(all []doctor.Evidence) []doctor.Evidence {
	if len(all) <= manyEvidence {
		return all
	}
	more := len(all) - manyEvidence
	return append(all[:manyEvidence:manyEvidence], doctor.Evidence{What: "more of the same", Is: fmt.Sprint(more)})
}

// count is "1 rule", "3 rules".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
