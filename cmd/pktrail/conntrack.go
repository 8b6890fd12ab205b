package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/pktrail/pktrail/internal/ctcli"
)

// asConntrack says whether a command line is conntrack's own, and gives that: of a
// program of that name, or behind `pktrail ct`, where our own words begin with a verb.
func asConntrack(argv []string) ([]string, bool) {
	const name = "conntrack"
	switch {
	case len(argv) > 0 && filepath.Base(argv[0]) == name:
		return argv, true
	case len(argv) > 2 && argv[1] == "ct" && strings.HasPrefix(argv[2], "-") && argv[2] != "-h" && argv[2] != "--help":
		return append([]string{name}, argv[2:]...), true
	}
	return nil, false
}

// beConntrack is the program conntrack: its output, its messages, its exit status.
// Signals end it as they end conntrack: only listening to events takes them.
func beConntrack(argv []string) int {
	return ctcli.Run(context.Background(), argv, os.Stdin, os.Stdout, os.Stderr)
}
