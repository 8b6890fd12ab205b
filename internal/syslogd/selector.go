package syslogd

import (
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
)

// kernLevels reads a selector such as `*.info;mail,kern.none` and returns the
// levels of the facility kern that it lets through, bit n for level n
// (rsyslog.conf(5), sysklogd's syslog.conf(5)). It reports false for what is no selector.
func kernLevels(selector string) (levels uint8, ok bool) {
	for part := range strings.SplitSeq(selector, ";") {
		if part == "" {
			continue
		}
		dot := strings.LastIndexByte(part, '.')
		if dot <= 0 || !facilities(part[:dot]) {
			return 0, false
		}
		bits, negated, ok := priorityBits(part[dot+1:])
		switch {
		case !ok:
			return 0, false
		case !ofKern(part[:dot]):
		case negated:
			levels &^= bits
		default:
			levels |= bits
		}
	}
	return levels, true
}

// facilities reports whether every name may be one of a facility.
func facilities(list string) bool {
	for name := range strings.SplitSeq(list, ",") {
		if name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789*") != "" {
			return false
		}
	}
	return true
}

func ofKern(list string) bool {
	for name := range strings.SplitSeq(list, ",") {
		if name == "*" || name == "0" || strings.EqualFold(name, "kern") {
			return true
		}
	}
	return false
}

// priorityBits reads `info`, `=info`, `!info`, `!=info`, `*` or `none`.
func priorityBits(text string) (bits uint8, negated, ok bool) {
	text, negated = strings.CutPrefix(text, "!")
	name, exactly := strings.CutPrefix(text, "=")
	switch {
	case name == "*" && exactly: // rsyslog takes it for no level at all
		return 0, negated, true
	case name == "*":
		return 0xff, negated, true
	case name == "none":
		return 0xff, true, true
	}
	n, ok := snapshot.Level(name)
	if exactly {
		return 1 << n, negated, ok
	}
	return 1<<(n+1) - 1, negated, ok // with n 7: all eight
}
