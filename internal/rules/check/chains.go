package check

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

// jumps calls f with every jump or goto of a table.
func (h *host) jumps(t *ruleset.Table, f func(c *ruleset.Chain, r *ruleset.Rule, to string)) {
	for _, c := range t.Chains {
		for i := range c.Rules {
			for _, w := range ways(&c.Rules[i], nil) {
				if w.verdict == ruleset.Jump || w.verdict == ruleset.Goto {
					f(c, &c.Rules[i], w.target)
				}
			}
		}
	}
}

// missingChains finds jumps to chains that are not there. The kernel takes no
// such rule, so it is a file that lacks something.
func missingChains(h *host) (found []doctor.Finding) {
	for _, t := range h.tables {
		var evidence []doctor.Evidence
		h.jumps(t, func(c *ruleset.Chain, r *ruleset.Rule, to string) {
			if h.chains[t][to] == nil {
				evidence = append(evidence, doctor.Evidence{What: ruleName(t, c, r) + ": " + r.Text, Is: "no chain " + to})
			}
		})
		if len(evidence) > 0 {
			found = append(found, doctor.Finding{
				ID: "jump-to-missing-chain", Severity: doctor.High, Certainty: doctor.Certain,
				Title:    fmt.Sprintf("%s of %s lead to chains that are not there: the kernel would refuse the table", count(len(evidence), "rule"), tableName(t)),
				Evidence: bounded(evidence),
				Fix:      []string{"add the chain, or an extension's name is misspelt"},
			})
		}
	}
	return found
}

// emptyChains finds jumps to chains without rules. They do nothing, which is as
// meant where a program keeps a place for its users' rules.
func emptyChains(h *host) (found []doctor.Finding) {
	for _, t := range h.tables {
		var idle, services []doctor.Evidence
		h.jumps(t, func(c *ruleset.Chain, r *ruleset.Rule, to string) {
			next := h.chains[t][to]
			if next == nil || len(next.Rules) > 0 {
				return
			}
			e := doctor.Evidence{What: ruleName(t, c, r) + ": " + r.Text, Is: "chain " + to + " has no rule"}
			if strings.HasPrefix(to, "KUBE-SVC-") {
				services = append(services, e)
				return
			}
			idle = append(idle, e)
		})
		found = append(found, emptyFindings(t, idle, services)...)
	}
	return found
}

func emptyFindings(t *ruleset.Table, idle, services []doctor.Evidence) (found []doctor.Finding) {
	if len(services) > 0 {
		found = append(found, doctor.Finding{
			ID: "kube-svc-chain-empty", Severity: doctor.High, Certainty: doctor.Suspect,
			Title:    fmt.Sprintf("%s of Kubernetes services in %s lead to chains without endpoints", count(len(services), "rule"), tableName(t)),
			Evidence: bounded(services),
			Fix:      []string{"restart kube-proxy, and read its log for errors of iptables-restore"},
		})
	}
	if len(idle) > 0 {
		found = append(found, doctor.Finding{
			ID: "jump-to-empty-chain", Severity: doctor.Info, Certainty: doctor.Certain,
			Title:    fmt.Sprintf("%s of %s lead to chains without rules, and so do nothing", count(len(idle), "rule"), tableName(t)),
			Evidence: bounded(idle),
		})
	}
	return found
}

// unreached finds chains with rules to which no base chain leads.
func unreached(h *host) (found []doctor.Finding) {
	for _, t := range h.tables {
		reached := map[string]bool{}
		for _, c := range t.Chains {
			if c.Base != nil {
				h.reach(t, c, func(c *ruleset.Chain) { reached[c.Name] = true })
			}
		}
		var evidence []doctor.Evidence
		for _, c := range t.Chains {
			if !reached[c.Name] && len(c.Rules) > 0 {
				evidence = append(evidence, doctor.Evidence{What: "chain " + c.Name, Is: count(len(c.Rules), "rule") + ", no way leads there"})
			}
		}
		if len(evidence) > 0 {
			found = append(found, unreachedFinding(t, evidence))
		}
	}
	return found
}

// unreachedFinding is no trouble where a map of verdicts may lead to the chains
// once it has an element that does.
func unreachedFinding(t *ruleset.Table, evidence []doctor.Evidence) doctor.Finding {
	f := doctor.Finding{
		ID: "chain-unreachable", Severity: doctor.Low, Certainty: doctor.Certain,
		Title:    fmt.Sprintf("no packet comes to %s of %s: no base chain leads there", count(len(evidence), "chain"), tableName(t)),
		Evidence: bounded(evidence),
		Fix:      []string{"add the jump that is missing, or delete the chains"},
	}
	if name := verdictMap(t); name != "" {
		f.Severity, f.Certainty = doctor.Info, doctor.Suspect
		f.Title = fmt.Sprintf("no packet comes now to %s of %s: no base chain leads there, and no element of a map such as %s", count(len(evidence), "chain"), tableName(t), name)
		f.Fix = []string{"see whether the map's elements are meant to lead there"}
	}
	return f
}

// verdictMap names a map by whose elements rules of the table jump; "" without one.
func verdictMap(t *ruleset.Table) string {
	for _, c := range t.Chains {
		for i := range c.Rules {
			for k := range c.Rules[i].When {
				if w := &c.Rules[i].When[k]; w.Chooses && w.Set != "" {
					return w.Set
				}
			}
		}
	}
	return ""
}

// emptySets finds rules that look in sets, maps or ipsets without members.
func emptySets(h *host) (found []doctor.Finding) {
	for _, t := range h.tables {
		filled := filledByRules(t, h.tables)
		var evidence []doctor.Evidence
		for _, c := range t.Chains {
			for i := range c.Rules {
				if set, is := emptySet(&c.Rules[i], filled); is {
					r := &c.Rules[i]
					evidence = append(evidence, doctor.Evidence{What: ruleName(t, c, r) + ": " + r.Text, Is: "set " + set + " is empty"})
				}
			}
		}
		if len(evidence) > 0 {
			found = append(found, doctor.Finding{
				ID: "set-empty", Severity: doctor.Low, Certainty: doctor.Suspect,
				Title:    fmt.Sprintf("%s of %s look in sets that are empty", count(len(evidence), "rule"), tableName(t)),
				Evidence: bounded(evidence),
				Fix:      []string{"see what should fill the set, and whether that program runs"},
			})
		}
	}
	return found
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

func emptySet(r *ruleset.Rule, filled map[string]bool) (name string, is bool) {
	for i := range r.When {
		if c := &r.When[i]; c.Set != "" && c.Why == "" && len(c.Rows) == 0 && !filled[c.Set] {
			return c.Set, true
		}
	}
	return "", false
}
