package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// TestRulesMemory: what few rules leave behind is collected early; of very many
// the limit is lifted, so that collecting does not take all the time.
func TestRulesMemory(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
		runtime.GC()
	}()
	for _, c := range []struct {
		name string
		read int // bytes beside what the tests hold
		want int64
	}{
		{"few rules", 0, rulesMemory},
		{"more than fit", rulesMany + 1<<20, math.MaxInt64},
	} {
		saveMemory()
		if got := debug.SetMemoryLimit(-1); got != rulesMemory {
			t.Fatalf("%s: limited to %d bytes while reading, want %d", c.name, got, rulesMemory)
		}
		if got := debug.SetGCPercent(rulesGarbage); got != rulesGarbage {
			t.Errorf("%s: collects at %d %%, want %d", c.name, got, rulesGarbage)
		}
		runtime.GC()
		rules := make([]byte, c.read)
		spareTime()
		if got := debug.SetMemoryLimit(-1); got != c.want {
			t.Errorf("%s: limited to %d bytes behind it, want %d", c.name, got, c.want)
		}
		runtime.KeepAlive(rules)
	}
}
