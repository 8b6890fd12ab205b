// Package nostate writes package-level variables in every way.
package nostate

import (
	"os"
	"sync"
)

var (
	table = map[string]int{"a": 1}
	count int
	once  sync.Once
	pair  struct{ n [2]int }
)

func reads() int { return table["a"] + count + pair.n[1] }

func writes() {
	count = 1             // want `package-level variable count is written`
	count++               // want `package-level variable count is written`
	table["b"] = 2        // want `package-level variable table is written`
	delete(table, "a")    // want `package-level variable table is written`
	pair.n[0] = 1         // want `package-level variable pair is written`
	once.Do(func() {})    // want `package-level variable once is written`
	_ = &pair             // want `package-level variable pair is written`
	os.Args = nil         // want `package-level variable Args is written`
	for count = range 3 { // want `package-level variable count is written`
	}
	count := 2
	count++
	_ = count
}
