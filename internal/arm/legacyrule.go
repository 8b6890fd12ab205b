package arm

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/internal/netns"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Legacy says how rules are put into legacy tables.
type Legacy struct {
	Side Side // Before: at the head of the chain; After: at its end

	tools map[ruleset.Family]string
}

// LegacyRule is one rule of ours in a table that is somebody else's, by what
// iptables needs to find it again: all its words, with our name in a comment.
type LegacyRule struct {
	Tool   string         `json:"tool"` // path
	Family ruleset.Family `json:"family"`
	Table  string         `json:"table"`
	Chain  string         `json:"chain"`
	Spec   []string       `json:"spec"`

	side  Side
	point int
}

// LegacyPoints finds the places that --at names with --legacy: TABLE/CHAIN, user
// chains too. A wrong word is a *match.Error.
func LegacyPoints(words []string) ([]LogPoint, error) {
	var points []LogPoint
	for _, word := range words {
		table, chain, given := strings.Cut(word, "/")
		known := xt.BuiltinChains(table)
		base := builtinChain(table, chain)
		switch {
		case word == AllPoints || !given:
			return nil, wrongPoint(word, "--legacy puts a rule into one chain", "name it as TABLE/CHAIN: --at filter/FORWARD, --at filter/DOCKER-USER")
		case known == nil:
			return nil, wrongPoint(word, "iptables has no table "+strconv.Quote(table), "raw, mangle, nat, filter or security")
		case base == nil && isHookName(chain):
			return nil, wrongPoint(word, "the table "+table+" has no chain "+chain, "it has "+chainNames(known)+", and chains of users")
		case !isChainName(chain):
			return nil, wrongPoint(word, strconv.Quote(chain)+" is not the name of a chain", "`iptables-legacy -t "+table+" -S` has the names")
		}
		p := LogPoint{Name: word, Family: ruleset.Inet, Table: table, Chain: chain, NAT: table == "nat"}
		if base != nil {
			p.Hook, p.Priority = base.Hook, base.Priority
		}
		if !slices.ContainsFunc(points, func(o LogPoint) bool { return o.Name == p.Name }) {
			points = append(points, p)
		}
	}
	return points, nil
}

// isChainName is iptables' own check (iptables/xshared.c: assert_valid_chain_name).
func isChainName(name string) bool {
	return name != "" && len(name) < 29 && !strings.ContainsAny(name[:1], "-!") && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// The most that iptables' limit takes: packets a second and a burst
// (iptables/extensions/libxt_limit.c).
const (
	legacyMostRate  = 10000
	legacyMostBurst = 10000
)

// legacyRules plans rules in the tables that the namespace has. None is made: a
// table that is only looked at would be there afterwards, in every packet's way.
func (p *Plan) legacyRules(w *LogWish, k Known) error {
	rules, err := p.legacySpots(w, k)
	if err != nil {
		return err
	}
	rate := w.Rate.Share(len(rules))
	if rate.Packets > legacyMostRate && rate.Per == time.Second || rate.Burst > legacyMostBurst {
		return &match.Error{Arg: "--limit " + w.Rate.String(), Problem: fmt.Sprintf("iptables limits to at most %d packets a second, and a burst of %d", legacyMostRate, legacyMostBurst), Hint: "take less, or --unlimited"}
	}
	for _, r := range rules {
		p.rules = append(p.rules, p.legacyPair(r, w, rate)...)
	}
	p.Modules = append(p.Modules, "xt_NFLOG", "xt_comment")
	if rate != (Rate{}) {
		p.Modules = append(p.Modules, "xt_limit")
	}
	return nil
}

// legacySpots is the places of the rules, each with MATCH alone: one for each
// alternative of MATCH in each family that has the table.
func (p *Plan) legacySpots(w *LogWish, k Known) ([]LegacyRule, error) {
	var rules []LegacyRule
	for i, pt := range p.Points {
		there := len(rules)
		for _, f := range []ruleset.Family{ruleset.IP, ruleset.IP6} {
			m, ok := meeting(&w.Match, f)
			if !ok {
				continue
			}
			if !hasTable(k.Tables, f, pt.Table) {
				p.Notes = append(p.Notes, fmt.Sprintf("%s: this namespace has no legacy %s table %s; not logged there", pt.Name, familyName(f), pt.Table))
				continue
			}
			tool := w.Legacy.tools[f]
			if tool == "" {
				return nil, &match.Error{Arg: "--legacy", Problem: legacyToolName(f) + " is not installed", Hint: "apt install iptables; without --legacy no tool is needed"}
			}
			specs, err := legacySpecs(&m)
			if err != nil {
				return nil, err
			}
			for _, spec := range specs {
				rules = append(rules, LegacyRule{Tool: tool, Family: f, Table: pt.Table, Chain: pt.Chain, Spec: spec, side: w.Legacy.Side, point: i})
			}
		}
		if len(rules) == there {
			return nil, wrongPoint(pt.Name, "this namespace has no legacy table "+pt.Table+" for these packets, and a rule would create it", "leave --legacy away: a table of our own logs at the same place")
		}
	}
	return rules, nil
}

func familyName(f ruleset.Family) string {
	if f == ruleset.IP6 {
		return "IPv6"
	}
	return "IPv4"
}

func hasTable(tables []*ruleset.Table, f ruleset.Family, name string) bool {
	return slices.ContainsFunc(legacyTables(tables, f), func(t *ruleset.Table) bool { return t.Name == name })
}

// legacyPair is the rule that logs and, where a limit may keep it from that, one
// without a target that counts every packet.
func (p *Plan) legacyPair(r LegacyRule, w *LogWish, rate Rate) []LegacyRule {
	match := r.Spec
	r.Spec = slices.Concat(match, comment(p.prefix(r.point)))
	if rate != (Rate{}) {
		r.Spec = append(r.Spec, "-m", "limit", "--limit", rate.String(), "--limit-burst", fmt.Sprint(rate.Burst))
	}
	r.Spec = append(r.Spec, "-j", "NFLOG", "--nflog-group", fmt.Sprint(w.Group), "--nflog-prefix", p.prefix(r.point))
	if rate == (Rate{}) {
		return []LegacyRule{r}
	}
	counting := r
	counting.Spec = slices.Concat(match, comment(p.prefix(r.point)+matchedMark))
	return []LegacyRule{r, counting}
}

// matchedMark ends the comment of a rule that only counts.
const matchedMark = " matched"

func comment(text string) []string { return []string{"-m", "comment", "--comment", text} }

// insertion and removal are the arguments of iptables. It waits for its lock,
// which other programs that write rules hold for a moment.
func (r *LegacyRule) insertion() []string {
	where := []string{"-I", r.Chain, "1"}
	if r.side == After {
		where = []string{"-A", r.Chain}
	}
	return slices.Concat(r.head(), where, r.Spec)
}

func (r *LegacyRule) head() []string { return []string{"-w", lockSeconds, "-t", r.Table} }

const lockSeconds = "10"

// insert makes the rule. Whoever waits for hold to be closed waits for iptables too.
func (r *LegacyRule) insert(ns *netns.NS, hold *os.File) error {
	if _, err := runTool(ns, hold, r.Tool, r.insertion()...); err != nil {
		return &RuleError{Table: r.Table, Chain: r.Chain, Err: err}
	}
	return nil
}

// RuleError is iptables' refusal of a rule of ours.
type RuleError struct {
	Table, Chain string
	Err          error
}

// Busy reports whether another program held iptables' lock all the time that it
// waited (iptables/xtables.h: RESOURCE_PROBLEM).
func (e *RuleError) Busy() bool {
	const resourceProblem = 4
	var exit *toolError
	return errors.As(e.Err, &exit) && exit.code == resourceProblem
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("rule in chain %s of the legacy table %s: %v", e.Chain, e.Table, e.Err)
}

// Unwrap gives iptables' own words.
func (e *RuleError) Unwrap() error { return e.Err }

// remove takes the rule away; one that is gone already is no error, nor one that
// somebody takes away meanwhile. It reports whether the rule was there. A table
// that is gone is not asked for, which would make it again.
func (r *LegacyRule) remove(ns *netns.NS) (was bool, err error) {
	there, err := legacyTableThere(ns, r.Family, r.Table)
	if err != nil || !there {
		return false, err
	}
	if was, err = r.ask(ns, "-C"); !was || err != nil {
		return false, err
	}
	deleted, err := r.ask(ns, "-D")
	if err != nil || deleted {
		return deleted, err
	}
	if still, err := r.ask(ns, "-C"); still || err != nil {
		return true, errors.Join(&RuleError{Table: r.Table, Chain: r.Chain, Err: errors.New("iptables did not delete it")}, err)
	}
	return false, nil
}

// ask gives iptables a command about the rule; no: it says that there is no such
// rule, or no such chain.
func (r *LegacyRule) ask(ns *netns.NS, command string) (yes bool, err error) {
	_, err = runTool(ns, nil, r.Tool, slices.Concat(r.head(), []string{command, r.Chain}, r.Spec)...)
	var exit *toolError
	switch {
	case errors.As(err, &exit) && exit.code == 1:
		return false, nil
	case err != nil:
		return false, &RuleError{Table: r.Table, Chain: r.Chain, Err: err}
	}
	return true, nil
}

// String is the rule as a command that makes it.
func (r *LegacyRule) String() string {
	words := slices.Concat([]string{legacyToolName(r.Family)}, r.insertion())
	for i, w := range words {
		if strings.ContainsAny(w, " !:") && w != "!" {
			words[i] = strconv.Quote(w)
		}
	}
	return strings.Join(words, " ")
}

// LegacyCommands are the commands that make the plan's rules in legacy tables.
func (p *Plan) LegacyCommands() []string {
	lines := make([]string, len(p.rules))
	for i := range p.rules {
		lines[i] = p.rules[i].String()
	}
	return lines
}
