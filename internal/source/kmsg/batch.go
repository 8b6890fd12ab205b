package kmsg

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pktrail/pktrail/internal/envelope"
	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/logline"
)

// batch is events that are handed over together, with what they point to.
type batch struct {
	host   string
	netns  uint16
	parser logline.Parser

	events []event.Event
	lines  []event.LogLine // of fixed capacity: events point into it
	text   []byte
}

const batchLines = 256

func (b *batch) full() bool {
	return len(b.lines)+linesOfRecord > batchLines || len(b.events) >= 2*batchLines
}

// linesOfRecord bounds what one record is split into.
const linesOfRecord = 16

func (b *batch) emit(emit func([]event.Event)) {
	if len(b.events) > 0 {
		emit(b.events)
	}
	b.events, b.lines, b.text = b.events[:0], b.lines[:0], b.text[:0]
}

func (b *batch) event(e event.Event) {
	e.Netns = b.netns
	b.events = append(b.events, e)
}

// stamp is when a record was printed.
type stamp struct {
	at     time.Time
	clock  event.Clock
	uptime time.Duration
}

// record takes the packet lines out of a record's text. A text has one line;
// what was written into the log from outside may have more.
func (b *batch) record(text []byte, t stamp) {
	if logline.Find(text) < 0 {
		return
	}
	from, before := len(b.text), len(b.events)
	defer func() {
		if len(b.events) == before {
			b.text = b.text[:from]
		}
	}()
	b.text = envelope.AppendText(b.text, text)
	plain := b.text[from:len(b.text):len(b.text)]
	for range linesOfRecord {
		line, more, found := bytes.Cut(plain, []byte("\n"))
		if rest := b.line(line, t); len(rest) > 0 && len(rest) < len(line) {
			plain = plain[len(line)-len(rest):]
			continue
		}
		if plain = more; !found {
			return
		}
	}
}

// line reads one line; rest is another one that was merged into it.
func (b *batch) line(line []byte, t stamp) (rest []byte) {
	if b.lines == nil {
		b.lines = make([]event.LogLine, 0, batchLines)
	}
	b.lines = append(b.lines, event.LogLine{})
	l := &b.lines[len(b.lines)-1]
	rest, err := b.parser.Parse(line, l)
	var bad *logline.Error
	switch {
	case err == nil:
		l.Host, l.Clock, l.Uptime, l.HasUptime = b.host, t.clock, t.uptime, true
		b.event(event.Event{Kind: event.KindLine, Time: t.at, Line: l})
		return rest
	case errors.As(err, &bad):
		b.event(event.Event{Kind: event.KindBadLine, Time: t.at, BadLine: &event.BadLine{
			File: Path, Reason: bad.Error(), Text: line,
		}})
	}
	b.lines = b.lines[:len(b.lines)-1]
	return nil
}

// take reads a record.
func (s *Source) take(raw []byte) {
	k, ok := envelope.ParseKmsg(raw)
	if !ok {
		s.batch.event(event.Event{Kind: event.KindBadLine, Time: time.Now(), BadLine: &event.BadLine{
			File: Path, Reason: "no record as the kernel writes them", Text: bytes.Clone(raw[:min(len(raw), 256)]),
		}})
		return
	}
	if s.counting && k.Sequence < s.next {
		return
	}
	now := time.Now()
	if s.counting && k.Sequence > s.next {
		s.batch.event(event.Event{Kind: event.KindLost, Time: now, Lost: &event.Lost{
			What: "records of the kernel log", Count: int64(k.Sequence - s.next),
		}})
	}
	s.next, s.counting = k.Sequence+1, true
	text, _, _ := bytes.Cut(raw[k.Text:], []byte("\n")) // behind it stand the device's properties
	s.batch.record(text, s.stamp(now, time.Duration(k.Uptime)))
	s.fresh = false
}

// near is how far a record's time may be off that was waited for, before the
// clock is set anew: the host was suspended, or its time was set.
const near = 10 * time.Millisecond

// stamp is when a record was printed that is read now. That cannot be later than
// now, nor much earlier where the record was waited for.
func (s *Source) stamp(now time.Time, uptime time.Duration) stamp {
	if s.start.IsZero() {
		s.start = now.Round(0).Add(-sinceStart(unix.CLOCK_MONOTONIC))
	}
	t := stamp{s.start.Add(uptime), event.ClockAssumed, uptime}
	if !s.live {
		return t
	}
	if t.at.After(now) || s.fresh && now.Sub(t.at) > near {
		s.start = now.Round(0).Add(-uptime)
	}
	return stamp{s.start.Add(uptime), event.ClockWall, uptime}
}

func sinceStart(clock int32) time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(clock, &t) // both clocks are everywhere
	return time.Duration(t.Nano())
}

// begun says of which host the log is, and how far its clock may be off.
func (s *Source) begun(emit func([]event.Event)) {
	now := time.Now()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // without it the host is still named
	events := []event.Event{{Kind: event.KindNamespace, Time: now, Netns: s.opt.Netns, Namespace: &event.Namespace{
		Host: s.batch.host, BootID: string(bytes.TrimSpace(boot)), Log: true, Links: map[uint32]string{},
	}}}
	asleep := sinceStart(unix.CLOCK_BOOTTIME) - sinceStart(unix.CLOCK_MONOTONIC)
	if asleep > time.Second && !s.live {
		events = append(events, event.Event{Kind: event.KindNote, Time: now, Netns: s.opt.Netns, Note: fmt.Sprintf(
			"the host was suspended for %s in all since its start: the times of older lines of the kernel log are wrong by up to that", asleep.Round(time.Second))})
	}
	emit(events)
}
