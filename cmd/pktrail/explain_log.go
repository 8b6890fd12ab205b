package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/internal/render"
)

// errTrouble ends a verb that did its work and found trouble, which it has told.
var errTrouble = errors.New("trouble was found")

// loggingPrinter prints where packets' lines go and what is in their way.
type loggingPrinter interface {
	Logging(*doctor.LoggingReport) error
}

// explainLogging says why packets' lines do not show, for the namespaces that the
// user named or the process's own. It changes nothing.
func explainLogging(cmd *cobra.Command, names []string, o *output) error {
	printer, err := o.logging(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	spaces, err := openSpaces(names)
	if err != nil {
		return err
	}
	defer closeSpaces(spaces)
	trouble := false
	for _, ns := range spaces {
		l, err := collect.New(ns).Logging(cmd.Context(), "/")
		if err != nil {
			return err
		}
		report := doctor.ReportLogging(l)
		trouble = trouble || report.Trouble
		if err := printer.Logging(&report); err != nil {
			return err
		}
	}
	if trouble {
		return errTrouble
	}
	return nil
}

func (o *output) logging(w io.Writer) (loggingPrinter, error) {
	switch o.format {
	case "json":
		return render.NewJSON(w), nil
	case "text":
		return render.NewText(w, o.look(w)), nil
	}
	return nil, o.unknown()
}
