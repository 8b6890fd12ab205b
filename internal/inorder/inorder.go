// Package inorder does the parts of a long work side by side and hands out their
// results in order.
package inorder

import (
	"sync"
	"sync/atomic"
)

const (
	workers = 8 // as many run at a time as there are processors
	ahead   = 2 * workers
)

// Each calls produce for 0 to n-1 on several goroutines, and consume with each
// result, in order, on the calling one. At most a few results wait to be consumed.
// The first error in that order ends it and is returned, after the last produce
// that was begun.
func Each[T any](n int, produce func(i int) (T, error), consume func(T) error) error {
	results := make([]chan result[T], min(n, ahead))
	for i := range results {
		results[i] = make(chan result[T], 1)
	}
	free := make(chan struct{}, max(n, 1))
	for range results {
		free <- struct{}{}
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, workers) {
		wg.Go(func() {
			for range free {
				i := int(next.Add(1) - 1)
				v, err := produce(i)
				results[i%ahead] <- result[T]{v, err}
			}
		})
	}
	defer wg.Wait()
	defer close(free)
	for i := range n {
		r := <-results[i%ahead]
		if r.err != nil {
			return r.err
		}
		if err := consume(r.value); err != nil {
			return err
		}
		if i+len(results) < n {
			free <- struct{}{}
		}
	}
	return nil
}

type result[T any] struct {
	value T
	err   error
}
