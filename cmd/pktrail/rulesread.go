package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pktrail/pktrail/internal/collect"
	"github.com/pktrail/pktrail/internal/rules"
	"github.com/pktrail/pktrail/ruleset"
)

// rulesSource is the flags that say whose rules are meant.
type rulesSource struct {
	netns    []string
	files    []string
	ebtables bool
}

func (f *rulesSource) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.netns, "netns", nil, "network namespace: a name of /run/netns, a path, a process id, or all (repeatable)")
	ebtablesFlag(cmd, &f.ebtables)
	cmd.Flags().StringArrayVarP(&f.files, "file", "f", nil, "rules of a file, not of this host: of iptables-save or its like, nft, or nft -j; ip:, ip6:, arp: or bridge: before it names the family (repeatable)")
}

func ebtablesFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "ebtables-legacy", false, "also the legacy tables of ebtables; one whose module is loaded and that is not in the namespace appears there, empty, since it can only be asked for")
}

func (f *rulesSource) many() bool { return len(f.netns) > 1 || slices.Contains(f.netns, "all") }

// readRules is the rules of one namespace, or of the files.
type readRules struct {
	host *rules.Host
	from rules.Origin
	many bool // it is one of several namespaces
}

// read reads all that is meant.
func (f *rulesSource) read(ctx context.Context) ([]*readRules, error) {
	saveMemory()
	defer spareTime()
	if len(f.files) > 0 {
		switch {
		case len(f.netns) > 0:
			return nil, hint(errors.New("--file and --netns exclude each other"), "a file is of no namespace")
		case f.ebtables:
			return nil, hint(errors.New("--file and --ebtables-legacy exclude each other"), "--file reads what ebtables-legacy-save prints")
		}
		return f.readFiles()
	}
	spaces, err := openSpaces(f.netns)
	if err != nil {
		return nil, err
	}
	defer closeSpaces(spaces)
	var all []*readRules
	for _, ns := range spaces {
		from := collect.New(ns)
		from.EbtablesLegacy = f.ebtables
		host, err := from.Rules(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, &readRules{host, rules.Origin{Netns: &rules.Netns{Name: ns.Name, Inode: ns.Inode}}, f.many()})
	}
	return all, nil
}

// readFiles reads the files as the rules of one host. What of them cannot be
// understood is a doubt each, unless a file has nothing that is.
func (f *rulesSource) readFiles() ([]*readRules, error) {
	host := &rules.Host{Name: strings.Join(f.files, ", ")}
	for _, name := range f.files {
		before := tablesOf(host)
		bad := readFile(host, name)
		var path *fs.PathError
		switch {
		case len(bad) > 0 && errors.As(bad[0], &path):
			return nil, hint(bad[0], "--file takes the name of a file, or - for standard input")
		case len(bad) > 0 && tablesOf(host) == before:
			return nil, hint(bad[0], "it takes what iptables-save, arptables-save, ebtables-save and nft list ruleset print, and nft -j list ruleset")
		}
		for _, err := range bad {
			host.Doubts = append(host.Doubts, "not understood: "+err.Error())
		}
	}
	return []*readRules{{host: host, from: rules.Origin{File: host.Name}}}, nil
}

func tablesOf(host *rules.Host) int {
	n := len(host.Legacy)
	if host.NFT != nil {
		n += len(host.NFT.Tables)
	}
	return n
}

// readFile adds a file's rules, and tells what is wrong with it, an error each.
func readFile(host *rules.Host, name string) (bad []error) {
	name, fam := cutFamily(name)
	r, done, err := open(name, os.Stdin)
	if err != nil {
		return []error{err}
	}
	return leaves(errors.Join(host.AddFileOf(name, fam, r), done()))
}

// cutFamily takes off the word that may stand before a file: ip:, ip6:, arp:, bridge:.
func cutFamily(name string) (string, ruleset.Family) {
	word, rest, ok := strings.Cut(name, ":")
	fam := familyWords[word]
	switch word {
	case "arp":
		fam = ruleset.ARP
	case "bridge":
		fam = ruleset.Bridge
	}
	if !ok || fam == 0 {
		return name, 0
	}
	return rest, fam
}

// leaves are the errors that were joined to one.
func leaves(err error) []error {
	var many interface{ Unwrap() []error }
	if err == nil {
		return nil
	}
	if !errors.As(err, &many) {
		return []error{err}
	}
	var all []error
	for _, e := range many.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}
