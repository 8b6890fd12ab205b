package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/arm"
	"github.com/pktrail/pktrail/internal/netns"
)

func repairCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "repair",
		Short: "undo what a trace or log that was killed with its container left behind",
		Long: `Undo what traces and logs that are gone have left behind: a changed log back end,
rules of pktrail log --legacy, and on kernels before 5.12 their tables. Running
ones are left alone. Every trace and log does the same when it starts.`,
		Example: `  sudo pktrail repair`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := netns.All()
			if err != nil {
				return err
			}
			defer closeSpaces(all)
			done, err := arm.Repair(all)
			for _, d := range done {
				if d.Done {
					fmt.Fprintf(cmd.OutOrStdout(), "put back: %s\n", d.What)
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "left: %s: %s\n", d.What, d.Why)
				}
			}
			if err == nil && len(done) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to repair")
			}
			return err
		},
	}
}
