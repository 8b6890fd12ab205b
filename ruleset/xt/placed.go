package xt

import (
	"errors"

	"github.com/pktrail/pktrail/ruleset"
)

// placed is what is wrong with a rule, and at which byte of its line.
type placed struct {
	at   int
	err  error
	hint string // what was expected, or what to try; may be empty
}

func (p *placed) Error() string { return p.err.Error() }
func (p *placed) Unwrap() error { return p.err }

// lineErrors says each thing that is wrong with a line, out of the error of
// [ParseRule]. That a known extension is kept as it stands is not wrong.
func lineErrors(err error, file string, line int, text string) (all []error) {
	list := []error{err}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		list = joined.Unwrap()
	}
	for _, one := range list {
		if errors.Is(one, errNoParser) {
			continue
		}
		e := &ruleset.LineError{File: file, Line: line, Column: 1, Text: text, Why: one.Error()}
		var p *placed
		if errors.As(one, &p) {
			e.Column, e.Hint = p.at+1, p.hint
		}
		all = append(all, e)
	}
	return all
}
