package logline

import (
	"bytes"
	"math"

	"github.com/pktrail/pktrail/internal/event"
)

var tracePrefix = []byte("TRACE: ")

// ParseTrace reads the prefix that legacy TRACE gives its lines,
// `TRACE: table:chain:type:number `. Chain names may hold colons; they are cut
// from the right. ok is false for any other prefix. intern turns bytes into strings.
func ParseTrace(prefix []byte, intern func([]byte) string) (line event.TraceLine, ok bool) {
	rest, found := bytes.CutPrefix(prefix, tracePrefix)
	if !found {
		return line, false
	}
	rest = bytes.TrimRight(rest, " ")
	rest, number, found := cutLast(rest)
	if !found {
		return line, false
	}
	if line.Number, ok = positive(number); !ok {
		return line, false
	}
	rest, typ, found := cutLast(rest)
	if !found {
		return line, false
	}
	switch string(typ) {
	case "rule":
		line.Type = event.LineRule
	case "return":
		line.Type = event.LineReturn
	case "policy":
		line.Type = event.LinePolicy
	default:
		return line, false
	}
	table, chain, found := bytes.Cut(rest, []byte{':'})
	if !found || len(table) == 0 || len(chain) == 0 {
		return line, false
	}
	line.Table, line.Chain = intern(table), intern(chain)
	return line, true
}

func cutLast(b []byte) (before, after []byte, found bool) {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}

// positive reads a number from 1 to what 32 bits hold; a chain has fewer rules.
func positive(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' || n > math.MaxInt32/10-1 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n > 0
}
