package xt

import (
	"github.com/pktrail/pktrail/ruleset"
)

// Model tells the table in the one model of rules: texts, what the rules do, and
// their counters. With when it tells what packets must be, too, and members then
// says what ipsets hold; nil for sets that were not read.
func (t *Table) Model(when bool, members ruleset.Members) *ruleset.Table {
	m := &ruleset.Table{Dialect: ruleset.Iptables, Chains: make([]*ruleset.Chain, 0, len(t.Chains))}
	m.TableKey = ruleset.TableKey{Backend: t.Backend, Family: t.Family, Name: t.Name}
	if m.Backend == "" {
		m.Backend = ruleset.Legacy
	}
	w := modeller{table: t, builtins: BuiltinLegacyChains(t.Family, t.Name)}
	if m.Backend == ruleset.NFT && !t.broutes() {
		w.builtins = BuiltinNFTChains(t.Family, t.Name)
	}
	if when {
		w.when = tellingMany()
	}
	for _, c := range t.Chains {
		if c.Absent {
			continue
		}
		chain := w.chain(c)
		m.Chains = append(m.Chains, chain)
		if when {
			for n := range c.Rules {
				r := &chain.Rules[n]
				r.When, r.Known = c.Rules[n].conditions(w.when, asked{t.Family, members}), true
			}
		}
	}
	return m
}

// modeller keeps what the chains of a table share.
type modeller struct {
	table    *Table
	builtins []*ruleset.Chain
	text     []byte
	ends     []int
	when     *told // nil where conditions are not asked for
}

func (w *modeller) chain(c *Chain) *ruleset.Chain {
	m := &ruleset.Chain{Name: c.Name, Rules: make([]ruleset.Rule, len(c.Rules))}
	for _, b := range w.builtins {
		if b.Name == c.Name {
			m.Base = b.Base
		}
	}
	hasPolicy := c.Policy != "" && (m.Base != nil || w.table.Family != ruleset.Bridge)
	if hasPolicy {
		m.Policy = c.Policy.model()
	}
	if hasPolicy && w.table.broutes() && m.Policy == ruleset.Drop {
		m.Policy = ruleset.Accept
	}
	if hasPolicy && !c.Uncounted {
		m.PolicyCounter = &ruleset.Counter{Packets: c.Packets, Bytes: c.Bytes}
	}
	counters := make([]ruleset.Counter, len(c.Rules))
	for i := range c.Rules {
		r := &c.Rules[i]
		counters[i] = ruleset.Counter{Packets: r.Packets, Bytes: r.Bytes}
		m.Rules[i] = ruleset.Rule{Number: i + 1, Handle: r.Handle}
		if !r.Uncounted {
			m.Rules[i].Counter = &counters[i]
		}
		r.tellEffect(&m.Rules[i].Effect, w.table.Family)
		w.table.broute(&m.Rules[i].Effect)
	}
	w.addTexts(c, m.Rules)
	if m.Base == nil && c.endsAll(w.table.Family) {
		m.Rules = append(m.Rules, c.policyRule())
	}
	return m
}

// endsAll: a user chain of ebtables has a policy of its own.
func (c *Chain) endsAll(fam ruleset.Family) bool {
	return fam == bridge && (c.Policy == "ACCEPT" || c.Policy == "DROP")
}

// policyRule is the rule as which ebtables keeps the policy of a user chain.
func (c *Chain) policyRule() ruleset.Rule {
	r := ruleset.Rule{
		Number: len(c.Rules) + 1, Handle: c.PolicyRule, Text: "-P " + c.Name + " " + string(c.Policy), Known: true,
		Effect: ruleset.Effect{Known: true, Target: string(c.Policy), Verdict: c.Policy.model(), Bare: true},
	}
	if !c.Uncounted {
		r.Counter = &ruleset.Counter{Packets: c.Packets, Bytes: c.Bytes}
	}
	return r
}

// brouteTable is the table of ebtables that tells frames that are bridged from those
// that the host takes as if its port were in no bridge.
const brouteTable = "broute"

func (t *Table) broutes() bool { return t.Family == bridge && t.Name == brouteTable }

// broute: what is dropped there is not lost, but leaves the bridge for the host
// behind this hook (net/bridge/netfilter/ebtable_broute.c: ebt_broute).
func (t *Table) broute(e *ruleset.Effect) {
	if t.broutes() && e.Verdict == ruleset.Drop {
		e.Verdict = ruleset.Accept
	}
}

// addTexts gives the rules their texts, all of them parts of one string.
func (w *modeller) addTexts(c *Chain, rules []ruleset.Rule) {
	w.text, w.ends = w.text[:0], w.ends[:0]
	for i := range c.Rules {
		w.text = c.Rules[i].AppendSave(w.text, c.Name)
		w.ends = append(w.ends, len(w.text))
	}
	whole, from := string(w.text), 0
	for i, end := range w.ends {
		rules[i].Text, from = whole[from:end], end
	}
}

// model is the verdict in the words of the model.
func (v Verdict) model() ruleset.Verdict {
	if known, ok := standard(string(v)); ok {
		return known
	}
	return ruleset.Unknown
}

// affects is what matches and targets implement that do more than look at a
// packet, or look at more than the packet.
type affects interface {
	affect(e *ruleset.Effect, fam ruleset.Family)
}

// Effect tells what the rule does to a packet that matches, in a table of that family.
func (r *Rule) Effect(fam ruleset.Family) ruleset.Effect {
	var e ruleset.Effect
	r.tellEffect(&e, fam)
	return e
}

func (r *Rule) tellEffect(e *ruleset.Effect, fam ruleset.Family) {
	if r.Unread != "" {
		return
	}
	e.Known, e.Verdict = true, ruleset.Continue
	switch t := r.Target.(type) {
	case nil:
	case Verdict:
		e.Target, e.Verdict, e.Bare = string(t), t.model(), r.bare()
	case Jump:
		e.Target, e.Verdict = t.Chain, ruleset.Jump
		if t.Goto {
			e.Verdict = ruleset.Goto
		}
	default:
		e.Target = t.Name()
		e.Verdict, _ = verdictOf(e.Target)
		e.NAT = natOf(e.Target)
		if t, ok := t.(affects); ok {
			t.affect(e, fam)
		}
	}
	for _, m := range r.Matches {
		if m, ok := m.(affects); ok {
			m.affect(e, fam)
		}
	}
}

// bare mirrors net/ipv4/netfilter/ip_tables.c: unconditional.
func (r *Rule) bare() bool {
	return !r.Source.Addr.IsValid() && !r.Dest.Addr.IsValid() && r.In == (Interface{}) && r.Out == (Interface{}) &&
		r.Protocol.Number == 0 && !r.Fragment && len(r.Matches) == 0 && (r.Frame == nil || *r.Frame == Frame{}) &&
		(r.ARP == nil || *r.ARP == ARP{})
}

// affect tells by its words what an extension does whose options are only text.
func (v Verbatim) affect(e *ruleset.Effect, fam ruleset.Family) {
	words, _ := split(v.Options)
	x := extension{v.Extension, words}
	r := &rule{fam: fam, target: x, e: *e}
	if targetForms[x.name] != nil {
		r.judgeSideEffects()
	} else {
		r.judgeMatch(x)
	}
	*e = r.e
}
