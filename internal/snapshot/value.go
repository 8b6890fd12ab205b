// Package snapshot is how a host stood, as values: what collect found and what
// doctor judges. It asks nobody, so a snapshot from another host is judged as
// one of this host. What could not be read says why.
package snapshot

// Value is the answer to a question: what is, or why that is not known. The
// zero Value is not known, for no reason that was noted.
type Value[T any] struct {
	Is    T      `json:"is,omitzero"`
	Known bool   `json:"known"`
	Why   string `json:"why,omitzero"` // it is not known
}

// Known is an answer.
func Known[T any](v T) Value[T] { return Value[T]{Is: v, Known: true} }

// Unknown is a question without an answer, and why.
func Unknown[T any](why string) Value[T] { return Value[T]{Why: why} }

// Get returns what is, and whether it is known.
func (v Value[T]) Get() (T, bool) { return v.Is, v.Known }
