package check

import (
	"fmt"
	"slices"
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
	var idle []doctor.Evidence
	rules := 0
	for _, t := range h.tables {
		var jumps, services []jump
		h.jumps(t, func(c *ruleset.Chain, r *ruleset.Rule, to string) {
			next := h.chains[t][to]
			if next == nil || len(next.Rules) > 0 {
				return
			}
			if strings.HasPrefix(to, "KUBE-SVC-") {
				services = append(services, jump{c, r, to})
				return
			}
			jumps = append(jumps, jump{c, r, to})
		})
		if len(services) > 0 {
			found = append(found, doctor.Finding{
				ID: "kube-svc-chain-empty", Severity: doctor.High, Certainty: doctor.Suspect,
				Title:    fmt.Sprintf("%s of Kubernetes services in %s lead to chains without endpoints", count(len(services), "rule"), tableName(t)),
				Evidence: bounded(one(t, services)),
				Fix:      []string{"restart kube-proxy, and read its log for errors of iptables-restore"},
			})
		}
		rules += len(jumps)
		idle = append(idle, idleEvidence(t, jumps)...)
	}
	if rules > 0 {
		found = append(found, doctor.Finding{
			ID: "jump-to-empty-chain", Severity: doctor.Info, Certainty: doctor.Certain,
			Title:    count(rules, "jump") + " to chains without rules, which do nothing",
			Evidence: bounded(idle),
		})
	}
	return found
}

// jump is a rule that leads to a chain.
type jump struct {
	chain *ruleset.Chain
	rule  *ruleset.Rule
	to    string
}

// fewIdle is how many such rules of a table are shown one by one.
const fewIdle = 3

// idleEvidence is each rule, or where programs made very many the names of the chains.
func idleEvidence(t *ruleset.Table, jumps []jump) []doctor.Evidence {
	if len(jumps) <= fewIdle {
		return one(t, jumps)
	}
	var names []string
	for _, j := range jumps {
		if !slices.Contains(names, j.to) {
			names = append(names, j.to)
		}
	}
	is := fmt.Sprintf("%s lead to %s", count(len(jumps), "rule"), strings.Join(names[:min(len(names), manyNames)], ", "))
	if len(names) > manyNames {
		is += fmt.Sprintf(" and %d more", len(names)-manyNames)
	}
	return []doctor.Evidence{{What: tableName(t), Is: is}}
}

const manyNames = 6 // of chains in one line

func one(t *ruleset.Table, jumps []jump) (all []doctor.Evidence) {
	for _, j := range jumps {
		all = append(all, doctor.Evidence{What: ruleName(t, j.chain, j.rule) + ": " + j.rule.Text, Is: "chain " + j.to + " has no rule"})
	}
	return all
}
