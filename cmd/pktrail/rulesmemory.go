package main

import (
	"math"
	"runtime"
	"runtime/debug"
)

const (
	rulesGarbage = 60        // percent of what is in use
	rulesMemory  = 128 << 20 // bytes; what 120,000 rules need at most
	rulesMany    = 100 << 20 // bytes of rules as read, from which on they need more
)

// saveMemory lets rules leave less garbage than the runtime would: a node has
// little memory to spare for who looks at its rules, and collecting costs less
// than reading.
func saveMemory() {
	debug.SetGCPercent(rulesGarbage)
	debug.SetMemoryLimit(rulesMemory)
}

// spareTime lifts the limit where so much was read that all time would go into
// keeping it.
func spareTime() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > rulesMany {
		debug.SetMemoryLimit(math.MaxInt64)
	}
}
