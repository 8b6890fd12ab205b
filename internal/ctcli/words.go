package ctcli

import (
	"fmt"
	"io"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
)

// wordList is words with values, of which the beginning is enough.
type wordList []struct {
	word  string
	value uint32
}

var statusWords = wordList{
	{"ASSURED", uint32(conntrack.Assured)}, {"SEEN_REPLY", uint32(conntrack.SeenReply)}, {"UNSET", 0},
	{"FIXED_TIMEOUT", uint32(conntrack.FixedTimeout)}, {"EXPECTED", uint32(conntrack.Expected)},
	{"OFFLOAD", uint32(conntrack.Offload)}, {"HW_OFFLOAD", uint32(conntrack.HWOffload)},
}

// eventMask says which events are wanted.
type eventMask uint32

const (
	eventNew eventMask = 1 << iota
	eventUpdate
	eventDestroy
)

var eventWords = wordList{
	{"ALL", uint32(eventNew | eventUpdate | eventDestroy)}, {"NEW", uint32(eventNew)},
	{"UPDATES", uint32(eventUpdate)}, {"DESTROY", uint32(eventDestroy)},
}

// output is the forms that were asked for.
type output uint32

const (
	outXML output = 1 << iota
	outExtended
	outTimestamp
	outID
	outKernelTime
	outLabels
	outSave
)

var outputWords = wordList{
	{"xml", uint32(outXML)}, {"extended", uint32(outExtended)}, {"timestamp", uint32(outTimestamp)}, {"id", uint32(outID)},
	{"ktimestamp", uint32(outKernelTime)}, {"labels", uint32(outLabels)}, {"userspace", 0}, {"save", uint32(outSave)},
}

// value is a word's; words of NAT that were options of the status once are
// passed over with a warning.
func (l wordList) value(word string, warn io.Writer) (uint32, bool) {
	if word == "" {
		return 0, false
	}
	for _, nat := range [...][2]string{{"SRC_NAT", "--src-nat"}, {"DST_NAT", "--dst-nat"}} {
		if begins(nat[0], word) {
			_, _ = fmt.Fprintf(warn, "WARNING: ignoring %s, use %s instead\n", nat[0], nat[1])
			return 0, true
		}
	}
	for _, w := range l {
		if begins(w.word, word) {
			return w.value, true
		}
	}
	return 0, false
}

func begins(word, start string) bool {
	return len(start) <= len(word) && strings.EqualFold(word[:len(start)], start)
}

// parse takes words with commas. What is wrong is told from the bad word on.
func (l wordList) parse(arg string, warn io.Writer) (all uint32, err error) {
	for rest, more := arg, true; more; {
		at := rest
		var word string
		word, rest, more = strings.Cut(rest, ",")
		v, ok := l.value(word, warn)
		if !ok {
			return 0, misuse("Bad parameter `%s'", at)
		}
		all |= v
	}
	return all, nil
}

// parseStatus takes words with commas, of which some may be negated: value is
// what must be set, and mask what must not be.
func parseStatus(arg string, warn io.Writer) (s maskedBits, err error) {
	for rest, more := arg, true; more; {
		at := rest
		var word string
		word, rest, more = strings.Cut(rest, ",")
		word, negated := strings.CutPrefix(word, "!")
		if negated {
			at = at[1:]
		}
		if !negated && strings.HasPrefix(word, "UNREPLIED") {
			s.mask |= uint32(conntrack.SeenReply)
			continue
		}
		v, ok := statusWords.value(word, warn)
		switch {
		case !ok:
			return s, misuse("Bad parameter `%s'", at)
		case negated:
			s.mask |= v
		default:
			s.value |= v
		}
	}
	return s, nil
}
