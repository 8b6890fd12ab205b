package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// familyWords are what may stand before a file of rules: ip6:rules.save.
var familyWords = map[string]ruleset.Family{"ip": ruleset.IP, "ip4": ruleset.IP, "ip6": ruleset.IP6}

// readRulesFiles reads the files of --rules, each `[ip:|ip6:]FILE` in the form of
// iptables-save. Notes say what was assumed.
func readRulesFiles(args []string) (rules *event.Rules, notes []string, err error) {
	rules = &event.Rules{}
	for _, arg := range args {
		more, err := readRulesFile(arg, rules)
		if err != nil {
			return nil, nil, err
		}
		notes = append(notes, more...)
	}
	return rules, notes, nil
}

func readRulesFile(arg string, rules *event.Rules) (notes []string, err error) {
	path, family := arg, ruleset.Family(0)
	if word, rest, ok := strings.Cut(arg, ":"); ok && familyWords[word] != 0 {
		path, family = rest, familyWords[word]
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, hint(fmt.Errorf("--rules: %w", err), "iptables-save > FILE makes one; --rules ip6:FILE names the family too")
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	sections := xt.Sections(path, text)
	if len(sections) == 0 {
		return nil, hint(fmt.Errorf("--rules %s: an empty file", path), "iptables-save > FILE makes one")
	}
	for _, s := range sections {
		if family != 0 {
			s.Family, s.Why = family, "--rules"
		}
		if s.Why == "" {
			notes = append(notes, fmt.Sprintf("%s: nothing tells whether its rules are iptables' or ip6tables': read as iptables'; --rules ip6:%s says otherwise", path, path))
		}
		tables, err := xt.ParseSave(bytes.NewReader(s.Text), s.Family, ruleset.Legacy)
		if err != nil {
			return nil, hint(rulesError(path, s.Line, err), "pktrail reads what iptables-save prints; mend or remove the line")
		}
		for _, t := range tables {
			t.ReadAt = info.ModTime()
			if err := addTable(rules, t, path); err != nil {
				return nil, err
			}
		}
	}
	return notes, nil
}

// rulesError names the file and the line of it, of a section that begins at a line.
func rulesError(path string, first int, err error) error {
	var bad *ruleset.LineError
	if errors.As(err, &bad) {
		return fmt.Errorf("%s:%d: %s: %.120q", path, first+bad.Line-1, bad.Why, bad.Text)
	}
	return fmt.Errorf("%s: %w", path, err)
}

func addTable(rules *event.Rules, t *ruleset.Table, path string) error {
	for _, have := range rules.Tables {
		if have.TableKey == t.TableKey {
			return hint(fmt.Errorf("--rules %s: table %s of family %s is given twice", path, t.Name, t.Family),
				"give each family's rules once; --rules ip6:FILE says that a file is ip6tables'")
		}
	}
	if t.ReadAt.IsZero() {
		t.ReadAt = time.Unix(0, 0)
	}
	rules.Tables = append(rules.Tables, t)
	return nil
}
