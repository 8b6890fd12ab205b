// Package render prints what the other stages found out: journeys, losses,
// notes and the summary at the end, as text for people or as JSON lines. It
// decides nothing and asks nobody; whether the output is a terminal, how wide
// it is and whether it shows UTF-8 comes in as options.
package render

import "github.com/pktrail/pktrail/journey"

// Printer prints a stream of journeys. Each call makes one write.
type Printer interface {
	Journey(*journey.Journey) error
	Lost(*journey.Lost) error
	Note(string) error
	Summary(*journey.Summary) error
}

var (
	_ Printer = (*Text)(nil)
	_ Printer = (*JSON)(nil)
)

// Options says how text looks. The zero value is plain UTF-8 text of any width
// with local times.
type Options struct {
	Color bool
	Width int  // columns to cut rule texts and wrap sentences to; 0 for neither
	ASCII bool // for a locale that is not UTF-8
	Netns bool // show the name of each packet's namespace
	UTC   bool
}
