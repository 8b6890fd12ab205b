package check

import (
	"fmt"
	"slices"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/ruleset"
)

// base is a base chain that filters.
type base struct {
	t *ruleset.Table
	c *ruleset.Chain
}

// opposed finds base chains at one hook of which one drops what another
// accepts: to accept ends one base chain, to drop ends all of them
// (net/netfilter/core.c: nf_hook_slow).
func opposed(h *host) (found []doctor.Finding) {
	filters := h.filters()
	for _, a := range filters {
		for _, b := range filters {
			if a != b && meet(a, b) && h.mayDrop(b) {
				if f, is := h.opposition(a, b); is {
					found = append(found, f)
				}
			}
		}
	}
	return found
}

func (h *host) filters() (all []base) {
	for _, t := range h.tables {
		for _, c := range t.Chains {
			if c.Base != nil && c.Base.Type == "filter" && slices.Contains([]ruleset.Hook{ruleset.Input, ruleset.Forward, ruleset.Output}, c.Base.Hook) {
				all = append(all, base{t, c})
			}
		}
	}
	return all
}

// meet reports whether one packet comes to both, with the same addresses: no
// translation happens between them.
func meet(a, b base) bool {
	const translation = -100 // NF_IP_PRI_NAT_DST
	sides := a.c.Base.Hook != ruleset.Output || (a.c.Base.Priority < translation) == (b.c.Base.Priority < translation)
	return a.c.Base.Hook == b.c.Base.Hook && sides && families(a.t.Family, b.t.Family)
}

func families(a, b ruleset.Family) bool {
	ip := func(f ruleset.Family) bool { return f == ruleset.IP || f == ruleset.IP6 }
	return a == b || a == ruleset.Inet && ip(b) || b == ruleset.Inet && ip(a)
}

// mayDrop: a chain that ends in dropping whatever was not accepted before.
func (h *host) mayDrop(b base) bool { return h.base(b.t, b.c, nil)&drops != 0 && dropsRest(b.c) }

func dropsRest(c *ruleset.Chain) bool {
	if c.Policy == ruleset.Drop {
		return true
	}
	return slices.ContainsFunc(c.Rules, func(r ruleset.Rule) bool {
		return r.Known && len(r.When) == 0 && (r.Effect.Verdict == ruleset.Drop || r.Effect.Verdict == ruleset.Reject)
	})
}

// opposition looks for rules that accept, reached from a, whose packets b drops.
func (h *host) opposition(a, b base) (f doctor.Finding, is bool) {
	var certain, suspect []doctor.Evidence
	begin := h.walked
	for _, at := range h.accepting(a) {
		if h.walked-begin > manyWalked {
			suspect = append(suspect, doctor.Evidence{What: ruleName(a.t, at.chain, at.rule) + " and those behind it", Is: "not compared: too many rules"})
			break
		}
		facts, possible := factsOf(at.rule)
		if !possible {
			continue
		}
		delete(facts, ruleset.Mark) // may be another by then
		delete(facts, ruleset.CTMark)
		if !knowFamily(facts, a.t.Family, b.t.Family) {
			continue
		}
		e := doctor.Evidence{What: ruleName(a.t, at.chain, at.rule) + ": " + at.rule.Text}
		switch o := h.base(b.t, b.c, facts); {
		case o == drops:
			e.Is = "accepted there, and dropped by " + chainName(b.t, b.c)
			certain = append(certain, e)
		case o&drops != 0:
			e.Is = "accepted there, and may be dropped by " + chainName(b.t, b.c)
			suspect = append(suspect, e)
		}
	}
	f = doctor.Finding{ID: "second-nft-base-chain-drop",
		Fix: []string{
			fmt.Sprintf("accept the same packets in %s, or remove the table that should not be there", chainName(b.t, b.c)),
			"an accept ends one base chain; a drop of any base chain at the hook is final",
		},
		Source: []string{"net/netfilter/core.c: nf_hook_slow"},
	}
	switch {
	case len(certain) > 0:
		f.Severity, f.Certainty, f.Evidence = doctor.High, doctor.Certain, bounded(certain)
		f.Title = fmt.Sprintf("%s drops what %s accepts at hook %s", chainName(b.t, b.c), chainName(a.t, a.c), a.c.Base.Hook)
	case len(suspect) > 0:
		f.Severity, f.Certainty, f.Evidence = doctor.Medium, doctor.Suspect, bounded(suspect)
		f.Title = fmt.Sprintf("%s may drop what %s accepts at hook %s", chainName(b.t, b.c), chainName(a.t, a.c), a.c.Base.Hook)
	}
	return f, f.Title != ""
}

// knowFamily adds of which protocol the packets are, where one of the tables has
// packets of IPv4 or IPv6 alone; false where the rule's are of the other.
func knowFamily(f ruleset.Facts, both ...ruleset.Family) (possible bool) {
	const icmp6 = 58 // IPPROTO_ICMPV6, which no packet of IPv4 is meant to have
	for _, fam := range both {
		if fam != ruleset.IP && fam != ruleset.IP6 {
			continue
		}
		only := []ruleset.Range{ruleset.Span(uint64(fam), uint64(fam))}
		if had, is := f[ruleset.NFProto]; is && len(meeting(had, only)) == 0 {
			return false
		}
		if fam == ruleset.IP && slices.Equal(f[ruleset.L4Proto], []ruleset.Range{ruleset.Span(icmp6, icmp6)}) {
			return false
		}
		f[ruleset.NFProto] = only
	}
	return true
}

// place is a rule and its chain.
type place struct {
	chain *ruleset.Chain
	rule  *ruleset.Rule
}

// manyWalked bounds how many rules are looked at for one pair of base chains.
const manyWalked = 2_000_000

// manyAccepting is how many accepting rules of one chain are held against another.
const manyAccepting = 500

// accepting are the rules that accept by name in a base chain and those that it
// leads to.
func (h *host) accepting(b base) (all []place) {
	h.reach(b.t, b.c, func(c *ruleset.Chain) {
		for i := range c.Rules {
			r := &c.Rules[i]
			if r.Known && r.Effect.Verdict == ruleset.Accept && r.Effect.NAT == "" && !h.never[r] && len(all) < manyAccepting {
				all = append(all, place{c, r})
			}
		}
	})
	return all
}

// reach calls f with a chain and each that jumps lead to from it, once.
func (h *host) reach(t *ruleset.Table, from *ruleset.Chain, f func(*ruleset.Chain)) {
	seen := map[string]bool{from.Name: true}
	queue := []*ruleset.Chain{from}
	for len(queue) > 0 {
		c := queue[0]
		queue = queue[1:]
		f(c)
		for i := range c.Rules {
			for _, w := range ways(&c.Rules[i], nil) {
				if next := h.chains[t][w.target]; next != nil && !seen[w.target] && (w.verdict == ruleset.Jump || w.verdict == ruleset.Goto) {
					seen[w.target] = true
					queue = append(queue, next)
				}
			}
		}
	}
}

// mixedBackends finds both engines at work on one family.
func mixedBackends(h *host) (found []doctor.Finding) {
	for _, fam := range []ruleset.Family{ruleset.IP, ruleset.IP6, ruleset.ARP} {
		legacy := h.inUse(func(t *ruleset.Table) bool { return t.Backend == ruleset.Legacy && t.Family == fam })
		nft := h.inUse(func(t *ruleset.Table) bool {
			return t.Backend == ruleset.NFT && t.Dialect == ruleset.Iptables && t.Family == fam
		})
		if len(legacy) > 0 && len(nft) > 0 {
			found = append(found, h.mixed(fam, legacy, nft))
		}
	}
	return found
}

func (h *host) inUse(which func(*ruleset.Table) bool) (used []*ruleset.Table) {
	for _, t := range h.tables {
		if which(t) && slices.ContainsFunc(t.Chains, func(c *ruleset.Chain) bool { return len(c.Rules) > 0 || c.Policy == ruleset.Drop }) {
			used = append(used, t)
		}
	}
	return used
}

func (h *host) mixed(fam ruleset.Family, legacy, nft []*ruleset.Table) doctor.Finding {
	tool := "iptables"
	if fam == ruleset.ARP {
		tool = "arptables"
	}
	f := doctor.Finding{
		ID: "legacy-nft-mixed", Severity: doctor.Medium, Certainty: doctor.Suspect,
		Title: fmt.Sprintf("%[1]s-legacy and %[1]s-nft both have rules for %[2]s: packets meet both, and each tool shows only its own", tool, fam),
		Fix: []string{
			"let every program use one back end (update-alternatives --display " + tool + "), then flush the other",
		},
	}
	for _, t := range slices.Concat(legacy, nft) {
		f.Evidence = append(f.Evidence, doctor.Evidence{What: tableName(t), Is: content(t), Want: "rules in one back end alone"})
	}
	if both := owners(legacy, nft); both != "" {
		f.Severity, f.Certainty = doctor.Critical, doctor.Certain
		f.Evidence = append(f.Evidence, doctor.Evidence{What: "chains of the same program in both", Is: both})
	}
	return f
}

func content(t *ruleset.Table) string {
	rules, policies := 0, 0
	for _, c := range t.Chains {
		rules += len(c.Rules)
		if c.Policy == ruleset.Drop {
			policies++
		}
	}
	s := count(rules, "rule")
	if policies > 0 {
		s += fmt.Sprintf(", policy drop in %s", count(policies, "chain"))
	}
	return s
}

// owners names a program whose chains are in tables of both back ends.
func owners(a, b []*ruleset.Table) string {
	has := func(tables []*ruleset.Table, prefix string) bool {
		return slices.ContainsFunc(tables, func(t *ruleset.Table) bool {
			return slices.ContainsFunc(t.Chains, func(c *ruleset.Chain) bool {
				return len(c.Name) >= len(prefix) && c.Name[:len(prefix)] == prefix && len(c.Rules) > 0
			})
		})
	}
	for _, prefix := range []string{"KUBE-", "cali-", "FLANNEL-", "CNI-", "DOCKER", "CILIUM_", "LIBVIRT_", "ts-"} {
		if has(a, prefix) && has(b, prefix) {
			return prefix + "…"
		}
	}
	return ""
}
