package arm

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pktrail/pktrail/internal/match"
	"github.com/pktrail/pktrail/ruleset"
	"github.com/pktrail/pktrail/ruleset/xt"
)

// Side is on which side of a named place packets are logged. Of chains of equal
// priority the one made last runs first (net/netfilter/core.c:
// nf_hook_entries_grow), and others may be made later, so that a chain of ours
// stands one priority before or after.
type Side uint8

// The sides.
const (
	Before Side = iota
	After
)

// LogPoint is one place where packets are logged.
type LogPoint struct {
	Name     string         // as the user knows it: raw/PREROUTING, forward:-150, inet/filter/input
	Family   ruleset.Family // whose packets: Inet is IPv4 and IPv6
	Hook     ruleset.Hook   // empty for a user chain of a legacy table
	Priority int32          // where our chain stands
	Devices  []string       // of an ingress or egress hook
	// NAT: the place is a nat table's, whose own rules see the first packet of a flow only.
	NAT bool

	// Table and Chain are set for a rule in a legacy table.
	Table, Chain string

	every bool // one of `all`
}

// AllPoints is the word for every hook of IPv4 and IPv6.
const AllPoints = "all"

// LogPoints finds the places that --at names: TABLE/CHAIN in iptables' words,
// HOOK and HOOK:PRIORITY in nft's, FAMILY/TABLE/CHAIN or TABLE/CHAIN for a base
// chain among tables, or all. A wrong word is a *match.Error.
func LogPoints(words []string, side Side, tables []*ruleset.Table) ([]LogPoint, error) {
	var points []LogPoint
	for _, word := range words {
		found, err := side.points(word, tables)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			same := func(o LogPoint) bool {
				return o.Name == p.Name || o.Family == p.Family && o.Hook == p.Hook && o.Priority == p.Priority && slices.Equal(o.Devices, p.Devices)
			}
			if !slices.ContainsFunc(points, same) {
				points = append(points, p)
			}
		}
	}
	return points, nil
}

func (s Side) points(word string, tables []*ruleset.Table) ([]LogPoint, error) {
	if word == AllPoints {
		points := make([]LogPoint, 0, len(inetHooks()))
		for _, hook := range inetHooks() {
			p := s.ends(hook, tables)
			p.every = true
			points = append(points, p)
		}
		return points, nil
	}
	find := s.hookPoint
	if strings.Contains(word, "/") {
		find = s.chainPoint
	}
	p, err := find(word, tables)
	return []LogPoint{p}, err
}

func inetHooks() []ruleset.Hook {
	return []ruleset.Hook{ruleset.Prerouting, ruleset.Input, ruleset.Forward, ruleset.Output, ruleset.Postrouting}
}

func wrongPoint(word, problem, hint string) error {
	return &match.Error{Arg: "--at " + word, Problem: problem, Hint: hint}
}

// beside is one priority before or behind another.
func (s Side) beside(priority int32) int32 {
	if s == After {
		return int32(min(int64(priority)+1, math.MaxInt32))
	}
	return int32(max(int64(priority)-1, math.MinInt32))
}

// ends is the beginning or the end of a hook: before and behind all chains of others.
func (s Side) ends(hook ruleset.Hook, tables []*ruleset.Table) LogPoint {
	p := LogPoint{Name: string(hook), Family: ruleset.Inet, Hook: hook, Priority: Priority}
	if s == After {
		p.Priority = latePriority
	}
	for _, t := range tables {
		if t.Family != ruleset.Inet && t.Family != ruleset.IP && t.Family != ruleset.IP6 {
			continue
		}
		for _, c := range t.Chains {
			if c.Base == nil || c.Base.Hook != hook {
				continue
			}
			if beside := s.beside(c.Base.Priority); s == Before && beside < p.Priority || s == After && beside > p.Priority {
				p.Priority = beside
			}
		}
	}
	return p
}

// hookPoint reads HOOK and HOOK:PRIORITY.
func (s Side) hookPoint(word string, tables []*ruleset.Table) (LogPoint, error) {
	name, priority, given := strings.Cut(word, ":")
	hook := ruleset.Hook(name)
	if hook == ruleset.Ingress || hook == ruleset.Egress {
		return LogPoint{}, wrongPoint(word, "this hook is a device's", "name a chain that the host has there, as netdev/TABLE/CHAIN, or use pktrail trace --from ingress -i DEVICE")
	}
	if !slices.Contains(inetHooks(), hook) {
		return LogPoint{}, wrongPoint(word, "no such place", "TABLE/CHAIN as in raw/PREROUTING, HOOK:PRIORITY as in forward:filter, a base chain as in inet/filter/input, or all")
	}
	if !given {
		return s.ends(hook, tables), nil
	}
	at, ok := parsePriority(priority)
	if !ok {
		return LogPoint{}, wrongPoint(word, strconv.Quote(priority)+" is not a priority", "a number such as -150, or raw, mangle, dstnat, filter, security, srcnat, with +10 or -10 behind it")
	}
	return LogPoint{Name: word, Family: ruleset.Inet, Hook: hook, Priority: s.beside(at)}, nil
}

// parsePriority reads nft's priorities: a number, a name, or a name and a distance from it.
func parsePriority(text string) (int32, bool) {
	names := map[string]int64{"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
	name, offset := text, ""
	if i := strings.IndexAny(text, "+-"); i > 0 {
		name, offset = text[:i], text[i:]
	}
	from, named := names[strings.TrimSpace(name)]
	if !named {
		n, err := strconv.ParseInt(text, 10, 32)
		return int32(n), err == nil
	}
	if offset == "" {
		return int32(from), true
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(offset, " ", ""), 10, 32)
	return int32(from + n), err == nil && from+n >= math.MinInt32 && from+n <= math.MaxInt32
}

// chainPoint finds TABLE/CHAIN and FAMILY/TABLE/CHAIN. Words of iptables mean the
// same place whatever tables there are.
func (s Side) chainPoint(word string, tables []*ruleset.Table) (LogPoint, error) {
	table, chain, _ := strings.Cut(word, "/")
	if base := builtinChain(table, chain); base != nil {
		return LogPoint{Name: word, Family: ruleset.Inet, Hook: base.Hook, Priority: s.beside(base.Priority), NAT: base.Type == "nat"}, nil
	}
	if known := xt.BuiltinChains(table); known != nil && isHookName(chain) {
		return LogPoint{}, wrongPoint(word, "the table "+table+" has no chain "+chain, "it has "+chainNames(known))
	}
	found := hostChains(word, tables)
	switch {
	case len(found) == 0:
		return LogPoint{}, wrongPoint(word, "no such chain here", "`nft list chains` and `iptables -S` have the names; rules of legacy tables' own chains: --legacy")
	case len(found) > 1:
		return LogPoint{}, wrongPoint(word, "several chains are called so", "write one of "+strings.Join(found.names(), ", "))
	case found[0].chain.Base == nil:
		return LogPoint{}, wrongPoint(word, "a chain that rules jump to, into which no table of ours can look", "name the base chain that leads to it, with --legacy put a rule of iptables into it, or follow packets through it: pktrail trace")
	}
	return s.hostPoint(word, found[0])
}

// builtinChain is where iptables' own chain stands, nil for any other.
func builtinChain(table, chain string) *ruleset.Base {
	for _, c := range xt.BuiltinChains(table) {
		if c.Name == chain {
			return c.Base
		}
	}
	return nil
}

func isHookName(chain string) bool {
	return chain == strings.ToUpper(chain) && slices.Contains(inetHooks(), ruleset.Hook(strings.ToLower(chain)))
}

func chainNames(chains []*ruleset.Chain) string {
	names := make([]string, len(chains))
	for i, c := range chains {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// hostChain is a chain of nf_tables that the host has.
type hostChain struct {
	family ruleset.Family
	name   string // FAMILY/TABLE/CHAIN
	chain  *ruleset.Chain
}

type hostChainList []hostChain

func (l hostChainList) names() []string {
	names := make([]string, len(l))
	for i, c := range l {
		names[i] = c.name
	}
	return names
}

// hostChains finds FAMILY/TABLE/CHAIN, or TABLE/CHAIN in every family.
func hostChains(word string, tables []*ruleset.Table) hostChainList {
	var found hostChainList
	for _, t := range tables {
		for _, c := range t.Chains {
			short := t.Name + "/" + c.Name
			whole := t.Family.String() + "/" + short
			if t.Backend == ruleset.NFT && (word == whole || word == short) {
				found = append(found, hostChain{t.Family, whole, c})
			}
		}
	}
	slices.SortFunc(found, func(a, b hostChain) int { return cmp.Compare(a.name, b.name) })
	return found
}

// hostPoint is beside a base chain. All nat chains of a hook are called from the
// one priority of its nat hook (net/netfilter/nf_nat_core.c: nf_nat_register_fn).
func (s Side) hostPoint(word string, c hostChain) (LogPoint, error) {
	base := c.chain.Base
	p := LogPoint{Name: word, Family: c.family, Hook: base.Hook, Devices: base.Device, NAT: base.Type == "nat"}
	priority := base.Priority
	if p.NAT {
		priority = natPriority(base.Hook)
	}
	p.Priority = s.beside(priority)
	switch {
	case c.family == ruleset.ARP:
		return p, wrongPoint(word, "packets of arp tables are no IP packets", "name a chain of another family")
	case base.Hook == "":
		return p, wrongPoint(word, "it stands at a hook that pktrail does not know", "name a hook: input, forward:filter")
	case base.Hook == ruleset.Ingress && c.family == ruleset.Inet:
		p.Family = ruleset.Netdev
	}
	if p.Family == ruleset.Netdev && len(p.Devices) == 0 {
		return p, wrongPoint(word, "it has no device", "name a hook: prerouting, input")
	}
	return p, nil
}

func natPriority(hook ruleset.Hook) int32 {
	if hook == ruleset.Input || hook == ruleset.Postrouting {
		return 100
	}
	return -100
}

// Place is where our chain stands, in nft's words.
func (p LogPoint) Place() string {
	if p.Table != "" {
		return "in the legacy table " + p.Table + ", chain " + p.Chain
	}
	return fmt.Sprintf("hook %s, priority %d", p.Hook, p.Priority)
}
