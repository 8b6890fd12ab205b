package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// hintArguments makes wrong arguments an error with a hint in every verb below,
// and a verb that only holds others show its help.
func hintArguments(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		hintArguments(sub)
	}
	check := cmd.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	if !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		check = noSuchVerb
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil || hintFor(err) != "" {
			return err
		}
		return hint(err, "%s --help shows what it takes", cmd.CommandPath())
	}
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s: an argument too many", args[0])
	}
	return nil
}

func noSuchVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("%s: no such verb", args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return hint(err, "did you mean %s?", strings.Join(near, " or "))
	}
	return hint(err, "%s --help lists the verbs", cmd.CommandPath())
}
