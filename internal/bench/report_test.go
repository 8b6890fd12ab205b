package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// report is the table of a run.
type report struct {
	mu    sync.Mutex
	rows  [][]string
	notes []string
}

// row is one line of the table. Empty cells stay empty.
type row struct {
	what    string
	peer    string
	pktrail string
	ratio   string
	spread  string
	target  string
	reached string
}

func (r *report) add(w row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, []string{w.what, w.peer, w.pktrail, w.ratio, w.spread, w.target, w.reached})
}

func (r *report) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *report) print(w io.Writer) {
	if len(r.rows) == 0 {
		return
	}
	fmt.Fprintln(w)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "what\tpeer\tpktrail\tratio\tspread\ttarget\treached")
	for _, cells := range r.rows {
		fmt.Fprintln(tab, strings.Join(cells, "\t"))
	}
	_ = tab.Flush()
	for _, n := range r.notes {
		fmt.Fprintln(w, "- "+n)
	}
	if !*full {
		fmt.Fprintln(w, "- run for a moment only: these numbers mean nothing; -full measures")
	}
	fmt.Fprintln(w)
}

func reached(ok bool) string {
	switch {
	case !*full:
		return "not measured"
	case ok:
		return "yes"
	}
	return "NO"
}

// series is one quantity measured several times.
type series []float64

func (s series) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

func (s series) median() float64 { return s.quantile(0.5) }

// spread is the range of the middle half, and the whole range where there are few.
func (s series) spread(format string) string {
	low, high := 0.25, 0.75
	if len(s) < 8 {
		low, high = 0, 1
	}
	return fmt.Sprintf(format+"–"+format, s.quantile(low), s.quantile(high))
}

// ratios pairs two series round by round.
func ratios(a, b series) series {
	var r series
	for i := range min(len(a), len(b)) {
		if b[i] > 0 {
			r = append(r, a[i]/b[i])
		}
	}
	return r
}
