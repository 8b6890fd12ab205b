package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/match"
)

// TestHelp holds every verb to a sentence, and to examples that its flags take.
func TestHelp(t *testing.T) {
	described := regexp.MustCompile(`^ +(-\w, )?--[\w-]+( \S+)? {3,}\S`)
	for _, cmd := range verbs(rootCommand(match.Match{})) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Short == "" {
				t.Error("says nothing of itself in one line")
			}
			for line := range strings.Lines(cmd.Flags().FlagUsages()) {
				if !described.MatchString(line) {
					t.Errorf("says nothing of itself: %s", line)
				}
			}
			if cmd.Name() == "completion" || cmd.HasParent() && cmd.Parent().Name() == "completion" {
				return // cobra's own
			}
			if cmd.Example == "" {
				t.Error("has no examples")
			}
			for line := range strings.Lines(cmd.Example) {
				takes(t, strings.TrimSpace(line))
			}
		})
	}
}

// takes tries an example without running it, and without what is piped into it.
func takes(t *testing.T, line string) {
	t.Helper()
	if _, ours, piped := strings.Cut(line, " | "); piped {
		line = ours
	}
	words := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(strings.TrimPrefix(line, "sudo "), -1)
	for i, w := range words {
		words[i] = strings.Trim(w, `"`)
	}
	if words[0] != "pktrail" {
		t.Errorf("%s: runs another program", line)
		return
	}
	m, rest, err := splitMatch(words[1:])
	if err != nil {
		t.Errorf("%s: %v", line, err)
		return
	}
	cmd, args, err := rootCommand(m).Find(rest)
	if err == nil {
		err = cmd.ParseFlags(args)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: %v", line, err)
	}
}

// verbs are the command and all below it.
func verbs(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		all = append(all, verbs(sub)...)
	}
	return all
}
