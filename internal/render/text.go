package render

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pktrail/pktrail/journey"
)

// Text prints a stream of journeys for people.
type Text struct {
	w     io.Writer
	opt   Options
	marks marks
	buf   []byte
	last  block
	day   string          // the date that the clock times belong to, as it was printed
	told  map[reason]bool // why tables have no text, said already
	log   logState
	flows flowState
}

// marks are the signs that stand outside of words.
type marks struct{ arrow, back, change, decided, led, ellipsis, dot, least string }

// block is what was printed last: blocks stand apart, notes together, and so do
// lines of a log and flows.
type block uint8

const (
	nothing block = iota
	note
	logRows
	flowRows
	other
)

// NewText makes a printer of text.
func NewText(w io.Writer, opt Options) *Text {
	t := &Text{w: w, opt: opt, told: map[reason]bool{}}
	t.marks = marks{arrow: "→", back: "←", change: "↳", decided: "◀", led: "◁", ellipsis: "…", dot: "·", least: "≥"}
	if opt.ASCII {
		t.marks = marks{arrow: "->", back: "<-", change: "~", decided: "<==", led: "<--", ellipsis: "...", dot: "|", least: ">="}
	}
	return t
}

// Journey prints one packet: a header line, its steps by hook, why, and what to try.
func (t *Text) Journey(j *journey.Journey) error {
	t.apart(other)
	t.dateOf(j)
	t.flow(4, t.header(j)...)
	t.steps(j)
	t.labelled("why:", line{{text: j.Outcome.Why}})
	for i, cmd := range j.Outcome.Try {
		label := "    "
		if i == 0 {
			label = "try:"
		}
		t.put(line{{"  " + label + " ", dim}, {text: t.clean(cmd)}}, 0)
	}
	for _, l := range j.Links {
		t.labelled(linkWord(j, l.Kind)+":", link(l))
	}
	return t.flush()
}

// Lost prints a loss where it happened.
func (t *Text) Lost(l *journey.Lost) error {
	missing := "journeys around here may miss steps"
	switch t.last {
	case logRows:
		missing = "lines are missing here"
	case flowRows:
		missing = "events are missing here"
	}
	t.apart(other)
	t.date(l.Time)
	words := "lost " + lostWords(l.Lost) + " of " + l.What
	if l.Netns != nil && t.opt.Netns && l.Netns.Name != "" {
		words += " in " + l.Netns.Name
	}
	t.flow(4, line{{t.clock(l.Time), dim}}, line{{words + ": " + missing, yellow}})
	return t.flush()
}

// Note prints a sentence about the stream as a whole.
func (t *Text) Note(words string) error {
	t.apart(note)
	t.flow(6, line{{"note:", yellow}, {text: " " + words}})
	return t.flush()
}

// apart puts an empty line between blocks.
func (t *Text) apart(b block) {
	if t.last == other || t.last != nothing && t.last != b {
		t.buf = append(t.buf, '\n')
	}
	t.last = b
}

// dateOf prints the day of a journey, where its clock tells one.
func (t *Text) dateOf(j *journey.Journey) {
	if j.Clock != journey.ClockUptime {
		t.date(j.Start)
	}
}

// date prints the day and the zone of the times below, where they change.
func (t *Text) date(at journey.Time) {
	if at.IsZero() {
		return
	}
	form := "2006-01-02 -07:00"
	if t.opt.UTC {
		form = "2006-01-02 UTC"
	}
	if day := t.zoned(at).Format(form); day != t.day {
		t.day = day
		t.put(line{{day, dim}}, 0)
	}
}

func (t *Text) flush() error {
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

func (t *Text) clock(at journey.Time) string {
	if at.IsZero() {
		return "--:--:--.------"
	}
	return t.zoned(at).Format("15:04:05.000000")
}

// zoned is a time in the zone in which times are shown.
func (t *Text) zoned(at journey.Time) time.Time {
	switch {
	case t.opt.UTC:
		return at.UTC()
	case t.opt.Zone != nil:
		return at.In(t.opt.Zone)
	}
	return at.Local()
}

// startOf is when a journey began; by a clock that counts from the host's start,
// the seconds since.
func (t *Text) startOf(j *journey.Journey) string {
	if j.Clock == journey.ClockUptime && !j.Start.IsZero() {
		return strconv.FormatFloat(float64(j.Start.UnixMicro())/1e6, 'f', 6, 64)
	}
	return t.clock(j.Start)
}

func (t *Text) clean(s string) string { return clean(s, t.opt.ASCII) }

// put writes one line whose words are clean, cut to limit columns unless that is 0.
func (t *Text) put(l line, limit int) {
	if limit > 0 {
		l = l.cut(limit, t.marks.ellipsis)
	}
	for i, s := range l {
		text := s.text
		if i == len(l)-1 {
			text = strings.TrimRight(text, " ")
		}
		t.paint(text, s.style)
	}
	t.buf = append(t.buf, '\n')
}

func (t *Text) paint(text string, st style) {
	if text == "" {
		return
	}
	code := st.sgr()
	if !t.opt.Color || code == "" {
		t.buf = append(t.buf, text...)
		return
	}
	t.buf = append(t.buf, "\x1b["+code+"m"...)
	t.buf = append(t.buf, text...)
	t.buf = append(t.buf, "\x1b[0m"...)
}

// labelled writes "  label words", wrapped to the width below the first word.
func (t *Text) labelled(label string, words line) {
	head := "  " + label + " "
	t.flow(columns(head), append(line{{head, dim}}, words...))
}

func link(l journey.Link) line {
	words := line{{shortID(l.ID), plain}}
	if l.Identity == journey.Inferred {
		words = append(words, span{" (inferred)", yellow})
	}
	return words
}

// linkWord names a link as seen from this journey.
func linkWord(j *journey.Journey, k journey.LinkKind) string {
	switch {
	case k == journey.LinkAnswer && j.ArmedFrom == "answer":
		return "answers"
	case k == journey.LinkReply && j.ArmedFrom == "reply":
		return "reply to"
	}
	return string(k)
}

// shortID is the last eight digits, which are a hash: the first ones are a
// time, the same for neighbours.
func shortID(id journey.ID) string {
	s := id.String()
	return s[len(s)-8:]
}

func lostWords(l journey.LostCount) string {
	n := count(l.Count, "message")
	switch {
	case l.More && l.Count == 0:
		return "an unknown number of messages"
	case l.More:
		return "at least " + n
	}
	return n
}

// count is a number of things in words: 1 packet, 2 packets.
func count(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.FormatInt(n, 10) + " " + thing
}
