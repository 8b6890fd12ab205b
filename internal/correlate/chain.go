package correlate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/journey"
	"github.com/pktrail/pktrail/ruleset"
)

type chainKey struct {
	table ruleset.TableKey
	name  string
}

// lineKey is what a TRACE line says about its place.
type lineKey struct {
	family      ruleset.Family
	table, name string
}

// chain is one chain as far as it is known: from the inventory, from the texts,
// or only from an event that named it.
type chain struct {
	chainKey
	dialect ruleset.Dialect
	base    *ruleset.Base
	policy  ruleset.Verdict
	own     *event.OwnChain

	text   *reading // nil while no text was read
	before *reading // the reading that text replaced, when it was another
	noText string
	known  bool // it is in the inventory
	byKey  map[stepKey]*journey.Rule
}

// reading is the rules of a chain at one time.
type reading struct {
	rules    []ruleset.Rule
	byHandle map[uint64]int
	at       time.Time
}

// stepKey names a rule as a step of a journey shows it.
type stepKey struct {
	kind   journey.Kind
	handle uint64
	number int32
	doubt  bool
}

// ofTrace reports whether the chain is in a table of another trace, which decides nothing.
func (c *chain) ofTrace() bool { return strings.HasPrefix(c.table.Name, "pktrail-") }

func (c *chain) isNAT() bool { return c.base != nil && c.base.Type == "nat" }

// at is the priority at which the kernel really calls the chain: all nat chains
// hang in the one nat hook of their place (net/netfilter/nf_nat_proto.c).
func (c *chain) at() int32 {
	if !c.isNAT() {
		return c.base.Priority
	}
	if c.base.Hook == ruleset.Prerouting || c.base.Hook == ruleset.Output {
		return -100
	}
	return 100
}

// where is the hook and priority at which the chain is called; the hook of a user
// chain, and of one that no inventory names, is not known.
func (c *chain) where() (ruleset.Hook, int32) {
	switch {
	case c.own != nil:
		return c.own.Hook, c.own.Priority
	case c.base != nil:
		return c.base.Hook, c.at()
	}
	return "", 0
}

func (s *space) chain(key chainKey) *chain {
	if c, ok := s.chains[key]; ok {
		return c
	}
	c := &chain{chainKey: key, dialect: ruleset.Nftables, byKey: map[stepKey]*journey.Rule{}}
	if key.table.Backend == ruleset.Legacy {
		c.dialect = ruleset.Iptables
		c.noText = s.noRules(key.table.Family)
		s.lineChains[lineKey{key.table.Family, key.table.Name, key.name}] = c
	} else if key.table.Name == s.info.OwnTable {
		if own, ok := s.info.Own[key.name]; ok {
			c.own, c.known = &own, true
		}
	}
	s.chains[key] = c
	return c
}

// noRules says why a chain of a log, which holds no rules itself, has none.
func (s *space) noRules(family ruleset.Family) string {
	switch {
	case !s.info.Log:
		return ""
	case s.story.texts[family]:
		return "the rules given have no such chain"
	}
	return "a log does not hold the rules; --rules FILE gives them"
}

// learn takes over an inventory or the texts of tables.
func (s *space) learn(r *event.Rules) {
	for _, t := range r.Tables {
		if s.info.Log && !t.ReadAt.IsZero() {
			s.story.texts[t.Family] = true
		}
		for _, in := range t.Chains {
			c := s.chain(chainKey{t.TableKey, in.Name})
			c.known, c.base = true, in.Base
			if in.Policy != "" {
				c.policy = in.Policy
			}
			if t.Dialect != "" {
				c.dialect = t.Dialect
			}
			c.noText = t.NoText
			c.read(in.Rules, t.ReadAt)
			clear(c.byKey)
		}
	}
	s.pendingTexts = r.Pending
	s.stale = s.stale && len(r.Tables) == 0
	s.allKnown = s.allKnown || r.All
	for _, p := range r.Problems {
		s.c.note(p)
	}
	s.rebase()
}

// check notes whether the rules are still those that were read.
func (s *space) check(e *event.Event) {
	s.stale = e.Stale
	if !e.Stale {
		s.checked = e.Time
	}
}

// doubtful says why the text of a legacy rule that was met at a time may be of
// another rule, as long as the changed rules have not been read.
func (t *trip) doubtful(at int64) string {
	s := t.sp
	switch {
	case at <= s.checked.UnixNano():
		return ""
	case t.unverified:
		return fmt.Sprintf("whether the legacy tables have changed since %s has not been looked at yet", s.checked.Format("15:04:05.000"))
	case !s.stale:
		return ""
	}
	return fmt.Sprintf("the legacy tables have changed since %s and are yet to be read again", s.checked.Format("15:04:05.000"))
}

// read keeps a reading of the chain's rules, and the one before it where the two differ.
func (c *chain) read(rules []ruleset.Rule, at time.Time) {
	if at.IsZero() {
		return
	}
	if c.text != nil && slices.EqualFunc(c.text.rules, rules, func(a, b ruleset.Rule) bool {
		return a.Text == b.Text && a.Handle == b.Handle
	}) {
		c.text.at = at
		return
	}
	c.before = c.text
	c.text = &reading{rules: rules, at: at, byHandle: make(map[uint64]int, len(rules))}
	for i, r := range rules {
		if r.Handle != 0 {
			c.text.byHandle[r.Handle] = i
		}
	}
}

func (r *reading) byNumber(n int32) *ruleset.Rule {
	if r == nil || n < 1 || int(n) > len(r.rules) {
		return nil
	}
	return &r.rules[n-1]
}

func (r *reading) handle(h uint64) *ruleset.Rule {
	if r == nil {
		return nil
	}
	if i, ok := r.byHandle[h]; ok {
		return &r.rules[i]
	}
	return nil
}

// rebase lists the base chains from which every traced packet that passes is
// heard: nat chains are asked for a flow's first packet only, and legacy tables
// are silent where nobody hears their lines.
func (s *space) rebase() {
	s.bases, s.nat = s.bases[:0], !s.allKnown
	for key, own := range s.info.Own {
		if own.Role == event.Milestone {
			table := ruleset.TableKey{Backend: ruleset.NFT, Family: own.Family, Name: s.info.OwnTable}
			c := s.chain(chainKey{table, key})
			c.base = &ruleset.Base{Hook: own.Hook, Priority: own.Priority, Type: "filter"}
			s.bases = append(s.bases, c)
		}
	}
	for _, c := range s.chains {
		s.nat = s.nat || c.isNAT()
		if c.base == nil || !c.known || c.isNAT() || c.table.Name == s.info.OwnTable {
			continue
		}
		if c.table.Backend == ruleset.Legacy && s.info.BlindLegacy != "" {
			continue
		}
		s.bases = append(s.bases, c)
	}
}
