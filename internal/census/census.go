// Package census counts who is in the connection tracking table: entries by
// source, destination, service, state, zone and the namespace that owns the
// source, how these counts change from one look at the table to the next, and
// what they come to (Top, Who). It reads no table and no clock: entries and times
// are handed in. What it keeps of a table is bounded however large that is.
package census

import (
	"math"
	"net/netip"
	"time"

	"github.com/pktrail/pktrail/conntrack"
)

// Options of New. The zero value counts by nothing but the table itself.
type Options struct {
	By []By
	// Owner names the namespace that has an address, "" where none is known to.
	Owner func(netip.Addr) string
	// Keys is how many groups of each kind are kept at once; 65536 when 0.
	Keys int
	// IDs is how many entries are told apart from those of the look before;
	// 4194304 when 0. In a larger table it is not known which entries are new.
	IDs int
}

const (
	defaultKeys = 1 << 16
	defaultIDs  = 1 << 22
)

// Census counts one table, look after look.
type Census struct {
	opt       Options
	now, last *look
}

// look is the table as it was met once.
type look struct {
	at                          time.Time
	entries, unassured, noReply int64
	new                         int64 // not met in the look before
	ids                         idSet
	groups                      []groups // one for each of Options.By
}

// New makes a census that has not looked yet.
func New(opt Options) *Census {
	if opt.Keys == 0 {
		opt.Keys = defaultKeys
	}
	if opt.IDs == 0 {
		opt.IDs = defaultIDs
	}
	if opt.Owner == nil {
		opt.Owner = func(netip.Addr) string { return "" }
	}
	return &Census{opt: opt}
}

// Begin begins a look at the table, which is expected to have so many entries.
// What was met before is what it is compared with.
func (c *Census) Begin(at time.Time, expected int64) {
	next := &look{}
	if c.last != nil {
		next = c.last
	}
	c.last = c.now
	next.reset(at, expected, &c.opt)
	c.now = next
}

func (l *look) reset(at time.Time, expected int64, opt *Options) {
	ids, kept := l.ids, l.groups
	*l = look{at: at, ids: ids, groups: kept}
	l.ids.reset(int(min(expected, int64(opt.IDs))), opt.IDs)
	if l.groups == nil {
		l.groups = make([]groups, len(opt.By))
	}
	for i := range l.groups {
		l.groups[i].reset(opt.Keys)
	}
}

// Add counts an entry of the look that was begun last. One that a dump brings
// twice is counted once.
func (c *Census) Add(f *conntrack.Flow) {
	l := c.now
	if !l.ids.add(f.ID) {
		return
	}
	one := tally{entries: 1}
	if c.fresh(f.ID) {
		one.new = 1
	}
	if f.Status&conntrack.Assured == 0 {
		one.unassured = 1
	}
	if f.Status&conntrack.SeenReply == 0 {
		one.noReply = 1
	}
	l.entries++
	l.new += one.new
	l.unassured += one.unassured
	l.noReply += one.noReply
	for i, by := range c.opt.By {
		l.groups[i].add(by.key(f, c.opt.Owner), one)
	}
}

// fresh reports whether the look before did not have the entry, as far as both
// looks could tell all of theirs apart.
func (c *Census) fresh(id uint32) bool { return c.last != nil && !c.last.ids.has(id) }

// compared reports whether there is a look before, and both knew each of their
// entries.
func (c *Census) compared() bool {
	return c.last != nil && !c.last.ids.full && !c.now.ids.full && c.seconds() > 0
}

// seconds lie between the beginnings of the two last looks.
func (c *Census) seconds() float64 {
	if c.last == nil {
		return 0
	}
	return c.now.at.Sub(c.last.at).Seconds()
}

// rates are new and ended entries a second, nil where they are not known. An
// entry that came and went between two looks is in neither.
func (c *Census) rates(before, now tally) (added, ended *float64) {
	if !c.compared() || now.error > 0 || before.error > 0 {
		return nil, nil
	}
	gone := max(before.entries+now.new-now.entries, 0)
	return new(round(float64(now.new)/c.seconds(), 100)), new(round(float64(gone)/c.seconds(), 100))
}

// round keeps what parts of one are worth telling.
func round(v, parts float64) float64 { return math.Round(v*parts) / parts }
