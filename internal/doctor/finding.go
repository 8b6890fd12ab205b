// Package doctor says what is wrong with a host and how to mend it. A check is a
// function of a snapshot, so a file from another host is judged as this one is.
// What a snapshot does not know makes a finding a suspicion, never silence.
package doctor

import (
	"cmp"
	"fmt"
	"slices"
)

// FindingSchema names the JSON form of a finding.
const FindingSchema = "pktrail/finding/v1"

// Severity says how much a finding matters.
type Severity string

// The severities, the worst first. Info is no trouble by itself.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
)

func (s Severity) rank() int {
	return slices.Index([]Severity{Critical, High, Medium, Low, Info}, s)
}

// Certainty says how sure a finding is.
type Certainty string

// A finding is certain when its evidence proves it.
const (
	Certain Certainty = "certain"
	Suspect Certainty = "suspect"
)

// Evidence is one thing that was seen, and how it should be.
type Evidence struct {
	What string `json:"what"`
	Is   string `json:"is"`
	Want string `json:"want,omitzero"`
}

// Finding is one thing that a check found.
type Finding struct {
	Schema    string     `json:"schema"`
	ID        string     `json:"id"`
	Severity  Severity   `json:"severity"`
	Certainty Certainty  `json:"certainty"`
	Title     string     `json:"title"`
	Evidence  []Evidence `json:"evidence"`
	Explains  []string   `json:"explains"` // ids of its consequences
	Fix       []string   `json:"fix"`      // commands, or what to do in words
	Source    []string   `json:"source"`   // where the kernel, or a manual, says so
}

// Trouble reports whether any finding is more than information.
func Trouble(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.Severity != Info })
}

// Finish orders findings, the worst first, and fills what JSON must not lack.
func Finish(all []Finding) []Finding {
	for i := range all {
		f := &all[i]
		f.Schema = FindingSchema
		f.Evidence, f.Explains, f.Fix, f.Source = filled(f.Evidence), filled(f.Explains), filled(f.Fix), filled(f.Source)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Severity.rank(), b.Severity.rank()) })
	return all
}

func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// plural is a number of things in words.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
