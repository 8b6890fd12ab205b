package sysctl

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Takes is which values a setting takes. The zero value takes any text.
type Takes struct {
	Numbers *Numbers `json:"numbers,omitzero"`
	Choices []Choice `json:"choices,omitzero"`
	Ports   Ports    `json:"ports,omitzero"`
}

// Numbers is all whole numbers from one to another.
type Numbers struct {
	Min int64 `json:"min"`
	Max int64 `json:"max"`
}

// Choice is one of a few values.
type Choice struct {
	Value int64  `json:"value"`
	Means string `json:"means"`
}

// Ports is a form of values that name ports.
type Ports string

// The forms of values that name ports.
const (
	PortRange Ports = "range" // two of them: the first and the last
	PortList  Ports = "list"  // any number of them and of ranges, with commas
)

// maxInt is the largest number of the kernel's int.
const maxInt = math.MaxInt32

// maxSeconds is the longest time that a kernel takes that counts 100 times a
// second: it keeps seconds as ticks in an int (kernel/sysctl.c:
// do_proc_dointvec_jiffies_conv). At 1000 times a second it takes a tenth of that.
const maxSeconds = maxInt / 100

func number(minimum, maximum int64) Takes { return Takes{Numbers: &Numbers{minimum, maximum}} }

func seconds() Takes { return number(0, maxSeconds) }

func onOff() Takes { return oneOf("off", "on") }

// oneOf takes the numbers from 0 on that have words.
func oneOf(means ...string) Takes {
	var t Takes
	for i, m := range means {
		t.Choices = append(t.Choices, Choice{int64(i), m})
	}
	return t
}

// Words tells which values are taken; empty where any are.
func (t Takes) Words() string {
	switch {
	case t.Ports == PortRange:
		return "the first and the last port: 1024 65535"
	case t.Ports == PortList:
		return "ports and ranges of them: 8080,9000-9100"
	case t.Choices != nil:
		words := make([]string, len(t.Choices))
		for i, c := range t.Choices {
			words[i] = strconv.FormatInt(c.Value, 10) + " " + c.Means
		}
		return strings.Join(words, ", ")
	case t.Numbers != nil:
		return fmt.Sprintf("%d to %d", t.Numbers.Min, t.Numbers.Max)
	}
	return ""
}

// Check says what is wrong with a value; "" is nothing.
func (t Takes) Check(value string) string {
	switch {
	case t.Ports == PortRange:
		return checkRange(strings.Fields(value))
	case t.Ports == PortList:
		return checkPorts(value)
	case t.Choices == nil && t.Numbers == nil:
		return ""
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return strconv.Quote(value) + " is no whole number"
	}
	if t.Choices != nil {
		return t.checkChoice(n)
	}
	if r := t.Numbers; n < r.Min || n > r.Max {
		return fmt.Sprintf("%d is not between %d and %d", n, r.Min, r.Max)
	}
	return ""
}

func (t Takes) checkChoice(n int64) string {
	for _, c := range t.Choices {
		if c.Value == n {
			return ""
		}
	}
	return fmt.Sprintf("%d is none of: %s", n, t.Words())
}

func checkRange(words []string) string {
	if len(words) != 2 {
		return "a range is two ports, such as 1024 65535"
	}
	first, wrong := port(words[0])
	if wrong != "" {
		return wrong
	}
	last, wrong := port(words[1])
	if wrong == "" && (first == 0 || first > last) {
		return fmt.Sprintf("%d to %d is no range of ports", first, last)
	}
	return wrong
}

func checkPorts(value string) string {
	if value == "" {
		return ""
	}
	for part := range strings.SplitSeq(value, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, wrong := port(from)
		if wrong != "" {
			return wrong
		}
		if !isRange {
			continue
		}
		last, wrong := port(to)
		if wrong != "" {
			return wrong
		}
		if first > last {
			return part + " is no range of ports"
		}
	}
	return ""
}

func port(text string) (n uint64, wrong string) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, strconv.Quote(text) + " is no port"
	}
	return n, ""
}

// Made is what the kernel makes of a text that is written: of numbers it takes the
// first and leaves aside what stands behind a blank, such as a remark (kernel/sysctl.c:
// proc_get_long). False is that it refuses the text.
func (t Takes) Made(text string) (string, bool) {
	words := strings.Fields(text)
	var takes int
	switch {
	case t.Ports == PortRange:
		takes = 2
	case t.Numbers != nil || t.Choices != nil:
		takes = 1
	default:
		return strings.Join(words, " "), true
	}
	if len(words) < takes {
		return "", false
	}
	for _, w := range words[:takes] {
		if _, err := strconv.ParseInt(w, 0, 64); err != nil {
			return "", false
		}
	}
	return strings.Join(words[:takes], " "), true
}

func (t Takes) taken(text string) bool {
	_, ok := t.Made(text)
	return ok
}

// Same reports whether two texts are one value for the kernel: it takes numbers
// in several bases, blanks of any kind, and for a switch anything but 0 as on.
func (t Takes) Same(a, b string) bool {
	a, taken := t.Made(a)
	b, taken2 := t.Made(b)
	if a == b {
		return taken == taken2
	}
	x, err := strconv.ParseInt(a, 0, 64)
	if err != nil {
		return false
	}
	y, err := strconv.ParseInt(b, 0, 64)
	if err != nil {
		return false
	}
	return x == y || len(t.Choices) == 2 && x != 0 && y != 0
}
