// Package explain says in words why a journey ended as it did: one sentence,
// the earlier steps that led there, and what to look at next. It is a pure
// function of the journey and claims nothing that the journey does not hold.
// It decides no outcome: result and deciding step come from correlate.
package explain

import "github.com/pktrail/pktrail/journey"

// Explain fills Why, Because and Try of a journey's outcome from its steps and
// from the outcome's Result, Step and With. A Why that is there already stays.
// A line of Try that begins with # is advice in words, so that pasting it into
// a shell does nothing.
func Explain(j *journey.Journey) {
	d := deciding(j)
	if j.Outcome.Why == "" {
		j.Outcome.Why = why(j, d)
	}
	j.Outcome.Because = because(j.Steps, d)
	j.Outcome.Try = try(j, d)
}

// deciding is the index of the deciding step, or -1. An index out of range
// counts as none.
func deciding(j *journey.Journey) int {
	if s := j.Outcome.Step; s != nil && *s >= 0 && *s < len(j.Steps) {
		return *s
	}
	return -1
}
