package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/source"
)

func readCommand(m match.Match) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "read [MATCH] FILE",
		Short: "tell the journeys of a recording again",
		Long: `Tell the journeys of a recording that pktrail trace -w made, on any machine and
without root. - reads standard input. MATCH, as for trace, chooses packets.`,
		Example: `  pktrail read story.pktrail
  pktrail read -p icmp -o json story.pktrail`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return hint(fmt.Errorf("read: %d files given", len(args)), "name one recording: pktrail read story.pktrail")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return readStory(cmd, args[0], m, &o)
		},
	}
	o.add(cmd)
	return cmd
}

func readStory(cmd *cobra.Command, path string, m match.Match, o *output) error {
	in := io.Reader(os.Stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return hint(err, "pktrail trace -w FILE makes a recording")
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	src, err := source.OpenStory(in)
	if err != nil {
		return hint(fmt.Errorf("%s: %w", path, err), "pktrail trace -w FILE makes a recording")
	}
	s, err := o.story(cmd.OutOrStdout(), true)
	if err != nil {
		return err
	}
	s.match, s.wider = &m, allParts(m)
	return s.tell(cmd.Context(), src)
}

// allParts: a recording was made for another MATCH, so all of this one is judged here.
func allParts(m match.Match) []match.Reason {
	if m.String() == (match.Match{}).String() {
		return nil
	}
	return []match.Reason{{Arg: m.String(), Why: "judged over the recording"}}
}
