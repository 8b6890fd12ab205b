package collect

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

// saveScan walks the output of iptables-save -c and keeps the rules that tell of packets.
type saveScan struct {
	fam          ruleset.Family
	backend      ruleset.Backend
	table        string
	first        int            // of the table's rules in rules
	numbers      map[string]int // of the last rule of each chain of the table
	calls        *calls         // of the table
	rules        []snapshot.LogRule
	incompatible bool
}

func (s *saveScan) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadString('\n')
		s.line(strings.TrimSpace(line))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *saveScan) line(line string) {
	switch {
	case strings.HasPrefix(line, "*"):
		s.table, s.first = line[1:], len(s.rules)
		s.numbers, s.calls = map[string]int{}, newCalls()
	case strings.HasPrefix(line, "# Table `"):
		s.incompatible = s.incompatible || strings.Contains(line, "is incompatible")
	case s.calls == nil: // outside of any table
	case line == "COMMIT":
		s.calls.judge(s.rules[s.first:])
	case strings.HasPrefix(line, ":"):
		if words := strings.Fields(line[1:]); len(words) > 1 && words[1] != "-" {
			s.calls.roots = append(s.calls.roots, words[0])
		}
	case strings.HasPrefix(line, "["):
		if counters, text, ok := strings.Cut(line[1:], "] "); ok {
			s.rule(counters, text)
		}
	}
}

func (s *saveScan) rule(counters, text string) {
	words := strings.Fields(text) // names of chains hold no blanks
	if len(words) < 2 || words[0] != "-A" {
		return
	}
	chain := words[1]
	s.numbers[chain]++
	if r, ok := snapshot.ParseLogRule(text, ruleset.Iptables); ok {
		r.Table = ruleset.TableKey{Backend: s.backend, Family: s.fam, Name: s.table}
		r.Chain, r.Number, r.NAT, r.Behind = chain, s.numbers[chain], s.table == "nat", s.calls.taken[chain]
		packets, _, _ := strings.Cut(counters, ":")
		if n, err := strconv.ParseUint(packets, 10, 64); err == nil {
			r.Packets = snapshot.Known(n)
		}
		s.rules = append(s.rules, r)
	}
	for i, w := range words[:len(words)-1] {
		if w == "-j" || w == "-g" {
			s.calls.to[chain] = append(s.calls.to[chain], words[i+1])
		}
	}
	s.calls.takes(chain, text, len(words) > 3 && (words[2] == "-j" && takesPacket(words[3]) || words[2] == "-g"))
}

// takesPacket reports whether a target ends a packet's way through its chain.
func takesPacket(target string) bool {
	switch target {
	case "ACCEPT", "DROP", "RETURN", "REJECT", "QUEUE", "NFQUEUE":
		return true
	}
	return false
}

// calls is which chains of a table lead to which, and where their packets end.
type calls struct {
	roots  []string            // base chains
	to     map[string][]string // targets of each chain's rules; chains among them
	taken  map[string]string   // the first rule of each chain that takes every packet
	hidden bool                // there are calls that cannot be seen, in maps
}

func newCalls() *calls {
	return &calls{to: map[string][]string{}, taken: map[string]string{}}
}

func (c *calls) takes(chain, text string, all bool) {
	if all && c.taken[chain] == "" {
		c.taken[chain] = text
	}
}

// judge says of each rule whether its chain is called.
func (c *calls) judge(rules []snapshot.LogRule) {
	if len(rules) == 0 {
		return
	}
	reached := map[string]bool{}
	open := append([]string(nil), c.roots...)
	for len(open) > 0 {
		chain := open[len(open)-1]
		open = open[:len(open)-1]
		if reached[chain] {
			continue
		}
		reached[chain] = true
		open = append(open, c.to[chain]...)
	}
	for i := range rules {
		switch r := &rules[i]; {
		case reached[r.Chain], !c.hidden:
			r.Called = snapshot.Known(reached[r.Chain])
		default:
			r.Called = snapshot.Unknown[bool]("the table has verdict maps, whose elements are not read")
		}
	}
}
