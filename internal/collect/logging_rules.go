package collect

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/pktrail/pktrail/internal/event"
	"github.com/pktrail/pktrail/internal/snapshot"
	"github.com/pktrail/pktrail/ruleset"
)

// logRules reads the rules that tell of packets, with what they counted. It
// runs inside the namespace.
func (h *Host) logRules(ctx context.Context, l *snapshot.Logging) error {
	rules := &event.Rules{}
	if err := h.inventory(rules); err != nil {
		return err
	}
	l.Unread = append(l.Unread, rules.Problems...)
	h.fill(ctx, rules)
	slices.SortStableFunc(rules.Tables, func(a, b *ruleset.Table) int { return cmp.Compare(a.Backend, b.Backend) })
	for _, t := range rules.Tables {
		switch {
		case t.Backend == ruleset.NFT && strings.HasPrefix(t.Name, ownPrefix):
		case t.NoText != "":
			l.Unread = append(l.Unread, string(t.Backend)+" table "+t.Family.String()+" "+t.Name+": "+t.NoText)
		default:
			l.Rules = append(l.Rules, logRulesOf(t)...)
		}
	}
	return ctx.Err()
}

func logRulesOf(t *ruleset.Table) (found []snapshot.LogRule) {
	c := newCalls()
	for _, ch := range t.Chains {
		if ch.Base != nil {
			c.roots = append(c.roots, ch.Name)
		}
		for i := range ch.Rules {
			r := &ch.Rules[i]
			if told, ok := snapshot.ParseLogRule(r.Text, t.Dialect); ok {
				told.Table, told.Chain, told.Number, told.Handle = t.TableKey, ch.Name, r.Number, r.Handle
				told.NAT, told.Behind = translates(t, ch), c.taken[ch.Name]
				if r.Counter != nil {
					told.Packets = snapshot.Known(r.Counter.Packets)
				}
				found = append(found, told)
			}
			c.add(t.Dialect, ch.Name, r)
		}
	}
	c.judge(found)
	return found
}

// translates reports whether a chain is asked for the first packet of a
// connection only.
func translates(t *ruleset.Table, ch *ruleset.Chain) bool {
	if t.Dialect == ruleset.Iptables {
		return t.Name == "nat"
	}
	return ch.Base != nil && ch.Base.Type == "nat"
}
