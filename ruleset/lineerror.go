package ruleset

import "fmt"

// LineError says which line of a listing could not be understood. The lines
// around it are read all the same.
type LineError struct {
	Line int // from 1
	Text string
	Why  string
}

func (e *LineError) Error() string {
	return fmt.Sprintf("line %d: %s: %.120q", e.Line, e.Why, e.Text)
}
