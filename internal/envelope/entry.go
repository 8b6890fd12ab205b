package envelope

import (
	"bytes"
	"fmt"
)

// Entry is one entry of systemd's journal: what a Head tells, and the fields that
// say whose text it is (systemd.journal-fields(7)). Its slices hold until the
// next entry is read.
//
// Unix is _SOURCE_REALTIME_TIMESTAMP, and where there is none, when the journal
// got it. Uptime is _SOURCE_MONOTONIC_TIMESTAMP, which of a kernel's message is
// its own stamp. Len is 0: Message has no head.
type Entry struct {
	Head
	Message    []byte // nil where the journal gave none, or it was too long for journalctl without --all
	Kernel     bool   // it came from the kernel (_TRANSPORT)
	Identifier []byte // SYSLOG_IDENTIFIER

	sourceTime bool
}

// Error is an entry that cannot be read.
type Error struct {
	Offset int64 // of the byte where it is wrong, from the beginning of what was read
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }

// set takes one field; those that nobody asks for are left out.
func (e *Entry) set(name, value []byte) {
	switch string(name) {
	case "MESSAGE":
		e.Message = value
	case "_TRANSPORT":
		e.Kernel = string(value) == "kernel"
	case "SYSLOG_IDENTIFIER":
		e.Identifier = value
	case "_HOSTNAME":
		e.Host = value
		e.Has |= HasHost
	case "PRIORITY":
		e.setPriority(value, 7, e.Priority&^7)
	case "SYSLOG_FACILITY":
		e.setPriority(value, 23, e.Priority&7)
	default:
		e.setTime(name, value)
	}
}

// wanted tells whether set does something with a field.
func wanted(name []byte) bool {
	switch string(name) {
	case "MESSAGE", "_TRANSPORT", "SYSLOG_IDENTIFIER", "_HOSTNAME", "PRIORITY", "SYSLOG_FACILITY",
		"__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", "_SOURCE_MONOTONIC_TIMESTAMP":
		return true
	}
	return false
}

// setPriority joins severity and facility, whichever comes first.
func (e *Entry) setPriority(value []byte, most int64, other uint8) {
	v, n := number(value, 0)
	if n == 0 || n != len(value) || v > most {
		return
	}
	if most == 7 {
		e.Has |= HasPriority
	} else {
		v <<= 3
	}
	e.Priority = other | uint8(v)
}

func (e *Entry) setTime(name, value []byte) {
	source := string(name) == "_SOURCE_REALTIME_TIMESTAMP"
	switch {
	case source || string(name) == "__REALTIME_TIMESTAMP" && !e.sourceTime:
		if ns := microseconds(value); ns >= 0 {
			e.Unix = ns
			e.Has |= HasWall | HasYear | HasZone
			e.sourceTime = source
		}
	case string(name) == "_SOURCE_MONOTONIC_TIMESTAMP":
		if ns := microseconds(value); ns >= 0 {
			e.Uptime = ns
			e.Has |= HasUptime
		}
	}
}

// microseconds reads them as nanoseconds; -1 where they are none.
func microseconds(b []byte) int64 {
	v, n := number(b, 0)
	if n == 0 || n != len(b) || v > maxSeconds*1_000_000 {
		return -1
	}
	return v * 1000
}

// Form is what a file of logs is.
type Form uint8

// The forms.
const (
	FormLines          Form = iota // one line each: see Reader
	FormJournalJSON                // journalctl -o json, json-pretty, json-sse or json-seq: see Entries
	FormJournalExport              // journalctl -o export: see Entries
	FormJournalVerbose             // journalctl -o verbose, which is for people: nothing here reads it
	FormJournalFile                // the journal's own file, which journalctl --file reads
	FormDmesgJSON                  // dmesg --json, one object for all of the log: nothing here reads it, dmesg prints lines too
)

// Sniff says what a file is whose beginning is head.
func Sniff(head []byte) Form {
	switch name := firstName(afterSeparators(head)); {
	case bytes.HasPrefix(head, []byte("LPKSHHRH")):
		return FormJournalFile
	case string(name) == "dmesg":
		return FormDmesgJSON
	case fieldName(name):
		return FormJournalJSON
	case exportBegins(head):
		return FormJournalExport
	case verboseBegins(head):
		return FormJournalVerbose
	}
	return FormLines
}

// firstName is the first name in the object that begins here; empty where none does.
func firstName(b []byte) []byte {
	b, found := bytes.CutPrefix(b, []byte("{"))
	if !found {
		return nil
	}
	b, found = bytes.CutPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte(`"`))
	name, _, ends := bytes.Cut(b, []byte(`"`))
	if !found || !ends {
		return nil
	}
	return name
}

// afterSeparators leaves out what json-seq and json-sse put before an object
// (RFC 7464; `data: `).
func afterSeparators(b []byte) []byte {
	b = bytes.TrimLeft(b, "\x1e \t\r\n")
	b = bytes.TrimPrefix(b, []byte("data:"))
	return bytes.TrimLeft(b, " \t")
}

// exportBegins: an entry begins with the fields that address it.
func exportBegins(b []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimLeft(b, "\n"), []byte("\n"))
	name, _, found := bytes.Cut(line, []byte("="))
	return found && bytes.HasPrefix(name, []byte("__")) && fieldName(name)
}

// verboseBegins: a stamp and a cursor, and fields set in by four blanks.
func verboseBegins(b []byte) bool {
	if bytes.HasPrefix(b, []byte("-- ")) {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	return bytes.Contains(line, []byte(" [s=")) && bytes.HasPrefix(rest, []byte("    "))
}

// fieldName tells whether b may be the name of a field (systemd's
// journal_field_valid).
func fieldName(b []byte) bool {
	if len(b) == 0 || len(b) > 64 || digit(b[0]) {
		return false
	}
	for _, c := range b {
		if !upper(c) && !digit(c) && c != '_' {
			return false
		}
	}
	return true
}
