// Package syslogd says what rsyslog and systemd's journal do with a line of the
// kernel's packet log, by the text of their configuration. It reads what decides
// that: inputs, filters and actions. Whatever else may have a say is kept and
// makes the answer uncertain.
package syslogd

import (
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Message is a line of the kernel's packet log, as a filter sees it.
type Message struct {
	Level  uint8  // 0 emerg to 7 debug
	Prefix string // what the rule puts before IN=
}

// Truth is the answer of a filter.
type Truth uint8

// The answers. Maybe depends on what is not known of the line.
const (
	No Truth = iota
	Maybe
	Yes
)

func (t Truth) not() Truth { return Yes - t }

func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

// contains judges whether a line of the packet log holds a text. The values of
// its fields are not known, so a text that may be of one is Maybe. That an
// interface may bear any name, such as DROP, is not thought of.
func (m Message) contains(text string) Truth {
	if text == "" || strings.Contains(m.Prefix+"IN=", text) {
		return Yes
	}
	for _, fixed := range []string{" OUT=", " SRC=", " DST=", " LEN="} {
		if strings.Contains(fixed, text) {
			return Yes
		}
	}
	if strings.ContainsAny(text, "0123456789=") || fieldWord(strings.TrimSpace(text)) {
		return Maybe
	}
	return No
}

// containsFold is contains for a text in lower case, whatever the case of the line.
func (m Message) containsFold(lower string) Truth {
	if strings.Contains(strings.ToLower(m.Prefix+"IN="), lower) {
		return Yes
	}
	return Maybe
}

// fieldWord reports what some lines hold and others do not (net/netfilter/nf_log_syslog.c).
func fieldWord(text string) bool {
	switch text {
	case "TCP", "UDP", "ICMP", "ICMPv6", "UDPLITE", "SCTP", "AH", "ESP", "SYN", "ACK", "FIN", "RST", "PSH", "URG", "DF", "MF", "TTL", "MAC", "MARK", "PROTO", "kernel", "kernel:":
		return true
	}
	return len(text) == 1
}

// Place is where something stands in a configuration.
type Place struct {
	File string
	Line int
	Text string
}

func placeOf(l snapshot.ConfigLine) Place {
	return Place{File: l.File, Line: l.Line, Text: strings.TrimSpace(l.Text)}
}
