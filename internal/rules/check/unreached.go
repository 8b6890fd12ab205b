package check

import (
	"fmt"
	"strings"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

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
			if !reached[c.Name] && len(c.Rules) > 0 && entryOf(c.Name) == "" {
				evidence = append(evidence, doctor.Evidence{What: "chain " + c.Name, Is: count(len(c.Rules), "rule") + ", no way leads there"})
			}
		}
		if len(evidence) > 0 {
			found = append(found, unreachedFinding(t, evidence))
		}
		found = append(found, lostEntries(t, reached)...)
	}
	return found
}

// lostEntries are chains of programs that each have a jump to them from a base
// chain: without it their rules have no effect, as when another firewall was
// restarted.
func lostEntries(t *ruleset.Table, reached map[string]bool) (found []doctor.Finding) {
	for _, c := range t.Chains {
		program := entryOf(c.Name)
		if reached[c.Name] || len(c.Rules) == 0 || program == "" {
			continue
		}
		found = append(found, doctor.Finding{
			ID: "entry-chain-unreachable", Severity: doctor.Medium, Certainty: doctor.Suspect,
			Title:    fmt.Sprintf("nothing leads to %s, so the rules of %s there have no effect", chainName(t, c), program),
			Evidence: []doctor.Evidence{{What: "chain " + c.Name, Is: count(len(c.Rules), "rule") + ", no way leads there", Want: "a jump from a base chain"}},
			Fix:      []string{"see what took the jump away, then restart " + program},
		})
	}
	return found
}

// entryOf is the program that makes a jump from a base chain to chains of that
// name; "" where none is known to.
func entryOf(chain string) string {
	for _, e := range []struct{ begin, program string }{
		{"f2b-", "fail2ban"}, {"fail2ban-", "fail2ban"},
		{"DOCKER-USER", "Docker"}, {"DOCKER-FORWARD", "Docker"}, {"DOCKER-ISOLATION-STAGE-1", "Docker"},
		{"KUBE-SERVICES", "kube-proxy"}, {"KUBE-FORWARD", "kube-proxy"}, {"KUBE-POSTROUTING", "kube-proxy"},
		{"FLANNEL-FWD", "flannel"}, {"FLANNEL-POSTRTG", "flannel"}, {"CNI-FORWARD", "the CNI plugin"},
		{"cali-PREROUTING", "Calico"}, {"cali-INPUT", "Calico"}, {"cali-FORWARD", "Calico"}, {"cali-OUTPUT", "Calico"}, {"cali-POSTROUTING", "Calico"},
		{"LIBVIRT_INP", "libvirt"}, {"LIBVIRT_FWI", "libvirt"}, {"LIBVIRT_FWO", "libvirt"}, {"LIBVIRT_PRT", "libvirt"},
		{"ts-input", "Tailscale"}, {"ts-forward", "Tailscale"}, {"ts-postrouting", "Tailscale"},
	} {
		if chain == e.begin || strings.HasSuffix(e.begin, "-") && strings.HasPrefix(chain, e.begin) {
			return e.program
		}
	}
	return ""
}

// unreachedFinding is no trouble: firewalls keep chains for what is not asked of
// them. Where a map of verdicts is, it may lead to the chains once it has an
// element that does.
func unreachedFinding(t *ruleset.Table, evidence []doctor.Evidence) doctor.Finding {
	f := doctor.Finding{
		ID: "chain-unreachable", Severity: doctor.Info, Certainty: doctor.Certain,
		Title:    fmt.Sprintf("no packet comes to %s of %s: no base chain leads there", count(len(evidence), "chain"), tableName(t)),
		Evidence: bounded(evidence),
		Fix:      []string{"if they are yours, add the jump that is missing, or delete them"},
	}
	if name := verdictMap(t); name != "" {
		f.Certainty = doctor.Suspect
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
