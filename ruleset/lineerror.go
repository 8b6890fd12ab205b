package ruleset

import "fmt"

// LineError says which line of a text could not be understood. The lines
// around it are read all the same.
type LineError struct {
	File   string // empty where it has no name
	Line   int    // from 1
	Column int    // from 1; 0 for the whole line
	Text   string
	Why    string
	Hint   string // what was expected, or what to try; may be empty
}

func (e *LineError) Error() string {
	s := fmt.Sprintf("%s: %s: %.120q", e.where(), e.Why, e.Text)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

func (e *LineError) where() string {
	switch {
	case e.File == "" && e.Column > 1:
		return fmt.Sprintf("line %d, column %d", e.Line, e.Column)
	case e.File == "":
		return fmt.Sprintf("line %d", e.Line)
	case e.Column == 0:
		return fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	return fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
}
