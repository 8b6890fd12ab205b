package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/rules"
)

// rulesSource is the flags that say whose rules are meant.
type rulesSource struct {
	netns []string
}

func (f *rulesSource) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.netns, "netns", nil, "network namespace: a name of /run/netns, a path, a process id, or all (repeatable)")
}

func (f *rulesSource) many() bool { return len(f.netns) > 1 || slices.Contains(f.netns, "all") }

// readRules is the rules of one namespace, or of the files.
type readRules struct {
	host *rules.Host
	from rules.Origin
}

// read reads all that is meant.
func (f *rulesSource) read(ctx context.Context) ([]*readRules, error) {
	spaces, err := openSpaces(f.netns)
	if err != nil {
		return nil, err
	}
	defer closeSpaces(spaces)
	var all []*readRules
	for _, ns := range spaces {
		host, err := collect.New(ns, collect.Options{}).Rules(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, &readRules{host, rules.Origin{Netns: &rules.Netns{Name: ns.Name, Inode: ns.Inode}}})
	}
	return all, nil
}
