// Package render prints what the other stages found out: journeys, lines of the
// kernel's log, losses, notes and the summary at the end, as text for people or
// as JSON lines, lines of a log also as CSV. It
// decides nothing and asks nobody; whether the output is a terminal, how wide
// it is and whether it shows UTF-8 comes in as options.
package render

import (
	"time"

	"github.com/pktrail/pktrail/journey"
)

// Printer prints a stream of journeys and of lines of the kernel's log. Each
// call makes one write.
type Printer interface {
	LogPrinter
	Journey(*journey.Journey) error
	Summary(*journey.Summary) error
}

// LogPrinter prints a stream of lines of the kernel's log.
type LogPrinter interface {
	LogLine(*journey.LogLine) error
	LogSummary(*journey.LogSummary) error
	Lost(*journey.Lost) error
	Note(string) error
}

// FlowPrinter prints entries of the connection tracking table and what happens
// to them.
type FlowPrinter interface {
	Flow(*journey.Flow) error
	FlowEvent(*journey.FlowEvent) error
	FlowSummary(*journey.FlowSummary) error
	FlowStats(*journey.FlowStats) error
	Lost(*journey.Lost) error
	Note(string) error
}

var (
	_ FlowPrinter = (*Text)(nil)
	_ FlowPrinter = (*JSON)(nil)

	_ Printer    = (*Text)(nil)
	_ Printer    = (*JSON)(nil)
	_ LogPrinter = (*CSV)(nil)
)

// Options says how text looks. The zero value is plain UTF-8 text of any width
// with local times.
type Options struct {
	Color bool
	Width int  // columns to cut rule texts and wrap sentences to; 0 for neither
	ASCII bool // for a locale that is not UTF-8
	Netns bool // show the name of each packet's namespace
	Host  bool // show the host that each log line, or packet of a log, is of
	UTC   bool
	Wide  bool // of flows, show all that is known

	Zone *time.Location // in which times are shown, where not UTC; nil is the machine's
}
