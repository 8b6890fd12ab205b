package ctcli

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/conntrack"
)

// LabelsFile is where the names of labels are kept: a number and a name a line.
const LabelsFile = "/etc/xtables/connlabel.conf"

// Labels are the names of connection labels.
type Labels struct {
	names [128]string
	bits  map[string]int
}

// maxLabel is the highest number that the file may have; the kernel keeps 128.
const maxLabel = 1023

// ReadLabels reads names of labels. Lines that are none are passed over, and so
// are names of other than letters, digits, blanks and dashes; the first of two
// that have the same number or name holds.
func ReadLabels(r io.Reader) (*Labels, error) {
	l := &Labels{bits: map[string]int{}}
	seen := map[int]bool{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		bit, name, ok := labelLine(lines.Text())
		if _, known := l.bits[name]; !ok || known || seen[bit] {
			continue
		}
		l.bits[name], seen[bit] = bit, true
		if bit < len(l.names) {
			l.names[bit] = name
		}
	}
	return l, lines.Err()
}

const labelBlanks = " \f\r\t\v"

func labelLine(line string) (bit int, name string, ok bool) {
	if strings.HasPrefix(line, "#") {
		return 0, "", false
	}
	n, rest, ok := strtoul(line, 0)
	name = strings.Trim(rest, labelBlanks)
	return int(n), name, ok && n <= maxLabel && name != "" && saneLabel(name)
}

func saneLabel(name string) bool {
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == ' ', c == '-':
		default:
			return false
		}
	}
	return true
}

// appendList writes the names of the labels that are set, those that have one.
// Without any, conntrack's way to take the last comma off takes the equals sign.
func (l *Labels) appendList(b []byte, set *conntrack.Labels) []byte {
	b = append(b, "labels="...)
	for i, name := range l.names {
		if name != "" && set.Bit(i) {
			b = append(append(b, name...), ',')
		}
	}
	b[len(b)-1] = ' '
	return b
}

func (l *Labels) appendXML(b []byte, set *conntrack.Labels) []byte {
	b = append(b, "<labels>"...)
	for i, name := range l.names {
		if name != "" && set.Bit(i) {
			b = appendTag(b, "label", name)
		}
	}
	return append(b, "</labels>"...)
}

// labelSet is labels that options name, and the highest number of them.
type labelSet struct {
	bits conntrack.Labels
	max  int
}

// add adds labels, named with commas. The name that is not known is returned.
func (s *labelSet) add(l *Labels, list string) (unknown string, ok bool) {
	for name := range strings.SplitSeq(list, ",") {
		bit, known := 0, false
		if l != nil {
			bit, known = l.bits[name]
		}
		if !known {
			return name, false
		}
		if bit < 128 {
			s.bits.SetBit(bit)
		}
		s.max = max(s.max, bit)
	}
	return "", true
}

// within reports whether a flow has all labels of the set.
func (s *labelSet) within(f *conntrack.Flow) bool {
	if f.Has&conntrack.HasLabels == 0 || s.max > 127 {
		return false
	}
	for i, b := range s.bits {
		if b&^f.Labels[i] != 0 {
			return false
		}
	}
	return true
}

// strtoul reads a number as strtoul(3) does: blanks, a sign, 0x and 0 in front
// with base 0, as far as it goes. ok is false where there is no number.
func strtoul(s string, base int) (n uint64, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	unsigned := strings.TrimPrefix(s, "+")
	negative := strings.HasPrefix(s, "-")
	if negative {
		unsigned = s[1:]
	}
	digits, base := numberBase(unsigned, base)
	end := 0
	for end < len(digits) && digitValue(digits[end]) < base {
		end++
	}
	if end == 0 {
		return 0, s, false
	}
	n, err := strconv.ParseUint(digits[:end], base, 64)
	if err != nil {
		n = 1<<64 - 1
	} else if negative {
		n = -n
	}
	return n, digits[end:], true
}

// numberBase takes the mark of a base off, where a digit follows it.
func numberBase(s string, base int) (digits string, _ int) {
	switch {
	case base != 0:
		return s, base
	case len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digitValue(s[2]) < 16:
		return s[2:], 16
	case strings.HasPrefix(s, "0"):
		return s, 8
	}
	return s, 10
}

func digitValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	return 36
}

// number is strtoul without a care for what follows.
func number(s string, base int) uint64 {
	n, _, _ := strtoul(s, base)
	return n
}
