package rules

import "github.com/pktrail/pktrail/ruleset"

// Schemas of what is told of rules in JSON.
const (
	ChainSchema = "pktrail/chain/v1"
	RuleSchema  = "pktrail/rule/v1"
	CallSchema  = "pktrail/call/v1"
)

// Origin is where rules were read.
type Origin struct {
	Netns *Netns `json:"netns,omitzero"` // absent for files
	File  string `json:"file,omitzero"`
}

// Netns is a network namespace.
type Netns struct {
	Name  string `json:"name"`
	Inode uint64 `json:"inode"`
}

// Spot is where in a ruleset a chain stands.
type Spot struct {
	Backend ruleset.Backend `json:"backend"`
	Dialect ruleset.Dialect `json:"dialect"`
	Family  string          `json:"family"` // in nft's words
	Table   string          `json:"table"`
	Chain   string          `json:"chain"`
}

// Seen is what a counter has counted; absent where there is none.
type Seen struct {
	Packets *uint64 `json:"packets,omitzero"`
	Bytes   *uint64 `json:"bytes,omitzero"`
}

// ChainEntry is a chain, in JSON before its rules.
type ChainEntry struct {
	Schema string `json:"schema"`
	Origin
	Spot
	// Of a base chain.
	Hook     ruleset.Hook    `json:"hook,omitzero"`
	Priority *int32          `json:"priority,omitzero"`
	Runs     *int32          `json:"runs,omitzero"` // the priority at which NAT asks it, where that is another
	Type     string          `json:"type,omitzero"`
	Devices  []string        `json:"devices,omitzero"`
	Policy   ruleset.Verdict `json:"policy,omitzero"`
	Seen                     // by the policy
	Tied     bool            `json:"tied,omitzero"` // others run at the same priority, the one made last first, and which that is is not known

	Rules   int        `json:"rules"`
	Reached bool       `json:"reached"`
	Ways    int        `json:"ways"`          // rules that lead to it
	From    []RuleSpot `json:"from,omitzero"` // the first few of them
	*StopAnswer
}

// RuleSpot names a rule of a table; without a number the policy of the chain.
type RuleSpot struct {
	Chain  string `json:"chain"`
	Number int    `json:"number,omitzero"` // from 1
	Handle uint64 `json:"handle,omitzero"` // nft's
}

// RuleEntry is a rule.
type RuleEntry struct {
	Schema string `json:"schema"`
	Origin
	Spot
	Number  int             `json:"number"`
	Handle  uint64          `json:"handle,omitzero"`
	Text    string          `json:"text"`
	Verdict ruleset.Verdict `json:"verdict"`
	Target  string          `json:"target,omitzero"`
	Seen
	*Answer
}

// CallEntry is what the kernel calls at a hook and is no rule.
type CallEntry struct {
	Schema string `json:"schema"`
	Origin
	Family   string       `json:"family"` // of the packets, in nft's words
	Hook     ruleset.Hook `json:"hook"`
	Priority int32        `json:"priority"`
	Function string       `json:"function,omitzero"` // absent where the kernel keeps no name
	Module   string       `json:"module,omitzero"`
	Program  uint32       `json:"program,omitzero"` // of BPF, its number
}

// Entry is the call as JSON tells it.
func (c *Call) Entry(from Origin) CallEntry {
	return CallEntry{CallSchema, from, c.Family.String(), c.Hook, c.Priority, c.Function, c.Module, c.Program}
}

// Answer is what find tells of a rule beside the rule itself.
type Answer struct {
	Question string       `json:"question"`      // the family of the packets: ipv4, ipv6
	Hook     ruleset.Hook `json:"hook,omitzero"` // absent where no packet comes to the rule
	Priority *int32       `json:"priority,omitzero"`
	Match    string       `json:"match"` // yes, or maybe
	Needs    []string     `json:"needs"` // what maybe depends on
	Via      []RuleSpot   `json:"via"`   // rules that lead here, from the base chain on
	// Behind is the rule or policy that certainly takes the packets before.
	Behind *Taker      `json:"behind,omitzero"`
	NAT    ruleset.NAT `json:"nat,omitzero"`
	NATTo  string      `json:"nat_to,omitzero"`
	Told   []string    `json:"told,omitzero"` // chains it leads to that are told further up, maybe below an earlier base chain
}

// StopAnswer is what find tells of a base chain beside the chain itself.
type StopAnswer struct {
	Question  string `json:"question"`
	Found     int    `json:"found"`      // rules that could match
	PolicyMet string `json:"policy_met"` // whether the packets come to the policy: yes, no, maybe
	Behind    *Taker `json:"behind,omitzero"`
}

// Taker is a rule, or without a number a policy, of any table.
type Taker struct {
	Spot
	Number int    `json:"number,omitzero"`
	Handle uint64 `json:"handle,omitzero"`
}

// SpotOf is where a chain of a table stands.
func SpotOf(t *ruleset.Table, chain string) Spot {
	return Spot{t.Backend, t.Dialect, t.Family.String(), t.Name, chain}
}

// Entry is the chain as JSON tells it.
func (p *Place) Entry(from Origin) ChainEntry {
	e := chainEntry(from, p.Table, p.Chain)
	b := p.Chain.Base
	e.Hook, e.Priority, e.Type, e.Devices, e.Policy, e.Tied = b.Hook, &b.Priority, b.Type, b.Device, p.Chain.Policy, p.Tied
	if p.Runs != b.Priority {
		e.Runs = &p.Runs
	}
	e.Reached = true
	return e
}

// Entry is the chain as JSON tells it.
func (l *Leaf) Entry(from Origin, reached bool) ChainEntry {
	e := chainEntry(from, l.Table, l.Chain)
	e.Reached, e.Ways = reached, l.Ways
	for _, r := range l.From {
		e.From = append(e.From, spotOf(r))
	}
	return e
}

func chainEntry(from Origin, t *ruleset.Table, c *ruleset.Chain) ChainEntry {
	return ChainEntry{
		Schema: ChainSchema, Origin: from, Spot: SpotOf(t, c.Name), Rules: len(c.Rules), Seen: seen(c.PolicyCounter),
	}
}

func spotOf(r Ref) RuleSpot {
	s := RuleSpot{Chain: r.Chain.Name}
	if r.Rule != nil {
		s.Number, s.Handle = r.Rule.Number, r.Rule.Handle
	}
	return s
}

func seen(c *ruleset.Counter) Seen {
	if c == nil {
		return Seen{}
	}
	return Seen{&c.Packets, &c.Bytes}
}

// Entry is the rule as JSON tells it.
func (r Ref) Entry(from Origin) RuleEntry {
	return RuleEntry{
		Schema: RuleSchema, Origin: from, Spot: SpotOf(r.Table, r.Chain.Name),
		Number: r.Rule.Number, Handle: r.Rule.Handle, Text: r.Rule.Text,
		Verdict: r.Rule.Effect.Verdict, Target: r.Rule.Effect.Target, Seen: seen(r.Rule.Counter),
	}
}

// Entry is the base chain as JSON tells it, with what was found there.
func (s *FoundStop) Entry(from Origin, fam ruleset.Family) ChainEntry {
	e := (&Place{Stop: s.Stop}).Entry(from)
	e.StopAnswer = &StopAnswer{familyWord(fam), s.Hits.Len(), truthWord(s.Policy), taker(s.Behind)}
	return e
}

// Entry is the rule as JSON tells it, with why it was found at the stop; nil for
// one that no packet comes to.
func (h *Hit) Entry(from Origin, at *FoundStop, fam ruleset.Family) RuleEntry {
	e := h.Ref.Entry(from)
	e.Answer = &Answer{
		Question: familyWord(fam), Match: truthWord(h.Truth), Needs: append([]string{}, h.Needs()...),
		Via: []RuleSpot{}, Behind: taker(h.Behind),
	}
	for _, t := range h.Told {
		e.Told = append(e.Told, t.Chain)
	}
	if at != nil {
		e.Hook, e.Priority = at.Chain.Base.Hook, &at.Chain.Base.Priority
	}
	for _, v := range h.Via() {
		e.Via = append(e.Via, spotOf(v))
	}
	if n := h.NAT(); n != nil {
		e.NAT, e.NATTo = n.Kind, n.To
	}
	return e
}

func familyWord(fam ruleset.Family) string {
	if fam == ruleset.IP6 {
		return "ipv6"
	}
	return "ipv4"
}

func truthWord(t ruleset.Truth) string {
	return [...]string{ruleset.Maybe: "maybe", ruleset.No: "no", ruleset.Yes: "yes"}[t]
}

func taker(r *Ref) *Taker {
	if r == nil {
		return nil
	}
	s := spotOf(*r)
	return &Taker{SpotOf(r.Table, r.Chain.Name), s.Number, s.Handle}
}
