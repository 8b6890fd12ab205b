package nft

import "github.com/pktrail/pktrail/ruleset"

// Model is the table in the one model of all back ends: its chains, and each
// rule's text and effect. When it was read is for the caller to say.
func (t *Table) Model(style *Style) *ruleset.Table {
	m := &ruleset.Table{Dialect: ruleset.Nftables}
	m.TableKey = ruleset.TableKey{Backend: ruleset.NFT, Family: t.Family, Name: t.Name}
	for _, ch := range t.Chains {
		if ch.Flags&chainBinding == 0 {
			m.Chains = append(m.Chains, t.modelChain(ch, style))
		}
	}
	return m
}

func (t *Table) modelChain(ch *Chain, style *Style) *ruleset.Chain {
	m := &ruleset.Chain{Name: ch.Name}
	if ch.Type != "" {
		m.Base = &ruleset.Base{Hook: ruleset.Hook(hookWord(t.Family, ch.Hook)), Priority: ch.Priority,
			Type: ch.Type, Device: ch.Devices}
		m.Policy = ruleset.Drop
		if ch.Policy == 1 {
			m.Policy = ruleset.Accept
		}
	}
	for i, r := range ch.Rules {
		text := t.Text(r, style)
		m.Rules = append(m.Rules, ruleset.Rule{Number: i + 1, Handle: r.Handle, Text: text, Effect: EffectOf(text, t.Family)})
	}
	return m
}
