package syslogd

import (
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// Journald is what journald.conf says of the kernel's messages
// (journald.conf(5)). Its rate limits and ForwardToSyslog= are not among it:
// both are for what services send (src/journal/journald-kmsg.c: dev_kmsg_record).
type Journald struct {
	Storage  Setting[string] // auto, persistent, volatile or none
	ReadKMsg Setting[bool]   // whether it reads the kernel's log
	MaxLevel Setting[uint8]  // the highest severity number that is kept
}

// Setting is a value and where it is set; the zero Place is the default.
type Setting[T any] struct {
	Is T
	At Place
}

// ParseJournald reads the lines of journald.conf and its drop-ins, in their order.
func ParseJournald(lines []snapshot.ConfigLine) Journald {
	j := defaultJournald()
	section := ""
	for _, l := range lines {
		text := strings.TrimSpace(l.Text)
		key, value, ok := strings.Cut(text, "=")
		switch {
		case strings.HasPrefix(text, "["):
			section = text
		case strings.HasPrefix(text, "#"), strings.HasPrefix(text, ";"), !ok, section != "[Journal]":
		default:
			j.set(strings.TrimSpace(key), strings.TrimSpace(value), placeOf(l))
		}
	}
	return j
}

func defaultJournald() Journald {
	return Journald{Storage: Setting[string]{Is: "auto"}, ReadKMsg: Setting[bool]{Is: true}, MaxLevel: Setting[uint8]{Is: 7}}
}

// set takes one assignment. One that systemd would refuse leaves what was; an
// empty one goes back to the default.
func (j *Journald) set(key, value string, at Place) {
	base := defaultJournald()
	switch key {
	case "Storage":
		j.Storage = assign(j.Storage, base.Storage, value, at, storage)
	case "ReadKMsg":
		j.ReadKMsg = assign(j.ReadKMsg, base.ReadKMsg, value, at, boolean)
	case "MaxLevelStore":
		j.MaxLevel = assign(j.MaxLevel, base.MaxLevel, value, at, snapshot.Level)
	}
}

func assign[T any](was, base Setting[T], value string, at Place, parse func(string) (T, bool)) Setting[T] {
	if value == "" {
		return base
	}
	if v, ok := parse(value); ok {
		return Setting[T]{Is: v, At: at}
	}
	return was
}

func storage(value string) (string, bool) {
	switch value {
	case "auto", "persistent", "volatile", "none":
		return value, true
	}
	return "", false
}

// boolean reads systemd's words (src/basic/parse-util.c: parse_boolean).
func boolean(value string) (is, ok bool) {
	switch strings.ToLower(value) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}
