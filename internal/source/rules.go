package source

import (
	"context"

	"github.com/pktrail/pktrail/internal/event"
)

// WithRules is a source with rules that come from elsewhere: each namespace that
// src names is told to have them.
func WithRules(src Source, rules *event.Rules) Source { return ruled{src, rules} }

type ruled struct {
	Source
	rules *event.Rules
}

func (r ruled) Run(ctx context.Context, emit func([]event.Event)) error {
	return r.Source.Run(ctx, func(events []event.Event) {
		emit(events)
		for i := range events {
			if e := &events[i]; e.Kind == event.KindNamespace {
				emit([]event.Event{{Kind: event.KindRules, Time: e.Time, Netns: e.Netns, Rules: r.rules}})
			}
		}
	})
}
