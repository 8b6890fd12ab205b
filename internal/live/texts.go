package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/ruleset"
)

// texts reads the rules' texts while the trace runs already, and again when the
// rules have changed.
type texts struct{ t *Trace }

const (
	// readAgain is how often texts are read again at most, and how often the
	// rules of namespaces without legacy tables are looked at.
	readAgain = 5 * time.Second
	// checkEvery is how often legacy tables are looked at: their rules are known by
	// position only, so a journey waits for a look that is later than its last step.
	checkEvery = 250 * time.Millisecond
	// checkShare of the time at most goes into looking.
	checkShare = 20
	// lateTexts is how much longer than the trace the first reading may take: the
	// packets of a short trace wait for it.
	lateTexts = 3 * time.Second
)

// Run implements source.Source.
func (x texts) Run(ctx context.Context, emit func([]event.Event)) error {
	first, stop := outlasting(ctx, lateTexts)
	for _, s := range x.t.spaces {
		x.readAll(first, s, emit)
	}
	stop()
	for {
		next := time.Now().Add(readAgain)
		for _, s := range x.t.spaces {
			if s.check.Before(next) {
				next = s.check
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(next)):
		}
		for _, s := range x.t.spaces {
			if !s.check.After(time.Now()) {
				x.look(ctx, s, emit)
			}
		}
	}
}

// outlasting is a context that ends some time after ctx, but together with it when
// nobody waits for packets any more.
func outlasting(ctx context.Context, by time.Duration) (longer context.Context, stop func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), errEnough) {
			cancel()
			return
		}
		time.AfterFunc(by, cancel)
	})
	return longer, func() { ended(); cancel() }
}

// look compares the rules with what was read, and reads again where that is due.
func (x texts) look(ctx context.Context, s *space, emit func([]event.Event)) {
	begin := time.Now()
	changed, err := s.host.Changed()
	changed = changed || err != nil
	if changed && begin.Sub(s.read) >= readAgain {
		x.readAll(ctx, s, emit)
		return
	}
	if s.hasLegacy() {
		x.t.give([]event.Event{{Kind: event.KindChecked, Time: begin, Netns: s.number, Stale: changed}}, emit)
	}
	s.again(time.Since(begin), changed)
}

// again says when to look next.
func (s *space) again(cost time.Duration, changed bool) {
	every := readAgain
	if s.hasLegacy() {
		every = max(checkEvery, checkShare*cost)
	}
	s.check = time.Now().Add(every)
	if due := s.read.Add(readAgain); changed && due.Before(s.check) {
		s.check = due
	}
}

func (s *space) hasLegacy() bool {
	return slices.ContainsFunc(s.known.Tables, func(t *ruleset.Table) bool { return t.Backend == ruleset.Legacy })
}

func (x texts) readAll(ctx context.Context, s *space, emit func([]event.Event)) {
	s.read = time.Now()
	rules, err := s.host.Texts(ctx)
	if err != nil {
		rules = &event.Rules{Problems: []string{fmt.Sprintf("the texts of the rules in %s could not be read: %v", s.ns.Name, err)}}
	}
	if ctx.Err() != nil {
		return
	}
	events := []event.Event{{Kind: event.KindRules, Time: s.read, Netns: s.number, Rules: rules}}
	if err == nil && s.hasLegacy() {
		events = append(events, event.Event{Kind: event.KindChecked, Time: s.read, Netns: s.number})
	}
	x.t.give(events, emit)
	s.again(0, false)
}
