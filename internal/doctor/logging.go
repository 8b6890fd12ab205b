package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

// Check is one thing that may be wrong with how a namespace logs packets.
type Check struct {
	ID, Title string
	Run       func(*snapshot.Logging) []Finding
}

// LoggingChecks are all checks of logging.
func LoggingChecks() []Check {
	return []Check{
		{"log-no-rule", "a rule tells of packets", noRule},
		{"log-rules-unread", "all rules could be read", rulesUnread},
		{"log-netns-gate", "the namespace may write to the kernel's log", netnsGate},
		{"log-backend-none", "legacy TRACE has a logger", backendNone},
		{"log-backend-nfnetlink", "legacy TRACE goes to the kernel's log", backendNetlink},
		{"log-module-missing", "the logger that LOG uses is there", moduleMissing},
		{"log-trace-nft", "TRACE rules are where they write lines", traceOfNFT},
		{"log-rule-not-called", "chains with such rules are called", ruleNotCalled},
		{"log-rule-shadowed", "no rule before takes all packets", ruleShadowed},
		{"log-rule-not-hit", "packets meet the rules", ruleNotHit},
		{"log-rule-limited", "no rule's limit holds lines back", ruleLimited},
		{"log-rule-in-nat", "no rule sees first packets only", ruleInNAT},
		{"log-group-no-listener", "somebody listens to NFLOG groups", groupListeners},
		{"log-group-drops", "listeners of NFLOG groups lose nothing", groupDrops},
		{"log-to-audit", "lines go to the kernel's log", toAudit},
		{"log-ring-short", "the kernel's log keeps lines long enough", ringShort},
		{"log-hit-not-shown", "what rules logged is in the kernel's log", hitNotShown},
		{"log-dmesg-restrict", "the kernel's log may be read", dmesgRestrict},
		{"log-container", "the kernel's log is to be seen from here", inContainer},
		{"log-console-level", "the console shows the lines", consoleLevel},
		{"log-printk-ratelimit", "no limit of printk matters", printkRateLimit},
		{"log-no-reader", "a program keeps the kernel's log", noReader},
		{"log-syslog-no-kernel-input", "rsyslog reads the kernel's log", syslogInput},
		{"log-syslog-unread", "rsyslog's configuration could be read", syslogUnread},
		{"log-syslog-drops", "rsyslog keeps the lines", syslogDrops},
		{"log-syslog-ratelimit", "rsyslog limits nothing", syslogRateLimit},
		{"log-syslog-ng", "the configuration that is read can be judged", syslogNG},
		{"log-journald-off", "the journal takes the kernel's messages", journaldOff},
		{"log-journald-level", "the journal keeps the lines' level", journaldLevel},
	}
}

// Logging runs all checks: why does nothing, or not everything, show in a log?
// The findings are in order, the worst first.
func Logging(l *snapshot.Logging) []Finding {
	var all []Finding
	for _, c := range LoggingChecks() {
		for _, f := range c.Run(l) {
			f.ID = c.ID
			all = append(all, f)
		}
	}
	return Finish(all)
}

// rulesWhere are the rules for which a condition holds.
func rulesWhere(l *snapshot.Logging, holds func(*snapshot.LogRule) bool) []*snapshot.LogRule {
	var found []*snapshot.LogRule
	for i := range l.Rules {
		if holds(&l.Rules[i]) {
			found = append(found, &l.Rules[i])
		}
	}
	return found
}

// kernelRules are those whose lines are meant for the kernel's log.
func kernelRules(l *snapshot.Logging) []*snapshot.LogRule {
	return rulesWhere(l, (*snapshot.LogRule).ReachesKernelLog)
}

// legacyTraces are the TRACE rules of legacy tables that see packets of a family.
func legacyTraces(l *snapshot.Logging, fam ruleset.Family) []*snapshot.LogRule {
	return rulesWhere(l, func(r *snapshot.LogRule) bool { return r.LegacyTrace() && slices.Contains(r.Families(), fam) })
}

// shownRules bounds how many rules a finding lists.
const shownRules = 5

// ruleEvidence lists rules, the first few of many.
func ruleEvidence(rules []*snapshot.LogRule, want string) []Evidence {
	var all []Evidence
	for i, r := range rules {
		if i == shownRules {
			return append(all, Evidence{What: "and", Is: plural(len(rules)-i, "more rule")})
		}
		is := r.Text
		if n, ok := r.Packets.Get(); ok && r.Dialect == ruleset.Iptables { // nft's texts hold their counters
			is += fmt.Sprintf(" (%d packets so far)", n)
		}
		all = append(all, Evidence{What: r.Place(), Is: is, Want: want})
	}
	return all
}

// shown is a value as evidence.
func shown[T any](v snapshot.Value[T]) string {
	if is, ok := v.Get(); ok {
		return fmt.Sprint(is)
	}
	if v.Why == "" {
		return "not known"
	}
	return "not known: " + v.Why
}

// inside is a command that must run in the namespace.
func inside(n snapshot.Netns, command string) string {
	switch pid, isPID := strings.CutPrefix(n.Name, "pid "); {
	case n.Name == "" || n.Name == "host" || n.Name == "self":
		return command
	case isPID:
		return "nsenter -t " + pid + " -n " + command
	case strings.Contains(n.Name, "/"):
		return "nsenter --net=" + n.Name + " " + command
	}
	return "ip netns exec " + n.Name + " " + command
}

// netnsFlag is how a pktrail command names the namespace, with a blank before it.
func netnsFlag(n snapshot.Netns) string {
	switch pid, isPID := strings.CutPrefix(n.Name, "pid "); {
	case n.Name == "" || n.Name == "host" || n.Name == "self":
		return ""
	case isPID:
		return " --netns " + pid
	}
	return " --netns " + n.Name
}

// gate is whether lines of the namespace may go to the kernel's log
// (net/netfilter/nf_log_syslog.c: nf_log_allowed).
type gate uint8

const (
	gateOpen gate = iota
	gateClosed
	gateUnknown
)

func gateOf(l *snapshot.Logging) gate {
	first, firstKnown := l.Netns.First.Get()
	allowed, allowedKnown := l.AllNetns.Get()
	switch {
	case firstKnown && first, allowedKnown && allowed:
		return gateOpen
	case firstKnown && allowedKnown:
		return gateClosed
	}
	return gateUnknown
}
