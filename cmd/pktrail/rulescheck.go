package main

import (
	"bufio"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/doctor"
	"github.com/pktrail/pktrail/internal/render"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/internal/rules/check"
)

// rulesCheckFlags is what `pktrail rules check` takes.
type rulesCheckFlags struct {
	output
	rulesSource
}

func rulesCheckCommand() *cobra.Command {
	var f rulesCheckFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "what is wrong with the rules in themselves",
		Long: `Judge the ruleset without any packet: rules that can never match since one before
them takes everything, jumps to chains that are empty, both backends in use at once,
base chains at one hook that decide against each other, sets that are looked up and
are empty, marks that are written over bits that other rules read. Each finding says
what proves it and what to do; it is certain only where the rules alone prove it.

The exit code is 1 where something was found that is more than information, else 0.`,
		Example: `  sudo pktrail rules check
  sudo pktrail rules check --netns all -o json
  pktrail rules check --file rules.save`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.output.add(cmd)
	f.rulesSource.add(cmd)
	return cmd
}

// findingsPrinter prints what was found.
type findingsPrinter interface {
	Findings(rules.Origin, []doctor.Finding) error
}

func (f *rulesCheckFlags) run(cmd *cobra.Command) error {
	out := bufio.NewWriter(cmd.OutOrStdout())
	var printer findingsPrinter
	switch f.format {
	case "json":
		printer = render.NewJSON(out)
	case "text":
		look := f.look(cmd.OutOrStdout())
		look.Netns = f.many()
		printer = render.NewText(out, look)
	default:
		return f.unknown()
	}
	read, err := f.read(cmd.Context())
	if err != nil {
		return err
	}
	trouble := false
	for _, r := range read {
		found := check.Run(r.host.Spend(true))
		trouble = trouble || doctor.Trouble(found)
		if err := printer.Findings(r.from, found); err != nil {
			return printed(err)
		}
		if err := f.notes(cmd, out, r); err != nil {
			return printed(err)
		}
	}
	if err := out.Flush(); err != nil || !trouble {
		return printed(err)
	}
	return errTrouble
}
