package flows

import (
	"time"

	"github.com/pktrail/pktrail/conntrack"
	"github.com/pktrail/pktrail/journey"
)

// maxBirths bounds what is remembered of flows whose end has not come: some 40
// bytes each.
const maxBirths = 1 << 20

// Births remembers when the flows of one namespace began, to tell how long they
// lived. The zero value is ready.
type Births struct {
	at map[uint32]int64 // by ID, in nanoseconds since 1970
	// Beyond counts flows that were too many to be remembered.
	Beyond int64
}

// born notes the start of a flow.
func (b *Births) born(f *conntrack.Flow, at time.Time) {
	switch {
	case f.Has&conntrack.HasID == 0:
	case len(b.at) >= maxBirths:
		b.Beyond++
		delete(b.at, f.ID) // of another flow that had it before
	default:
		if b.at == nil {
			b.at = map[uint32]int64{}
		}
		b.at[f.ID] = at.UnixNano()
	}
}

// gone tells the start of a flow that has ended, and forgets it.
func (b *Births) gone(f *conntrack.Flow) (at time.Time, ok bool) {
	ns, ok := b.at[f.ID]
	if !ok || f.Has&conntrack.HasID == 0 {
		return time.Time{}, false
	}
	delete(b.at, f.ID)
	return time.Unix(0, ns), true
}

// Keep forgets all flows but those whose ID it is told are there, as after a
// loss: those that ended unseen would lend their start to others. Call the
// function that it returns for each entry of a listing, and done at its end.
func (b *Births) Keep() (each func(*conntrack.Flow), done func()) {
	kept := make(map[uint32]int64, len(b.at))
	each = func(f *conntrack.Flow) {
		if at, ok := b.at[f.ID]; ok {
			kept[f.ID] = at
		}
	}
	return each, func() { b.at = kept }
}

// Event is the form in which an event is shown that was received at a time. It
// holds as the Flow of Maker.Flow does. births are those of its namespace.
func (m *Maker) Event(change journey.FlowChange, f *conntrack.Flow, received time.Time, births *Births) *journey.FlowEvent {
	e := &m.event
	e.Schema, e.Event, e.Port, e.Lifetime, e.LifetimeBy = journey.FlowEventSchema, change, nil, nil, ""
	e.Time, e.Clock = journey.Time{Time: received}, journey.ClockReceipt
	if f.Has&conntrack.HasEventTime != 0 {
		e.Time, e.Clock = journey.Time{Time: f.EventTime.Time()}, journey.ClockKernel
	}
	m.fill(&e.Flow, f)
	switch change {
	case journey.FlowNew:
		births.born(f, e.Time.Time)
	case journey.FlowDestroy:
		m.life(f, births)
	}
	return e
}

// life tells how long a flow lived: by the kernel's stamps, or else from the
// receipt of its start on.
func (m *Maker) life(f *conntrack.Flow, births *Births) {
	e := &m.event
	began, seen := births.gone(f)
	if d, ok := f.Lifetime(e.Time.Time); ok {
		m.lifetime = journey.Seconds(d)
		e.Lifetime, e.LifetimeBy = &m.lifetime, "kernel"
		return
	}
	if seen {
		m.lifetime = journey.Seconds(e.Time.Sub(began))
		e.Lifetime, e.LifetimeBy = &m.lifetime, "seen"
	}
}
