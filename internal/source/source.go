// Package source is where events come from: the interface that every way in
// has, the decoding of kernel datagrams that live reading and recordings share,
// and recordings themselves. The ways in are its folders, one each.
package source

import (
	"context"
	"sync"

	"github.com/pktrail/pktrail/internal/event"
)

// Source is one way in. Run hands events over until ctx ends, and then returns
// nil. The slice and the bytes that its events point to are reused: whoever
// gets them keeps nothing of them.
type Source interface {
	Run(ctx context.Context, emit func([]event.Event)) error
}

// Merge runs sources side by side; emit gets one call at a time. The first
// error ends them all.
func Merge(sources ...Source) Source {
	if len(sources) == 1 {
		return sources[0]
	}
	return merged(sources)
}

type merged []Source

func (m merged) Run(ctx context.Context, emit func([]event.Event)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	one := func(events []event.Event) {
		mu.Lock()
		defer mu.Unlock()
		emit(events)
	}
	errs := make(chan error, len(m))
	for _, s := range m {
		go func() {
			err := s.Run(ctx, one)
			if err != nil {
				cancel(err)
			}
			errs <- err
		}()
	}
	var first error
	for range m {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}
