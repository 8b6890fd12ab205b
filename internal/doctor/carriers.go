package doctor

import (
	"slices"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/internal/syslogd"
)

// carriers are the programs that read the kernel's log, as their configurations
// and threads tell.
type carriers struct {
	rsyslog  *syslogd.Rsyslog // nil: it does not run, or its configuration is not known
	input    string           // by which rsyslog reads the kernel's log: imklog, imkmsg, imjournal; empty: by none that is known
	journal  bool             // systemd-journald runs and its configuration is known
	journald syslogd.Journald
}

func carriersOf(l *snapshot.Logging) carriers {
	var c carriers
	if config, ok := l.Rsyslog.Config.Get(); ok && l.Rsyslog.Running.Is {
		c.rsyslog = syslogd.ParseRsyslog(config)
	}
	c.input = kernelInput(l, c.rsyslog)
	if config, ok := l.Journald.Config.Get(); ok && l.Journald.Running.Is {
		c.journal, c.journald = true, syslogd.ParseJournald(config)
	}
	return c
}

// kernelInput is the input by which a running rsyslog gets the kernel's lines: one
// that has a thread for certain, one that its configuration loads otherwise.
func kernelInput(l *snapshot.Logging, conf *syslogd.Rsyslog) string {
	inputs := []string{"imklog", "imkmsg", "imjournal"}
	for _, name := range inputs {
		if slices.Contains(l.Rsyslog.Threads, "in:"+name) {
			return name
		}
	}
	for _, name := range inputs {
		if conf != nil && conf.Module(name) != nil {
			return name
		}
	}
	return ""
}

// keepsInJournal reports whether the journal keeps lines of a level.
func (c carriers) keepsInJournal(level uint8) bool {
	j := c.journald
	return c.journal && j.ReadKMsg.Is && j.Storage.Is != "none" && level <= j.MaxLevel.Is
}

// reachesRsyslog reports whether lines of a level come to rsyslog at all: imjournal
// reads what the journal has kept.
func (c carriers) reachesRsyslog(level uint8) bool {
	return c.rsyslog != nil && (c.input == "imklog" || c.input == "imkmsg" || c.input == "imjournal" && c.keepsInJournal(level))
}

// route is where rsyslog puts a rule's lines.
func (c carriers) route(r *snapshot.LogRule) syslogd.Route {
	level, prefix := told(r)
	return c.rsyslog.Route(syslogd.Message{Level: level, Prefix: prefix})
}

// files are where a rule's lines certainly go beside the kernel's own log.
func (c carriers) files(r *snapshot.LogRule) []string {
	var to []string
	level, _ := told(r)
	if c.reachesRsyslog(level) {
		to = append(to, c.route(r).To...)
	}
	if c.keepsInJournal(level) {
		to = append(to, "the journal (journalctl -k)")
	}
	return to
}

// perhaps are where a rule's lines may go, as far as rsyslog's configuration tells.
func (c carriers) perhaps(r *snapshot.LogRule) []string {
	var to []string
	if level, _ := told(r); c.reachesRsyslog(level) {
		for _, file := range c.route(r).Perhaps {
			to = append(to, "perhaps "+file)
		}
	}
	return to
}
