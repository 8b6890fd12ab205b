// Package correlate turns events into journeys: it says which kernel message
// belongs to which packet. It owns no goroutine and no clock; time comes in
// with the events and with Expire.
//
// What ties a message to its packet, in this order (measured on Linux 6.18):
// nf_tables' trace id, which holds between two receives of a packet; the
// packet's bytes, for lines of legacy tables, which carry no id and stand
// between two events of one, and for packets whose id the kernel changed on
// loopback or a bridge. Where more than one open packet fits, the journey says
// that it is inferred.
package correlate

import (
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
)

// Options bounds what is kept. The zero value is good.
type Options struct {
	// Quiet ends a journey when nothing of it came for so long; 200 ms.
	Quiet time.Duration
	// TextWait is how long a journey waits for the texts of its rules; 15 s.
	TextWait time.Duration
	// MaxOpen packets are followed at once; the oldest is ended early. 8192.
	MaxOpen int
	// MaxSteps of one packet are kept; 2000.
	MaxSteps int
	// Foreign makes journeys of packets that only somebody else's rules trace, too.
	Foreign bool
}

func (o Options) orDefault() Options {
	if o.Quiet == 0 {
		o.Quiet = 200 * time.Millisecond
	}
	if o.TextWait == 0 {
		o.TextWait = 15 * time.Second
	}
	if o.MaxOpen == 0 {
		o.MaxOpen = 8192
	}
	if o.MaxSteps == 0 {
		o.MaxSteps = 2000
	}
	return o
}

// Counts is what a stream held beside its journeys.
type Counts struct {
	Foreign     int64 // packets that somebody else's rules trace
	Unattached  int64 // messages that came during or after a loss and fit no open packet
	Undecoded   int64
	Traced      int64
	RateLimited int64
	HasLimits   bool // Traced and RateLimited were read from the kernel
	Lost        journey.LostCount
	Notes       []string
}

// Correlator follows the packets of one stream.
type Correlator struct {
	opt        Options
	spaces     []*space
	trips      []*trip // in order of their first event, from trips[0]; ended ones stay until they are handed out
	links      links
	priorities map[int32]*int32
	seq        uint64
	ticks      uint64
	newest     int64 // the newest time of an event, Unix nanoseconds
	out        []*journey.Journey
	spare      [][]step // room for steps, to be used again
	counts     Counts
}

// New returns a Correlator that has seen nothing.
func New(opt Options) *Correlator {
	return &Correlator{opt: opt.orDefault(), links: newLinks(), priorities: map[int32]*int32{}}
}

// Counts returns what was counted so far.
func (c *Correlator) Counts() Counts { return c.counts }

// Add takes events in the order of their coming and returns the journeys that
// they ended. It keeps nothing that the events point to.
func (c *Correlator) Add(events []event.Event) []*journey.Journey {
	c.out = nil
	for i := range events {
		c.add(&events[i])
	}
	return c.out
}

func (c *Correlator) add(e *event.Event) {
	s := c.space(e.Netns)
	c.newest = max(c.newest, e.Time.UnixNano())
	switch e.Kind {
	case event.KindTrace:
		s.trace(e)
	case event.KindLog:
		s.log(e)
	case event.KindLine:
		s.line(e)
	case event.KindNamespace:
		s.describe(e.Namespace)
	case event.KindRules:
		s.learn(e.Rules)
	case event.KindChecked:
		s.check(e)
	case event.KindLost:
		s.lose(e.Lost)
	case event.KindUndecoded:
		c.counts.Undecoded++
	case event.KindNote:
		c.note(e.Note)
	case event.KindCounters:
		c.counts.HasLimits = true
		c.counts.Traced += e.Counters.Traced
		c.counts.RateLimited += e.Counters.RateLimited
	}
}

func (c *Correlator) note(text string) {
	for _, n := range c.counts.Notes {
		if n == text {
			return
		}
	}
	c.counts.Notes = append(c.counts.Notes, text)
}

func (c *Correlator) space(n uint16) *space {
	for int(n) >= len(c.spaces) {
		c.spaces = append(c.spaces, newSpace(c))
	}
	return c.spaces[n]
}

// Expire ends the journeys of which nothing came for Options.Quiet before now.
func (c *Correlator) Expire(now time.Time) []*journey.Journey {
	c.out = nil
	c.sweep(now, c.opt.Quiet)
	for _, s := range c.spaces {
		s.forget(now)
	}
	c.links.forget(now)
	return c.out
}

// Finish ends all journeys that are open. Those that were heard of just now may be
// on their way.
func (c *Correlator) Finish(now time.Time) []*journey.Journey {
	c.out = nil
	for _, t := range c.trips {
		t.cut = t.idle(now) < c.opt.Quiet
	}
	c.sweep(now.Add(time.Hour), 0)
	return c.out
}

// sweep hands out, oldest first, what has been quiet for long enough. A journey
// does not overtake one that began before it, so that output is in order.
func (c *Correlator) sweep(now time.Time, quiet time.Duration) {
	n := 0
	for n < len(c.trips) {
		t := c.trips[n]
		idle := t.idle(now)
		if idle < quiet || t.waits(idle) {
			break
		}
		t.unverified = quiet > 0 && t.unchecked()
		c.hand(t)
		n++
	}
	c.drop(n)
}

// checkWait is how long a journey waits at most to hear whether legacy rules have
// changed before its last step.
const checkWait = time.Second

// waits reports whether what explains the steps of a quiet journey is still to come.
func (t *trip) waits(idle time.Duration) bool {
	s := t.sp
	if s.pendingTexts {
		return idle < s.c.opt.TextWait
	}
	return t.unchecked() && idle < checkWait
}

// unchecked reports whether nobody has looked, since the packet was last heard of,
// if the legacy rules are still those that were read.
func (t *trip) unchecked() bool {
	s := t.sp
	return t.legacy && !s.stale && !s.checked.IsZero() && s.checked.UnixNano() < t.last
}

// drop forgets the first n trips.
func (c *Correlator) drop(n int) {
	if n == 0 {
		return
	}
	clear(c.trips[:n])
	c.trips = c.trips[n:]
}

// crowd ends the oldest journey when too many are open. What may still come of
// it is then not known.
func (c *Correlator) crowd() {
	if len(c.trips) < c.opt.MaxOpen {
		return
	}
	t := c.trips[0]
	if !t.arrived() {
		t.missing |= missingCrowded
	}
	c.hand(t)
	c.drop(1)
}

// tick numbers what is heard.
func (c *Correlator) tick() uint64 {
	c.ticks++
	return c.ticks
}

// hand makes the journey of a trip and gives it out, with those of the same
// packet in other namespaces.
func (c *Correlator) hand(t *trip) {
	if t.handed {
		return
	}
	for _, r := range c.links.route(t) {
		r.sp.unlist(r)
		c.links.remember(r)
		c.out = append(c.out, r.journey())
		r.handed = true
		c.recycle(r)
	}
}

// usualSteps is how many steps a packet gets room for at first.
const usualSteps = 16

// room is an empty list of steps: a step is large, and most packets have few.
func (c *Correlator) room() []step {
	last := len(c.spare) - 1
	if last < 0 {
		return make([]step, 0, usualSteps)
	}
	steps := c.spare[last]
	c.spare = c.spare[:last]
	return steps
}

// recycle takes back the room of a trip whose journey is made.
func (c *Correlator) recycle(t *trip) {
	const enough = 1024
	if cap(t.steps) <= 4*usualSteps && len(c.spare) < enough {
		clear(t.steps)
		c.spare = append(c.spare, t.steps[:0])
	}
	t.steps = nil
}
