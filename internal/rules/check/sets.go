package check

import (
	"fmt"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

// emptySets finds rules that look in sets, maps or ipsets without members. That is
// as meant of what waits for members, such as a list of what is to be dropped.
func emptySets(h *host) (found []doctor.Finding) {
	for _, t := range h.tables {
		filled := filledByRules(t, h.tables)
		by := map[emptiness][]doctor.Evidence{}
		for _, c := range t.Chains {
			for i := range c.Rules {
				r := &c.Rules[i]
				if set, what := emptySet(r, filled); what != full {
					by[what] = append(by[what], doctor.Evidence{What: ruleName(t, c, r) + ": " + r.Text, Is: "set " + set + " is empty"})
				}
			}
		}
		for _, what := range []emptiness{takesAll, passesNone, waits} {
			if len(by[what]) > 0 {
				found = append(found, emptySetFinding(t, what, by[what]))
			}
		}
	}
	return found
}

// emptiness is what comes of an empty set.
type emptiness uint8

const (
	full       emptiness = iota // nothing: the set is not empty, or not known
	waits                       // the rule does nothing, and the next ones go on
	passesNone                  // the rule lets nothing pass
	takesAll                    // the rule drops all that are not in the set
)

func emptySetFinding(t *ruleset.Table, what emptiness, evidence []doctor.Evidence) doctor.Finding {
	f := doctor.Finding{
		ID: "set-empty", Severity: doctor.Low, Certainty: doctor.Suspect,
		Title:    fmt.Sprintf("%s of %s let pass what is in sets that are empty, so nothing", count(len(evidence), "rule"), tableName(t)),
		Evidence: bounded(evidence),
		Fix:      []string{"see what should fill the set, and whether that program runs"},
	}
	switch what {
	case takesAll:
		f.Severity = doctor.Medium
		f.Title = fmt.Sprintf("%s of %s drop what is not in sets that are empty, so everything", count(len(evidence), "rule"), tableName(t))
	case waits:
		f.Severity, f.Certainty, f.Fix = doctor.Info, doctor.Certain, nil
		f.Title = fmt.Sprintf("%s of %s look in sets that are empty, and so do nothing now", count(len(evidence), "rule"), tableName(t))
	}
	return f
}

// filledByRules are the sets to which rules add by themselves: in a table of
// nft's own its rules alone, while all tables of iptables share the ipsets.
func filledByRules(t *ruleset.Table, all []*ruleset.Table) map[string]bool {
	filled := map[string]bool{}
	for _, other := range all {
		if other == t || other.Dialect == ruleset.Iptables && t.Dialect == ruleset.Iptables {
			addFilled(filled, other)
		}
	}
	return filled
}

func addFilled(filled map[string]bool, t *ruleset.Table) {
	for _, c := range t.Chains {
		for i := range c.Rules {
			for _, name := range c.Rules[i].Effect.WritesSets {
				filled[name] = true
			}
		}
	}
}

func emptySet(r *ruleset.Rule, filled map[string]bool) (name string, what emptiness) {
	for i := range r.When {
		if c := &r.When[i]; c.Set != "" && c.Why == "" && len(c.Rows) == 0 && !filled[c.Set] {
			return c.Set, emptinessOf(r, c)
		}
	}
	return "", full
}

func emptinessOf(r *ruleset.Rule, c *ruleset.Condition) emptiness {
	v := r.Effect.Verdict
	switch {
	case c.Not && (v == ruleset.Drop || v == ruleset.Reject):
		return takesAll
	case c.Not:
		return full // it matches whatever there is
	case !c.Chooses && (v == ruleset.Accept && r.Effect.NAT == "" || v == ruleset.Return):
		return passesNone
	}
	return waits
}
