// Package snapshot is how a host stood, as values: what collect found and what
// doctor judges. It asks nobody, so a snapshot from another host is judged as
// one of this host. What could not be read says why.
package snapshot

import (
	"encoding/json"
	"fmt"
)

// Value is the answer to a question: what is, or why that is not known. The
// zero Value is not known, for no reason that was noted.
type Value[T any] struct {
	Is    T
	Known bool
	Why   string // it is not known
}

// Known is an answer.
func Known[T any](v T) Value[T] { return Value[T]{Is: v, Known: true} }

// Unknown is a question without an answer, and why.
func Unknown[T any](why string) Value[T] { return Value[T]{Why: why} }

// Get returns what is, and whether it is known.
func (v Value[T]) Get() (T, bool) { return v.Is, v.Known }

// valueJSON has exactly one of its fields.
type valueJSON[T any] struct {
	Is      *T      `json:"is,omitzero"`
	Unknown *string `json:"unknown,omitzero"`
}

// MarshalJSON writes {"is":…}, or {"unknown":"why"}.
func (v Value[T]) MarshalJSON() ([]byte, error) {
	if v.Known {
		return json.Marshal(valueJSON[T]{Is: &v.Is})
	}
	return json.Marshal(valueJSON[T]{Unknown: &v.Why})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value[T]) UnmarshalJSON(b []byte) error {
	var j valueJSON[T]
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("read a value: %w", err)
	}
	*v = Value[T]{}
	if j.Is != nil {
		*v = Known(*j.Is)
	} else if j.Unknown != nil {
		v.Why = *j.Unknown
	}
	return nil
}
