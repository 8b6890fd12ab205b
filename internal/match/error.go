package match

// Error is an argument that is not MATCH. Its message names the argument and
// what is wrong with it; Hint says what to write instead.
type Error struct {
	Arg     string // as it was typed
	Problem string
	Hint    string
}

func (e *Error) Error() string { return e.Arg + ": " + e.Problem }

// wrong is an error of a value whose argument the scanner adds.
func wrong(problem, hint string) *Error { return &Error{Problem: problem, Hint: hint} }
