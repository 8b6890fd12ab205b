package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

func noRule(l *snapshot.Logging) []Finding {
	if len(l.Rules) > 0 {
		return nil
	}
	f := Finding{
		Severity: High, Certainty: Certain,
		Title:    "no rule here tells of packets: there is no LOG, NFLOG or TRACE rule and no log statement",
		Evidence: []Evidence{{What: "rules that tell of packets", Is: "0", Want: "at least 1"}},
		Fix:      []string{"pktrail log" + netnsFlag(l.Netns) + " -p icmp --at raw/PREROUTING"},
	}
	if len(l.Unread) > 0 {
		f.Certainty = Suspect
		f.Title = "no rule that tells of packets was found, but not all rules could be read"
	}
	return []Finding{f}
}

func rulesUnread(l *snapshot.Logging) []Finding {
	if len(l.Unread) == 0 {
		return nil
	}
	f := Finding{
		Severity: Low, Certainty: Suspect,
		Title: "some rules could not be read: what is said here may not hold for them",
		Fix:   []string{"sudo pktrail log --explain" + netnsFlag(l.Netns)},
	}
	for _, what := range l.Unread {
		f.Evidence = append(f.Evidence, Evidence{What: "not read", Is: what})
	}
	return []Finding{f}
}

// traceOfNFT finds rules whose packets are traced where no log is written.
func traceOfNFT(l *snapshot.Logging) []Finding {
	rules := rulesWhere(l, func(r *snapshot.LogRule) bool { return r.Kind == snapshot.LogTrace && r.Table.Backend == ruleset.NFT })
	if len(rules) == 0 {
		return nil
	}
	f := Finding{
		Severity: Medium, Certainty: Certain,
		Title:    "TRACE of iptables-nft and nftrace of nft write nothing to any log: only those who ask nf_tables are told",
		Evidence: ruleEvidence(rules, ""),
		Fix: []string{
			inside(l.Netns, "xtables-monitor --trace") + "   # or: " + inside(l.Netns, "nft monitor trace"),
			"pktrail trace" + netnsFlag(l.Netns) + " -p icmp   # needs no rule of yours",
		},
		Source: []string{"net/netfilter/nf_tables_trace.c: nft_trace_notify"},
	}
	if slices.ContainsFunc(rules, func(r *snapshot.LogRule) bool { return r.Dialect == ruleset.Iptables }) {
		f.Severity = High
	}
	return []Finding{f}
}

// uncalled reports a rule whose chain certainly is never asked.
func uncalled(r *snapshot.LogRule) bool { return r.Called.Known && !r.Called.Is }

func ruleNotCalled(l *snapshot.Logging) []Finding {
	rules := rulesWhere(l, uncalled)
	if len(rules) == 0 {
		return nil
	}
	return []Finding{{
		Severity: High, Certainty: Certain,
		Title:    fmt.Sprintf("no base chain leads to the chain of %s: no packet ever comes there", plural(len(rules), "rule")),
		Evidence: ruleEvidence(rules, ""),
		Explains: []string{"log-rule-not-hit"},
		Fix:      []string{jumpTo(l.Netns, rules[0])},
		Source:   []string{"iptables(8): -j", "nft(8): jump"},
	}}
}

// jumpTo is a rule that leads to a rule's chain.
func jumpTo(n snapshot.Netns, r *snapshot.LogRule) string {
	if r.Dialect == ruleset.Iptables {
		tool := "iptables"
		if r.Table.Family == ruleset.IP6 {
			tool = "ip6tables"
		}
		return inside(n, fmt.Sprintf("%s-%s -t %s -I BUILTIN-CHAIN -j %s", tool, r.Table.Backend, r.Table.Name, r.Chain)) + "   # BUILTIN-CHAIN: where the packets pass"
	}
	return inside(n, fmt.Sprintf("nft insert rule %s %s BASE-CHAIN jump %s", r.Table.Family, r.Table.Name, r.Chain)) + "   # BASE-CHAIN: where the packets pass"
}

func ruleShadowed(l *snapshot.Logging) []Finding {
	var all []Finding
	for _, r := range rulesWhere(l, func(r *snapshot.LogRule) bool { return r.Behind != "" && !uncalled(r) }) {
		all = append(all, Finding{
			Severity: High, Certainty: Certain,
			Title:    r.Place() + " stands behind a rule that takes every packet",
			Evidence: append(ruleEvidence([]*snapshot.LogRule{r}, ""), Evidence{What: "a rule before it", Is: r.Behind, Want: "behind it"}),
			Explains: []string{"log-rule-not-hit"},
			Fix:      []string{"move it before that rule: -I in place of -A, or insert in place of add"},
			Source:   []string{"iptables(8): -I", "nft(8): insert"},
		})
	}
	return all
}

// ruleNotHit leaves out rules for which there is a better explanation.
func ruleNotHit(l *snapshot.Logging) []Finding {
	rules := rulesWhere(l, func(r *snapshot.LogRule) bool {
		n, ok := r.Packets.Get()
		return ok && n == 0 && r.Behind == "" && !uncalled(r)
	})
	if len(rules) == 0 {
		return nil
	}
	f := Finding{
		Severity: Medium, Certainty: Certain,
		Title:    fmt.Sprintf("%s met no packet since the counters were last set to zero", plural(len(rules), "rule")),
		Evidence: ruleEvidence(rules, ""),
		Fix: []string{
			"pktrail log" + netnsFlag(l.Netns) + " -p icmp --at all   # with your packets' own MATCH: how far do they come?",
			"pktrail trace" + netnsFlag(l.Netns) + " -p icmp   # which rules do they meet, and which takes them before?",
		},
		Source: []string{"iptables(8): -v, -Z"},
	}
	if len(rules) == len(l.Rules) {
		f.Severity = High
	}
	return []Finding{f}
}

func ruleLimited(l *snapshot.Logging) []Finding {
	rules := rulesWhere(l, func(r *snapshot.LogRule) bool { return r.Limit != "" && r.Kind != snapshot.LogTrace })
	if len(rules) == 0 {
		return nil
	}
	f := Finding{
		Severity: Low, Certainty: Certain,
		Title:  "rules have a limit of their own: of packets beyond it there is no line",
		Fix:    []string{"raise the limit, or take it out for a moment: iptables -R CHAIN NUMBER …"},
		Source: []string{"net/netfilter/xt_limit.c: limit_mt", "net/netfilter/nft_limit.c: nft_limit_eval"},
	}
	f.Evidence = ruleEvidence(rules, "")
	return []Finding{f}
}

func ruleInNAT(l *snapshot.Logging) []Finding {
	rules := rulesWhere(l, func(r *snapshot.LogRule) bool { return r.NAT })
	if len(rules) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Info, Certainty: Certain,
		Title:    "nat chains see only the first packet of a flow: there is no line for the others",
		Evidence: ruleEvidence(rules, ""),
		Fix:      []string{"move the rule to raw or mangle: it sees every packet there"},
		Source:   []string{"net/netfilter/nf_nat_core.c: nf_nat_inet_fn"},
	}}
}

// byGroup are the rules that send to NFLOG groups, by group.
func byGroup(l *snapshot.Logging) map[uint16][]*snapshot.LogRule {
	groups := map[uint16][]*snapshot.LogRule{}
	for _, r := range rulesWhere(l, func(r *snapshot.LogRule) bool { return r.Kind == snapshot.LogToGroup }) {
		groups[r.Group] = append(groups[r.Group], r)
	}
	return groups
}

// listenerWords says who listens to a group, and whether that is known.
func listenerWords(l *snapshot.Logging, group uint16) (words string, known bool) {
	groups, ok := l.Groups.Get()
	who, listened := groups[group]
	switch {
	case !ok:
		return shown(l.Groups), false
	case !listened:
		return "nobody", true
	case who.Process == "":
		return "a process that cannot be seen from here, netlink port " + strconv.FormatUint(uint64(who.Port), 10), true
	}
	return who.Process, true
}

func groupListeners(l *snapshot.Logging) []Finding {
	var all []Finding
	groups := byGroup(l)
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		who, known := listenerWords(l, group)
		f := Finding{
			Severity: Info, Certainty: Certain,
			Title:    fmt.Sprintf("NFLOG group %d is read by %s: its packets are not in the kernel's log", group, who),
			Evidence: append(ruleEvidence(groups[group], ""), Evidence{What: fmt.Sprintf("listener of group %d in this namespace", group), Is: who}),
			Source:   []string{"net/netfilter/nfnetlink_log.c: nfulnl_log_packet"},
		}
		switch {
		case !known:
			f.Severity, f.Certainty = Medium, Suspect
			f.Title = fmt.Sprintf("whether somebody listens to NFLOG group %d is not known; the kernel's log has nothing of it", group)
			f.Fix = []string{"sudo pktrail log --explain" + netnsFlag(l.Netns)}
		case who == "nobody":
			f.Severity = High
			f.Title = fmt.Sprintf("nobody listens to NFLOG group %d: what rules send there vanishes, and never was for the kernel's log", group)
			f.Fix = []string{
				inside(l.Netns, fmt.Sprintf("tcpdump -n -i nflog:%d", group)) + "   # or start ulogd for that group",
				"use -j LOG instead of -j NFLOG, or log without group in nft",
			}
		}
		all = append(all, f)
	}
	return all
}

func groupDrops(l *snapshot.Logging) []Finding {
	var all []Finding
	groups, _ := l.Groups.Get()
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		who := groups[group]
		if who.Drops == 0 {
			continue
		}
		words, _ := listenerWords(l, group)
		all = append(all, Finding{
			Severity: Medium, Certainty: Certain,
			Title:    fmt.Sprintf("the listener of NFLOG group %d lost messages: its receive buffer was full", group),
			Evidence: []Evidence{{What: "listener", Is: words}, {What: "messages that it lost", Is: strconv.FormatUint(who.Drops, 10), Want: "0"}},
			Fix:      []string{"give it a larger buffer (ulogd: netlink_socket_buffer_size), or the rules a limit"},
			Source:   []string{"net/netlink/af_netlink.c: netlink_overrun"},
		})
	}
	return all
}

func toAudit(l *snapshot.Logging) []Finding {
	rules := rulesWhere(l, func(r *snapshot.LogRule) bool { return r.Kind == snapshot.LogToAudit })
	if len(rules) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Info, Certainty: Certain,
		Title:    "log level audit makes a record of the audit system, not a line of the kernel's log",
		Evidence: ruleEvidence(rules, ""),
		Fix:      []string{"ausearch -m NETFILTER_PKT   # needs auditd and auditctl -e 1"},
		Source:   []string{"net/netfilter/nft_log.c: nft_log_eval_audit"},
	}}
}

// hitNotShown compares counters with the kernel's log itself, where that is whole.
func hitNotShown(l *snapshot.Logging) []Finding {
	ring, ok := l.Kernel.Ring.Get()
	if !ok || ring.Overwritten > 0 || ring.PacketLines > 0 || gateOf(l) != gateOpen {
		return nil
	}
	rules := rulesWhere(l, func(r *snapshot.LogRule) bool {
		n, ok := r.Packets.Get()
		return r.Kind == snapshot.LogToKernel && ok && n > 0
	})
	if len(rules) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Medium, Certainty: Suspect,
		Title:    "rules were hit, and the kernel's log holds no packet line, though nothing of it was overwritten",
		Evidence: append(ruleEvidence(rules, ""), Evidence{What: "packet lines in the kernel's log", Is: "0", Want: "at least 1"}),
		Fix:      []string{"send a packet that matches and look again: the setting may have changed since"},
		Source:   []string{"net/netfilter/nf_log.c: nf_log_packet"},
	}}
}

// traceMessage is what legacy TRACE writes (net/ipv4/netfilter/ip_tables.c: trace_packet).
const (
	traceLevel  = 4
	tracePrefix = "TRACE: "
)

// told is what a rule's lines look like to a syslog daemon.
func told(r *snapshot.LogRule) (level uint8, prefix string) {
	if r.Kind == snapshot.LogTrace {
		return traceLevel, tracePrefix
	}
	return r.Level, r.Prefix
}

func levelsOf(rules []*snapshot.LogRule) string {
	var names []string
	for _, r := range rules {
		level, _ := told(r)
		if name := snapshot.Levels()[level&7]; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
