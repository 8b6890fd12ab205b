package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

func netnsGate(l *snapshot.Logging) []Finding {
	rules := kernelRules(l)
	g := gateOf(l)
	if g == gateOpen {
		return nil
	}
	f := Finding{
		Severity: High, Certainty: Certain,
		Title:    "this network namespace may not write packet lines to the kernel's log: all of its LOG, log and TRACE lines vanish",
		Explains: []string{"log-hit-not-shown"},
		Fix: []string{
			"pktrail log" + netnsFlag(l.Netns) + " --at all   # shows packets here without touching the setting",
			"nsenter -t 1 -n sysctl -w net.netfilter.nf_log_all_netns=1   # for the whole host: every container's rules may then fill its log",
		},
		Source: []string{"net/netfilter/nf_log_syslog.c: nf_log_allowed"},
	}
	f.Evidence = append(ruleEvidence(rules, ""),
		Evidence{What: "first network namespace of the machine", Is: shown(l.Netns.First)},
		Evidence{What: "net.netfilter.nf_log_all_netns", Is: number(l.AllNetns), Want: "1"})
	if g == gateUnknown {
		f.Severity, f.Certainty = Medium, Suspect
		f.Title = "whether this network namespace may write packet lines to the kernel's log is not known"
	}
	if len(rules) == 0 {
		f.Severity = Info
	}
	return []Finding{f}
}

// number is a switch as the kernel shows it.
func number(v snapshot.Value[bool]) string {
	if is, ok := v.Get(); ok && is {
		return "1"
	} else if ok {
		return "0"
	}
	return shown(v)
}

// syslogLogger is the kernel's name of the logger that writes to its log.
func syslogLogger(fam ruleset.Family) string {
	switch fam {
	case ruleset.IP:
		return "nf_log_ipv4"
	case ruleset.IP6:
		return "nf_log_ipv6"
	}
	return "nf_log_" + fam.String()
}

func backendKey(fam ruleset.Family) string {
	return "net.netfilter.nf_log." + strconv.Itoa(int(fam))
}

// invalidLogged reports whether conntrack logs invalid packets, which it does
// through the active logger (net/netfilter/nf_conntrack_proto.c: nf_l4proto_log_invalid).
func invalidLogged(l *snapshot.Logging, fam ruleset.Family) bool {
	is, ok := l.Kernel.LogInvalid.Get()
	return ok && is != "0" && is != "" && (fam == ruleset.IP || fam == ruleset.IP6)
}

// concerned is what of a family goes through its active logger: legacy TRACE and
// log_invalid. LOG and nft's log name the syslog logger themselves
// (net/netfilter/nf_log.c: nf_log_packet, nf_log_trace).
func concerned(l *snapshot.Logging, fam ruleset.Family) (what string, evidence []Evidence) {
	traces := legacyTraces(l, fam)
	evidence = ruleEvidence(traces, "")
	switch invalid := invalidLogged(l, fam); {
	case len(traces) > 0 && invalid:
		what = "TRACE and nf_conntrack_log_invalid"
	case len(traces) > 0:
		return "TRACE", evidence
	case invalid:
		what = "nf_conntrack_log_invalid"
	default:
		return "", nil
	}
	return what, append(evidence, Evidence{What: "net.netfilter.nf_conntrack_log_invalid", Is: shown(l.Kernel.LogInvalid)})
}

func backendNone(l *snapshot.Logging) []Finding {
	var all []Finding
	for _, fam := range l.Families {
		what, evidence := concerned(l, fam.Family)
		if what == "" || fam.Active.Is != snapshot.NoLogger {
			continue
		}
		logger := syslogLogger(fam.Family)
		var fix []string
		if names, ok := fam.Registered.Get(); ok && !slices.Contains(names, logger) {
			fix = append(fix, "modprobe nf_log_syslog   # "+logger+" before Linux 5.13")
		}
		all = append(all, Finding{
			Severity: High, Certainty: Certain,
			Title:    fmt.Sprintf("%s packets have no logger here: lines of %s go nowhere (LOG rules are not affected)", fam.Family, what),
			Evidence: append(evidence, Evidence{What: backendKey(fam.Family), Is: fam.Active.Is, Want: logger}),
			Fix:      append(fix, inside(l.Netns, "sysctl -w "+backendKey(fam.Family)+"="+logger)),
			Source:   []string{"net/netfilter/nf_log.c: nf_log_trace"},
		})
	}
	return all
}

func backendNetlink(l *snapshot.Logging) []Finding {
	var all []Finding
	for _, fam := range l.Families {
		what, evidence := concerned(l, fam.Family)
		if what == "" || fam.Active.Is != snapshot.NetlinkLogger {
			continue
		}
		logger := syslogLogger(fam.Family)
		listener, sure := listenerWords(l, 0)
		all = append(all, Finding{
			Severity: High, Certainty: Certain,
			Title: fmt.Sprintf("lines of %s for %s packets go to NFLOG group 0 and not to the kernel's log (LOG rules are not affected)", what, fam.Family),
			Evidence: append(evidence,
				Evidence{What: backendKey(fam.Family), Is: fam.Active.Is, Want: logger},
				Evidence{What: "listener of NFLOG group 0", Is: listener}),
			Fix:    backendFix(l, fam.Family, listener, sure),
			Source: []string{"net/netfilter/nf_log.c: nf_log_trace", "net/netfilter/nfnetlink_log.c: nfulnl_log_packet"},
		})
	}
	return all
}

func backendFix(l *snapshot.Logging, fam ruleset.Family, listener string, sure bool) []string {
	back := inside(l.Netns, "sysctl -w "+backendKey(fam)+"="+syslogLogger(fam))
	if sure && strings.HasPrefix(listener, "pktrail") {
		return []string{"a running pktrail reads them and puts the logger back at its end", back + "   # takes them away from it"}
	}
	return []string{back, "pktrail repair   # if a pktrail that was killed with its container left it so"}
}

func moduleMissing(l *snapshot.Logging) []Finding {
	var all []Finding
	for _, fam := range l.Families {
		logger := syslogLogger(fam.Family)
		names, ok := fam.Registered.Get()
		rules := rulesWhere(l, func(r *snapshot.LogRule) bool {
			return r.Kind == snapshot.LogToKernel && slices.Contains(r.Families(), fam.Family)
		})
		if !ok || len(rules) == 0 || slices.Contains(names, logger) || slices.ContainsFunc(names, oldLogger) {
			continue
		}
		all = append(all, Finding{
			Severity: High, Certainty: Certain,
			Title: fmt.Sprintf("the kernel has no logger that writes %s packets to its log", fam.Family),
			Evidence: append(append(ruleEvidence(rules, ""), moduleEvidence(l)...),
				Evidence{What: fmt.Sprintf("loggers of %s in /proc/net/netfilter/nf_log", fam.Family), Is: strings.Join(names, ","), Want: logger}),
			Fix:    []string{"modprobe nf_log_syslog   # " + logger + " before Linux 5.13"},
			Source: []string{"net/netfilter/nf_log.c: nf_log_packet"},
		})
	}
	return all
}

// oldLogger are names before Linux 3.17.
func oldLogger(name string) bool { return name == "ipt_LOG" || name == "ip6t_LOG" }

func moduleEvidence(l *snapshot.Logging) []Evidence {
	for _, m := range l.Modules {
		if m.Name == "nf_log_syslog" {
			return []Evidence{{What: "module " + m.Name, Is: string(m.State)}}
		}
	}
	return nil
}

// shortSpan is how long the kernel's log should reach back for a person to catch up.
const shortSpan = 5 * time.Minute

func ringShort(l *snapshot.Logging) []Finding {
	ring, ok := l.Kernel.Ring.Get()
	rules := kernelRules(l)
	if !ok || ring.Overwritten == 0 || ring.Span >= shortSpan || len(rules) == 0 {
		return nil
	}
	c := carriersOf(l)
	severity := Info // a file has what is overwritten, unless one rule has none
	if slices.ContainsFunc(rules, func(r *snapshot.LogRule) bool { return len(c.files(r)) == 0 }) {
		severity = Medium
	}
	return []Finding{{
		Severity: severity, Certainty: Certain,
		Title: fmt.Sprintf("the kernel's log holds only the last %s: older lines are overwritten", ring.Span.Round(time.Second)),
		Evidence: []Evidence{
			{What: "records overwritten since the start", Is: strconv.FormatUint(ring.Overwritten, 10)},
			{What: "records that it holds", Is: strconv.Itoa(ring.Records)},
			{What: "size of the kernel's log, bytes", Is: shown(l.Kernel.RingBytes)},
		},
		Fix: []string{
			"pktrail log" + netnsFlag(l.Netns) + " --at raw/PREROUTING --limit 10/second   # does not go through the kernel's log",
			"start the kernel with log_buf_len=4M, or give the rules a limit: -m limit --limit 10/second",
		},
		Source: []string{"Documentation/admin-guide/kernel-parameters.txt: log_buf_len"},
	}}
}

func dmesgRestrict(l *snapshot.Logging) []Finding {
	if restricted, ok := l.Kernel.DmesgRestrict.Get(); !ok || !restricted {
		return nil
	}
	f := Finding{
		Severity: Info, Certainty: Certain,
		Title:    "only root may read the kernel's log: dmesg shows other users nothing",
		Evidence: []Evidence{{What: "kernel.dmesg_restrict", Is: "1"}},
		Fix:      []string{"sudo dmesg", "sysctl -w kernel.dmesg_restrict=0   # lets every user read the kernel's log"},
		Source:   []string{"Documentation/admin-guide/sysctl/kernel.rst: dmesg_restrict"},
	}
	if !l.Kernel.Ring.Known {
		if len(kernelRules(l)) > 0 {
			f.Severity = Low
		}
		f.Evidence = append(f.Evidence, Evidence{What: "/dev/kmsg", Is: shown(l.Kernel.Ring)})
	}
	return []Finding{f}
}

func inContainer(l *snapshot.Logging) []Finding {
	if l.Container == "" || l.Kernel.Ring.Known || len(kernelRules(l)) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Medium, Certainty: Certain,
		Title: "the kernel's log cannot be read from this container: lines that rules write are to be seen on the host",
		Evidence: []Evidence{
			{What: "sign of a container", Is: l.Container},
			{What: "/dev/kmsg", Is: shown(l.Kernel.Ring)},
		},
		Fix:    []string{"on the host: dmesg -w | pktrail read -", "in the container: pktrail log --at all"},
		Source: []string{"Documentation/ABI/testing/dev-kmsg"},
	}}
}

func consoleLevel(l *snapshot.Logging) []Finding {
	level, ok := l.Kernel.ConsoleLevel.Get()
	rules := rulesWhere(l, func(r *snapshot.LogRule) bool { return r.ReachesKernelLog() && int(r.Level) >= level })
	if !ok || len(rules) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Info, Certainty: Certain,
		Title:    "the console does not show the lines; files, dmesg and the journal are not affected by this",
		Evidence: []Evidence{{What: "kernel.printk, first number", Is: strconv.Itoa(level), Want: "above " + strconv.Itoa(int(rules[0].Level)) + ", for lines on the console"}},
		Fix:      []string{"dmesg -n debug   # only if the console is to show them"},
		Source:   []string{"kernel/printk/printk.c: suppress_message_printing"},
	}}
}

// printkRateLimit tells those who tuned these settings that they are not the cause.
func printkRateLimit(l *snapshot.Logging) []Finding {
	interval, okInterval := l.Kernel.RateInterval.Get()
	burst, okBurst := l.Kernel.RateBurst.Get()
	const defaultInterval, defaultBurst = 5, 10
	if !okInterval || !okBurst || interval == defaultInterval && burst == defaultBurst {
		return nil
	}
	return []Finding{{
		Severity: Info, Certainty: Certain,
		Title: "kernel.printk_ratelimit does not limit packet lines: it is not the cause",
		Evidence: []Evidence{
			{What: "kernel.printk_ratelimit", Is: strconv.Itoa(interval)},
			{What: "kernel.printk_ratelimit_burst", Is: strconv.Itoa(burst)},
		},
		Source: []string{"net/netfilter/nf_log.c: nf_log_buf_close"},
	}}
}
