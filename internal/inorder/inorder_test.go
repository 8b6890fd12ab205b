package inorder

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, ahead - 1, ahead, ahead + 1, 1000} {
		var got []int
		var waiting, most atomic.Int64
		err := Each(n, func(i int) (int, error) {
			if i%7 == 0 {
				time.Sleep(time.Microsecond)
			}
			most.Store(max(most.Load(), waiting.Add(1)))
			return i * i, nil
		}, func(v int) error {
			waiting.Add(-1)
			got = append(got, v)
			return nil
		})
		if err != nil || len(got) != n || !slices.IsSorted(got) || n > 0 && got[n-1] != (n-1)*(n-1) {
			t.Errorf("%d: %d results, %v", n, len(got), err)
		}
		if most.Load() > ahead+workers {
			t.Errorf("%d: %d results waited", n, most.Load())
		}
	}
}

// TestFirstError: what is told does not depend on who was faster.
func TestFirstError(t *testing.T) {
	early, late := errors.New("early"), errors.New("late")
	for range 100 {
		consumed := 0
		err := Each(1000, func(i int) (int, error) {
			switch {
			case i == 20:
				time.Sleep(10 * time.Microsecond)
				return 0, early
			case i > 20:
				return 0, late
			}
			return i, nil
		}, func(int) error { consumed++; return nil })
		if !errors.Is(err, early) || consumed != 20 {
			t.Fatalf("%v after %d results", err, consumed)
		}
	}
}

func TestConsumerEnds(t *testing.T) {
	enough := errors.New("enough")
	var begun atomic.Int64
	err := Each(100_000, func(i int) (int, error) { begun.Add(1); return i, nil }, func(i int) error {
		if i == 50 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || begun.Load() > 50+2*ahead {
		t.Errorf("%v, %d begun", err, begun.Load())
	}
	before := begun.Load()
	time.Sleep(time.Millisecond)
	if begun.Load() != before {
		t.Error("it went on behind its end")
	}
}
