package render

import (
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/journey"
)

// FlowStats prints what connection tracking counted, each counter in words: its
// sum over the CPUs, how fast it grows, what it is, and for those that tell of
// trouble when it matters and what to do.
func (t *Text) FlowStats(s *journey.FlowStats) error {
	if t.last != nothing {
		t.apart(other)
	}
	t.last = other
	if s.Netns != nil && t.opt.Netns {
		t.put(line{{t.clean(s.Netns.Name), bold}}, 0)
	}
	if words := tableWords(&s.Table, false); words != "" {
		t.flow(4, line{{words, plain}})
	}
	name, value, rate := 0, 0, 0
	for i := range s.Counters {
		c := &s.Counters[i]
		name, value, rate = max(name, len(c.Name)), max(value, len(strconv.FormatInt(c.Value, 10))), max(rate, len(rateWords(c)))
	}
	for i := range s.Counters {
		t.counter(&s.Counters[i], name, value, rate)
	}
	return t.flush()
}

func (t *Text) counter(c *journey.FlowCounter, name, value, rate int) {
	head := line{
		{pad(c.Name, name) + gap, plain}, {padLeft(strconv.FormatInt(c.Value, 10), value) + gap, counterStyle(c)},
	}
	if rate > 0 && rateWords(c) != "" {
		head = append(head, span{padLeft(rateWords(c), rate) + gap, counterStyle(c)})
	}
	if t.opt.Wide {
		for _, cpu := range c.CPUs {
			head = append(head, span{"cpu" + strconv.Itoa(cpu.CPU) + " " + strconv.FormatInt(cpu.Value, 10) + gap, dim})
		}
	}
	at := head.width()
	if c.Meaning == "" {
		t.put(head, 0)
		return
	}
	for _, s := range head {
		t.paint(s.text, s.style)
	}
	t.wrapped(at, c.Meaning, plain)
	if c.Value == 0 || c.Weight == journey.CounterPlain {
		return
	}
	if c.Matters != "" {
		t.below(at, "matters "+c.Matters, yellow)
	}
	if c.Try != "" {
		t.below(at, "try: "+c.Try, plain)
	}
}

// below writes words on lines of their own.
func (t *Text) below(at int, words string, st style) {
	t.buf = append(t.buf, strings.Repeat(" ", at)...)
	t.wrapped(at, words, st)
}

// wrapped writes words from a column on, and further lines below their first.
func (t *Text) wrapped(at int, words string, st style) {
	room := t.opt.Width - at
	if t.opt.Width == 0 || room < leastText {
		room = 1 << 20
	}
	row := ""
	for _, w := range t.words([]line{{{words, st}}}) {
		if row != "" && columns(row)+1+columns(w.text) > room {
			t.paint(row, st)
			t.buf = append(t.buf, '\n')
			t.buf = append(t.buf, strings.Repeat(" ", at)...)
			row = ""
		}
		if row != "" {
			row += " "
		}
		row += w.text
	}
	t.paint(row, st)
	t.buf = append(t.buf, '\n')
}

func counterStyle(c *journey.FlowCounter) style {
	grows := c.PerSecond != nil && *c.PerSecond > 0
	switch {
	case c.Weight == journey.CounterTrouble && grows:
		return red
	case c.Weight != journey.CounterPlain && (c.Value > 0 && c.Weight == journey.CounterTrouble || grows):
		return yellow
	}
	return plain
}

func rateWords(c *journey.FlowCounter) string {
	if c.PerSecond == nil {
		return ""
	}
	decimals := 0
	if *c.PerSecond > 0 && *c.PerSecond < 100 {
		decimals = 1
	}
	return strconv.FormatFloat(*c.PerSecond, 'f', decimals, 64) + "/s"
}

func padLeft(s string, n int) string {
	for len(s) < n {
		s = " " + s
	}
	return s
}
