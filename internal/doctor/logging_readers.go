package doctor

import (
	"fmt"
	"slices"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/syslogd"
)

func placeEvidence(p syslogd.Place, want string) Evidence {
	return Evidence{What: fmt.Sprintf("%s line %d", p.File, p.Line), Is: p.Text, Want: want}
}

// absent reports a program that certainly does not run.
func absent(d snapshot.Daemon) bool { return d.Running.Known && !d.Running.Is }

func noReader(l *snapshot.Logging) []Finding {
	if !absent(l.Rsyslog) || !absent(l.SyslogNG) || !absent(l.Journald) || len(kernelRules(l)) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Medium, Certainty: Certain,
		Title: "neither rsyslog nor syslog-ng nor systemd-journald runs: no file gets the kernel's lines that we know of",
		Evidence: []Evidence{
			{What: "rsyslogd", Is: "not running"}, {What: "syslog-ng", Is: "not running"}, {What: "systemd-journald", Is: "not running"},
		},
		Fix: []string{"dmesg -w | pktrail read -", "systemctl start rsyslog   # apt install rsyslog"},
	}}
}

func syslogInput(l *snapshot.Logging) []Finding {
	c := carriersOf(l)
	if !l.Rsyslog.Running.Is || c.input != "" || len(kernelRules(l)) == 0 {
		return nil
	}
	f := Finding{
		Severity: High, Certainty: Certain,
		Title: "rsyslog does not read the kernel's log: no input for it is loaded",
		Evidence: []Evidence{
			{What: "threads of rsyslogd", Is: fmt.Sprint(l.Rsyslog.Threads), Want: "in:imklog"},
			{What: "configuration", Is: configWords(l), Want: `module(load="imklog")`},
		},
		Explains: []string{"log-syslog-drops"},
		Fix:      []string{`echo 'module(load="imklog")' > /etc/rsyslog.d/00-imklog.conf && systemctl restart rsyslog`},
		Source:   []string{"rsyslog: doc/configuration/modules/imklog", "systemd: src/journal/journald-kmsg.c, which forwards nothing of the kernel's to syslog"},
	}
	if c.rsyslog == nil || len(c.rsyslog.Unread) > 0 {
		f.Certainty = Suspect
	}
	if c.journal {
		f.Severity = Medium
	}
	return []Finding{f}
}

func configWords(l *snapshot.Logging) string {
	if !l.Rsyslog.Config.Known {
		return shown(l.Rsyslog.Config)
	}
	return plural(len(l.Rsyslog.Config.Is), "line") + " read, none loads one"
}

// syslogUnread says that where rsyslog puts the lines is not known.
func syslogUnread(l *snapshot.Logging) []Finding {
	if !l.Rsyslog.Running.Is || l.Rsyslog.Config.Known {
		return nil
	}
	return []Finding{{
		Severity: Low, Certainty: Suspect,
		Title:    "rsyslog runs, and what it does with the kernel's lines is not known: its configuration could not be read",
		Evidence: []Evidence{{What: "rsyslog.conf", Is: shown(l.Rsyslog.Config)}},
		Fix:      []string{"sudo pktrail log --explain" + netnsFlag(l.Netns)},
	}}
}

// syslogDrops follows each rule's lines through rsyslog's filters.
func syslogDrops(l *snapshot.Logging) []Finding {
	c := carriersOf(l)
	if c.rsyslog == nil || c.input == "" {
		return nil
	}
	var all []Finding
	for _, r := range kernelRules(l) {
		way := c.route(r)
		if len(way.To) > 0 {
			continue
		}
		f := dropFinding(c, r, way)
		if i := slices.IndexFunc(all, func(o Finding) bool { return o.Title == f.Title }); i < 0 {
			all = append(all, f)
		} else if len(all[i].Evidence) < shownRules+len(f.Evidence) {
			all[i].Evidence = slices.Insert(all[i].Evidence, 1, f.Evidence[0])
		}
	}
	return all
}

func dropFinding(c carriers, r *snapshot.LogRule, way syslogd.Route) Finding {
	level, prefix := told(r)
	name := snapshot.Levels()[level&7]
	f := Finding{
		Severity: High, Certainty: Certain,
		Evidence: ruleEvidence([]*snapshot.LogRule{r}, ""),
		Fix:      []string{"echo 'kern." + name + "  -/var/log/kern.log' > /etc/rsyslog.d/00-packets.conf && systemctl restart rsyslog"},
		Source:   []string{"rsyslog.conf(5)"},
	}
	switch {
	case way.Stop != nil && len(way.Perhaps) == 0:
		f.Title = fmt.Sprintf("rsyslog discards lines of prefix %q before any file gets them", prefix)
		f.Evidence = append(f.Evidence, placeEvidence(*way.Stop, "a file before it, or no discarding"))
	case len(way.Perhaps) > 0:
		f.Severity, f.Certainty = Medium, Suspect
		f.Title = fmt.Sprintf("whether rsyslog keeps lines of prefix %q depends on what this configuration alone does not tell", prefix)
		for _, p := range way.MayStop {
			f.Evidence = append(f.Evidence, placeEvidence(p, ""))
		}
		f.Evidence = append(f.Evidence, Evidence{What: "where they may go", Is: fmt.Sprint(way.Perhaps)})
	default:
		f.Title = "no selector of rsyslog takes kern." + name + ": the lines are in no file"
		f.Evidence = append(f.Evidence, Evidence{What: "selectors that take kern." + name, Is: "none", Want: "kern.* or *." + name})
	}
	if len(c.rsyslog.Unread) > 0 {
		f.Certainty = Suspect
		f.Evidence = append(f.Evidence, placeEvidence(c.rsyslog.Unread[0], "a statement that is understood here"))
	}
	return f
}

// syslogRateLimit looks at the limits of the inputs. imklog has none unless it is
// given one; imjournal's own limit is 20,000 messages in 10 minutes.
func syslogRateLimit(l *snapshot.Logging) []Finding {
	c := carriersOf(l)
	if c.rsyslog == nil || c.input == "" || len(kernelRules(l)) == 0 {
		return nil
	}
	m := c.rsyslog.Module(c.input)
	if m == nil {
		return nil
	}
	interval, burst := m.Params["ratelimitinterval"], m.Params["ratelimitburst"]
	fallback := "10000"
	if c.input == "imjournal" {
		interval, burst, fallback = m.Params["ratelimit.interval"], m.Params["ratelimit.burst"], "20000"
		if interval == "" {
			interval = "600"
		}
	}
	if burst == "" {
		burst = fallback
	}
	if interval == "" || interval == "0" {
		return nil
	}
	return []Finding{{
		Severity: Low, Certainty: Certain,
		Title:    fmt.Sprintf("rsyslog's %s takes at most %s messages in %s seconds: the others are not in its files", c.input, burst, interval),
		Evidence: []Evidence{placeEvidence(m.At, "")},
		Fix:      []string{"give the rules a limit, or raise rsyslog's: " + c.input + " in " + m.At.File},
		Source:   []string{"rsyslog: doc/configuration/modules/" + c.input},
	}}
}

func syslogNG(l *snapshot.Logging) []Finding {
	if !l.SyslogNG.Running.Is || len(kernelRules(l)) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Info, Certainty: Suspect,
		Title:    "syslog-ng runs; what its configuration does with the kernel's lines is not judged here",
		Evidence: []Evidence{{What: "process", Is: fmt.Sprint(l.SyslogNG.PID)}},
		Fix:      []string{"grep -n 'kern\\|system()\\|/proc/kmsg' /etc/syslog-ng/syslog-ng.conf"},
	}}
}

func journaldOff(l *snapshot.Logging) []Finding {
	c := carriersOf(l)
	if !c.journal || len(kernelRules(l)) == 0 {
		return nil
	}
	f := Finding{Severity: Medium, Certainty: Certain, Source: []string{"journald.conf(5)"}}
	switch j := c.journald; {
	case j.Storage.Is == "none":
		f.Title = "the journal keeps nothing: journalctl shows no packet line"
		f.Evidence = []Evidence{placeEvidence(j.Storage.At, "Storage=auto")}
		f.Fix = journaldFix("Storage=auto")
	case !j.ReadKMsg.Is:
		f.Title = "the journal does not read the kernel's log: journalctl -k shows no packet line"
		f.Evidence = []Evidence{placeEvidence(j.ReadKMsg.At, "ReadKMsg=yes")}
		f.Fix = journaldFix("ReadKMsg=yes")
	default:
		return nil
	}
	return []Finding{f}
}

func journaldFix(setting string) []string {
	return []string{"mkdir -p /etc/systemd/journald.conf.d && printf '[Journal]\\n" + setting + "\\n' > /etc/systemd/journald.conf.d/zz-packets.conf && systemctl restart systemd-journald"}
}

func journaldLevel(l *snapshot.Logging) []Finding {
	c := carriersOf(l)
	if !c.journal {
		return nil
	}
	rules := rulesWhere(l, func(r *snapshot.LogRule) bool {
		level, _ := told(r)
		return r.ReachesKernelLog() && level > c.journald.MaxLevel.Is
	})
	if len(rules) == 0 {
		return nil
	}
	f := Finding{
		Severity: High, Certainty: Certain,
		Title:    fmt.Sprintf("the journal drops lines of level %s: it keeps %s and worse", levelsOf(rules), snapshot.Levels()[c.journald.MaxLevel.Is&7]),
		Evidence: append(ruleEvidence(rules, ""), placeEvidence(c.journald.MaxLevel.At, "MaxLevelStore=debug")),
		Fix:      append(journaldFix("MaxLevelStore=debug"), "or log at a level that it keeps: --log-level "+snapshot.Levels()[c.journald.MaxLevel.Is&7]),
		Source:   []string{"journald.conf(5): MaxLevelStore="},
	}
	for _, r := range rules {
		if len(c.files(r)) == 0 {
			return []Finding{f}
		}
	}
	f.Severity = Medium // a file of rsyslog's has them
	return []Finding{f}
}
