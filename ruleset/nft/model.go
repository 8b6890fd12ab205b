package nft

import (
	"strconv"

	"github.com/pktrail/pktrail/ruleset"
)

// Model is the table in the one model of all back ends: its chains, and each
// rule's text, effect and counter; with when, also its conditions. When it was
// read is for the caller to say.
func (t *Table) Model(style *Style, when bool) *ruleset.Table {
	m := &modeler{table: t, p: printer{style: style, stateless: style.Stateless, inline: true}, when: when, named: map[string][]*ruleset.Rule{}}
	model := &ruleset.Table{Dialect: ruleset.Nftables}
	model.TableKey = ruleset.TableKey{Backend: ruleset.NFT, Family: t.Family, Name: t.Name}
	for _, ch := range t.Chains {
		if ch.Flags&chainBinding == 0 {
			model.Chains = append(model.Chains, m.chain(ch))
		}
	}
	for len(m.bound) > 0 {
		next := m.bound[0]
		m.bound = m.bound[1:]
		model.Chains = append(model.Chains, m.chain(next))
	}
	m.tellNamed()
	return model
}

// modeler turns the chains of one table.
type modeler struct {
	table *Table
	p     printer
	when  bool
	named map[string][]*ruleset.Rule // that count by a counter of that name
	bound []*Chain                   // without a name of their own, that are still to be told
	nth   int                        // how many of them got a name here
}

func (m *modeler) chain(ch *Chain) *ruleset.Chain {
	c := &ruleset.Chain{Name: ch.Name}
	if ch.Counter != nil {
		c.PolicyCounter = ch.Counter.model()
	}
	if ch.Type != "" {
		c.Base = &ruleset.Base{Hook: ruleset.Hook(hookWord(m.table.Family, ch.Hook)), Priority: ch.Priority,
			Type: ch.Type, Device: ch.Devices}
		c.Policy = ruleset.Drop
		if ch.Policy == 1 {
			c.Policy = ruleset.Accept
		}
	}
	c.Rules = make([]ruleset.Rule, len(ch.Rules))
	for i, r := range ch.Rules {
		c.Rules[i].Number, c.Rules[i].Handle = i+1, r.Handle
		m.rule(&c.Rules[i], r)
	}
	return c
}

func (m *modeler) rule(to *ruleset.Rule, r *Rule) {
	every := settleEvery(m.table.Family, m.table.lifted(r))
	m.p.b, m.p.remark = m.p.b[:0], nil
	m.p.statements(m.table, r, listed(every))
	to.Text = string(m.p.b)
	to.Effect = EffectOf(to.Text, m.table.Family)
	for _, s := range every {
		m.counts(to, s)
		switch s := s.(type) {
		case affecting:
			s.affect(&to.Effect)
		case *chainStmt:
			to.Effect.Target = m.bind(s.chain)
		}
	}
	if m.when {
		to.When, to.Known = m.table.asked(every, m.p.style), true
	}
}

// bind keeps a chain that stands in a rule for later, and tells its name: the
// kernel's, or for text one as the kernel would give (nf_tables_api.c:
// nft_chain_add, __chain%llu).
func (m *modeler) bind(ch *Chain) string {
	named := *ch
	if named.Name == "" {
		named.Name = "__chain" + strconv.Itoa(m.nth)
		m.nth++
	}
	m.bound = append(m.bound, &named)
	return named.Name
}

// counts takes the first counter of a rule.
func (m *modeler) counts(to *ruleset.Rule, s stmt) {
	switch s := s.(type) {
	case *Counter:
		if to.Counter == nil {
			to.Counter = s.model()
		}
	case *objrefStmt:
		if s.typ == objCounter && s.byMap == nil {
			m.named[s.name] = append(m.named[s.name], to)
		}
	}
}

// tellNamed gives rules what their named counter has seen, where no other rule
// counts by it.
func (m *modeler) tellNamed() {
	for _, s := range m.table.Sets {
		if s.ObjType == objCounter {
			return
		}
	}
	for _, o := range m.table.Objects {
		if rules := m.named[o.Name]; o.Type == objCounter && len(rules) == 1 && rules[0].Counter == nil {
			rules[0].Counter = decodeCounter(&o.data).(*Counter).model()
		}
	}
}

// affecting is a statement that tells more of what a rule does than its text.
type affecting interface{ affect(*ruleset.Effect) }
