package live

import (
	"context"
	"fmt"
	"time"

	"github.com/pktrail/pktrail/internal/event"
)

// texts reads the rules' texts while the trace runs already, and again when the
// rules have changed.
type texts struct{ t *Trace }

// readAgain is how often the rules are looked at for changes.
const readAgain = 5 * time.Second

// Run implements source.Source.
func (x texts) Run(ctx context.Context, emit func([]event.Event)) error {
	for _, s := range x.t.spaces {
		x.read(ctx, s, emit)
	}
	tick := time.NewTicker(readAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, s := range x.t.spaces {
			if changed, err := s.host.Changed(); err != nil || changed {
				x.read(ctx, s, emit)
			}
		}
	}
}

func (x texts) read(ctx context.Context, s *space, emit func([]event.Event)) {
	rules, err := s.host.Texts(ctx)
	if err != nil {
		rules = &event.Rules{Problems: []string{fmt.Sprintf("the texts of the rules in %s could not be read: %v", s.ns.Name, err)}}
	}
	if ctx.Err() != nil {
		return
	}
	x.t.give([]event.Event{{Kind: event.KindRules, Time: time.Now(), Netns: s.number, Rules: rules}}, emit)
}
